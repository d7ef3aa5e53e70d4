"""The address of nowhere: what goes there goes to the address that the socket has."""
import socket
import struct

from attack import SENT

HERE, PORT = "10.99.0.1", 7050
NOWHERE = ("0.0.0.0", PORT)
IP_PKTINFO = 8


def waiter():
    """Who waits at an address of this host's that is not loopback's."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HERE, PORT))
    sock.setblocking(False)
    heard = []

    def look():
        try:
            while True:
                heard.append(sock.recv(64))
        except BlockingIOError:
            return len(heard)

    return "", look


def by_bound_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        sock.sendto(SENT, NOWHERE)


def by_connection():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        sock.connect(NOWHERE)
        sock.send(SENT)


def by_message():
    """The call says which address it is sent from."""
    source = struct.pack("=i4s4s", 0, socket.inet_aton(HERE), bytes(4))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([SENT], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, NOWHERE)


def mapped():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((f"::ffff:{HERE}", 0))
        sock.sendto(SENT, ("::ffff:0.0.0.0", PORT))

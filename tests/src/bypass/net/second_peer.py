"""The allowed peer first."""
import socket
import struct

from attack import SENT, connect_raw, peer, udp


def reconnected(first, to):
    with udp() as sock:
        sock.connect(peer(first))
        sock.connect(peer(to))
        sock.send(SENT)


def dissolved(first, to):
    """Connected to the allowed peer, let go again, then sent elsewhere."""
    with udp() as sock:
        sock.connect(peer(first))
        connect_raw(sock.fileno(), struct.pack("=H", socket.AF_UNSPEC) + bytes(14))
        sock.sendto(SENT, peer(to))

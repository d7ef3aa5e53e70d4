"""Socket addresses of odd families."""
import socket
import struct

from attack import LIBC, call, datagram_to, inet, peer, udp
from net import datagram


def v4(way, to):
    """UDP takes AF_UNSPEC for AF_INET."""
    with udp() as sock:
        getattr(datagram, way)(sock.fileno(), inet(socket.AF_UNSPEC, to))


def v4_on_v6(way, to):
    """A v6 socket that is handed a v4 address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        getattr(datagram, way)(sock.fileno(), inet(socket.AF_INET, to))


def raw(to):
    """A raw IPv6 socket takes an address of no family for one of its own."""
    host, port = peer(to)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 6)
        address = struct.pack("=HHI16sI", socket.AF_UNSPEC, 0, 0, socket.inet_pton(socket.AF_INET6, host), 0)
        packet = datagram_to(port)
        call(LIBC.sendto, sock.fileno(), packet, len(packet), 0, address, len(address))

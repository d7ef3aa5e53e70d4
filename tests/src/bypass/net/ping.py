"""Echo requests from sockets that ordinary users may have: the payload is whatever they like."""
import socket
import struct

from attack import SENT


def echo(version, to, connected=False):
    family, protocol, kind = {
        "4": (socket.AF_INET, socket.IPPROTO_ICMP, 8),
        "6": (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128),
    }[version]
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as sock:
        request = struct.pack(">BBHHH", kind, 0, 0, 0, 1) + SENT
        if connected:
            sock.connect((to, 0))
            sock.send(request)
        else:
            sock.sendto(request, (to, 0))


def connected(version, to):
    echo(version, to, True)

"""Addresses of the host, by the netlink protocol that everybody may ask."""
import socket
import struct

from attack import raise_code

RTM_NEWADDR, REQUEST, ACK = 20, 1, 4
IFA_LOCAL = 2


def add(address, link):
    host, prefix = address.split("/")
    body = struct.pack("=BBBBI", socket.AF_INET, int(prefix), 0, 0, socket.if_nametoindex(link))
    body += struct.pack("=HH", 8, IFA_LOCAL) + socket.inet_aton(host)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), RTM_NEWADDR, REQUEST | ACK, 1, 0) + body)
        answer = sock.recv(4096)
    raise_code(-struct.unpack_from("=i", answer, 16)[0])

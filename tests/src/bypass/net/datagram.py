"""Datagrams by every call that sends one."""
import ctypes
import os
import socket
import struct

from attack import LIBC, SENT, call, connect_raw, inet, peer, send_raw, udp
from uring import SEND, SENDMSG, SEND_ZC, Ring, entry


def scattered(to):
    with udp() as sock:
        sock.sendmsg([SENT[:4], SENT[4:]], [], 0, peer(to))


def by(way, to):
    with udp() as sock:
        globals()[way](sock.fileno(), inet(socket.AF_INET, to))


def sendto(fd, address):
    send_raw(fd, address)


class Message:
    """A `struct msghdr`, and what it speaks of, for as long as it is held."""

    def __init__(self, address):
        self.address, self.data = ctypes.create_string_buffer(address), ctypes.create_string_buffer(SENT)
        self.part = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(self.data), len(SENT)))
        words = ctypes.addressof(self.address), len(address), ctypes.addressof(self.part), 1, 0, 0, 0, 0
        # The last word is `sendmmsg`'s.
        self.header = ctypes.create_string_buffer(struct.pack("=8Q", *words))


def sendmsg(fd, address):
    message = Message(address)
    call(LIBC.sendmsg, fd, message.header, 0)


def sendmmsg(fd, address):
    message = Message(address)
    call(LIBC.sendmmsg, fd, message.header, 1, 0)


def message_by_ring(fd, address):
    message = Message(address)
    Ring().do(entry(SENDMSG, fd, ctypes.addressof(message.header), 1))


def by_ring(fd, address, operation=SEND):
    message = Message(address)
    data, where = ctypes.addressof(message.data), ctypes.addressof(message.address)
    Ring().do(entry(operation, fd, data, len(SENT), where, index=len(address)))


def without_copy(fd, address):
    by_ring(fd, address, SEND_ZC)


def connected(fd, address):
    connect_raw(fd, address)
    call(LIBC.send, fd, SENT, len(SENT), 0)


def written(fd, address):
    connect_raw(fd, address)
    os.write(fd, SENT)

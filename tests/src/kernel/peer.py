"""Addresses that strain, of datagrams."""
import socket
import struct

from attack import connect_raw, inet, send_raw

V4 = inet(socket.AF_INET, "127.0.0.1:7001")


def v6(family):
    return struct.pack("=H", family) + struct.pack(">HI", 7001, 0) + socket.inet_pton(socket.AF_INET6, "::1") + bytes(4)


def cut_off(family, length):
    """A socket of the family, and the beginning of an address of that length."""
    of_v4 = family == "4"
    sock = socket.socket(socket.AF_INET if of_v4 else socket.AF_INET6, socket.SOCK_DGRAM)
    return sock, (V4 if of_v4 else v6(socket.AF_INET6))[:int(length)]


def connect(family, length):
    sock, address = cut_off(family, length)
    connect_raw(sock.fileno(), address)


def send(family, length):
    sock, address = cut_off(family, length)
    send_raw(sock.fileno(), address)


def send_to_no_family():
    """The kernel sends it to whom the socket is connected to."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.connect(("::1", 7001))
    send_raw(sock.fileno(), v6(socket.AF_UNSPEC))

"""Connecting and sending by requests in a ring."""
import ctypes
import socket
import struct

from attack import SENT, inet, udp
from uring import ASYNC, Ring, entry

SENDMSG, CONNECT, SEND, SOCKET, SEND_ZC = 9, 16, 26, 45, 47


def tcp(to, how=0):
    address = ctypes.create_string_buffer(inet(socket.AF_INET, to), 16)
    with socket.socket() as sock:
        Ring().do(entry(CONNECT, sock.fileno(), ctypes.addressof(address), offset=16, how=how))


def tcp_in_worker(to):
    """Performed by a thread that the kernel makes for the ring."""
    tcp(to, ASYNC)


def datagram(to):
    address, data = ctypes.create_string_buffer(inet(socket.AF_INET, to), 16), ctypes.create_string_buffer(SENT)
    part = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(data), len(SENT)))
    message = struct.pack("=QQQQQQQ", ctypes.addressof(address), 16, ctypes.addressof(part), 1, 0, 0, 0)
    message = ctypes.create_string_buffer(message)
    with udp() as sock:
        Ring().do(entry(SENDMSG, sock.fileno(), ctypes.addressof(message), 1))


def named(to, opcode):
    """A send that brings the peer's address along."""
    address, data = ctypes.create_string_buffer(inet(socket.AF_INET, to), 16), ctypes.create_string_buffer(SENT)
    with udp() as sock:
        where = ctypes.addressof(address)
        Ring().do(entry(opcode, sock.fileno(), ctypes.addressof(data), len(SENT), where, index=16))


def without_copy(to):
    named(to, SEND_ZC)


def held(fd):
    """A send on a socket that somebody else connected."""
    data = ctypes.create_string_buffer(SENT)
    Ring().do(entry(SEND, int(fd), ctypes.addressof(data), len(SENT)))


def family(number, kind):
    print("made", Ring().do(entry(SOCKET, int(number), offset=int(kind))))

"""Connecting and sending by requests in a ring."""
import ctypes
import socket

from attack import SENT, inet
from uring import ASYNC, SEND, Ring, entry

CONNECT, SOCKET = 16, 45


def tcp(to, how=0):
    address = ctypes.create_string_buffer(inet(socket.AF_INET, to), 16)
    with socket.socket() as sock:
        Ring().do(entry(CONNECT, sock.fileno(), ctypes.addressof(address), offset=16, how=how))


def tcp_in_worker(to):
    """Performed by a thread that the kernel makes for the ring."""
    tcp(to, ASYNC)


def held(fd):
    """A send on a socket that somebody else connected."""
    data = ctypes.create_string_buffer(SENT)
    Ring().do(entry(SEND, int(fd), ctypes.addressof(data), len(SENT)))


def family(number, kind):
    print("made", Ring().do(entry(SOCKET, int(number), offset=int(kind))))

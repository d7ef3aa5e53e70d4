"""Taking a descriptor from somebody else."""
import ctypes
import errno
import os
import socket
import struct

from attack import CHANGED, raise_code
from uring import Ring, entry

RECVMSG = 10


def connected(place):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(place)
    return sock


def received(place):
    with connected(place) as sock:
        _, descriptors, _, _ = socket.recv_fds(sock, 1, 1)
    if not descriptors:
        # The kernel leaves out what may not be received, without a word.
        raise_code(errno.EACCES)
    return descriptors[0]


def write(place):
    os.write(received(place), CHANGED)


def read(place):
    print(os.pread(received(place), 64, 0).decode())


def write_by_ring(place):
    """The message is received by a ring."""
    with connected(place) as sock:
        data, rights = ctypes.create_string_buffer(8), ctypes.create_string_buffer(32)
        vector = ctypes.create_string_buffer(struct.pack("=2Q", ctypes.addressof(data), 1))
        header = ctypes.create_string_buffer(
            struct.pack("=QIIQQQQI", 0, 0, 0, ctypes.addressof(vector), 1, ctypes.addressof(rights), 32, 0), 56)
        Ring().do(entry(RECVMSG, sock.fileno(), ctypes.addressof(header), 1))
    length, _level, kind, descriptor = struct.unpack_from("=QIIi", rights.raw)
    if length < 20 or kind != socket.SCM_RIGHTS:
        raise_code(errno.EACCES)
    os.write(descriptor, CHANGED)

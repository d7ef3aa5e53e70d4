"""Reading from a descriptor that somebody opened before; what it gave is told."""
import ctypes
import mmap
import os
import socket
import struct

from attack import held, mapped
from uring import READ_FIXED, REGISTER_BUFFERS, Ring, entry

SIZE = 64


def fd_of(path):
    return held(path, os.O_RDONLY)


def tell(data):
    print(data.decode().rstrip("\0"))


def read(path):
    fd = fd_of(path)
    os.lseek(fd, 0, os.SEEK_SET)
    tell(os.read(fd, SIZE))


def preadv(path):
    buffer = bytearray(SIZE)
    os.preadv(fd_of(path), [buffer], 0)
    tell(buffer)


def map(path, kind=mmap.MAP_SHARED):
    tell(ctypes.string_at(mapped(mmap.PAGESIZE, mmap.PROT_READ, kind, fd_of(path)), SIZE))


def map_privately(path):
    map(path, mmap.MAP_PRIVATE)


def sendfile(path):
    one, other = socket.socketpair()
    os.sendfile(one.fileno(), fd_of(path), 0, SIZE)
    tell(other.recv(SIZE))


def splice(path):
    out, into = os.pipe()
    os.splice(fd_of(path), into, SIZE, offset_src=0)
    tell(os.read(out, SIZE))


def copy_file_range(path):
    """To a file of one's own, on the same file system."""
    own = os.open(os.path.join(os.path.dirname(path), "..", "w", "f") if path.endswith("/p") else
                  os.path.join(os.path.dirname(path), "w", "f"), os.O_RDWR)
    os.copy_file_range(fd_of(path), own, SIZE, 0, 0)
    tell(os.pread(own, SIZE, 0))


def by_ring(path):
    buffer = ctypes.create_string_buffer(mmap.PAGESIZE)
    ring = Ring()
    lent = ctypes.create_string_buffer(struct.pack("=2Q", ctypes.addressof(buffer), mmap.PAGESIZE))
    ring.register(REGISTER_BUFFERS, lent, 1)
    ring.do(entry(READ_FIXED, fd_of(path), ctypes.addressof(buffer), SIZE))
    tell(buffer.raw[:SIZE])


def reopen(path):
    tell(os.read(os.open(f"/proc/self/fd/{fd_of(path)}", os.O_RDONLY), SIZE))

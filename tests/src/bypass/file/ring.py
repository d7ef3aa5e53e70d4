"""Opening, and changing names, by a ring."""
import ctypes
import os
import struct

from attack import AT_FDCWD, CHANGED
from uring import (ASYNC, FIXED_FILE, LINKAT, LINKED, MKDIRAT, OPENAT, OPENAT2, POLLED, READ, REGISTER_FILES, RENAMEAT,
                   SYMLINKAT, UNLINKAT, WRITE, Ring, entry, text)

DATA = ctypes.create_string_buffer(CHANGED)


def opened(ring, path, flags, how=0):
    address, _kept = text(path)
    return ring.do(entry(OPENAT, address=address, flags=flags, how=how))


def write(path, ring_flags=0, how=0):
    ring = Ring(ring_flags)
    fd = opened(ring, path, os.O_WRONLY, how)
    ring.do(entry(WRITE, fd, ctypes.addressof(DATA), len(CHANGED)))


def write_by_worker(path):
    write(path, how=ASYNC)


def write_polled(path):
    write(path, POLLED)


def write_by_table(path):
    """The file never gets a number of the process's; the write is linked to the open."""
    ring = Ring()
    ring.register(REGISTER_FILES, (ctypes.c_int * 1)(-1), 1)
    address, _kept = text(path)
    how = ctypes.create_string_buffer(struct.pack("=3Q", os.O_WRONLY, 0, 0))
    ring.do(
        entry(OPENAT2, address=address, length=24, offset=ctypes.addressof(how), how=LINKED, index=1),
        entry(WRITE, 0, ctypes.addressof(DATA), len(CHANGED), how=FIXED_FILE))


def read(path, ring_flags=0):
    ring = Ring(ring_flags)
    buffer = ctypes.create_string_buffer(64)
    ring.do(entry(READ, opened(ring, path, os.O_RDONLY), ctypes.addressof(buffer), 64))
    print(buffer.value.decode())


def read_polled(path):
    read(path, POLLED)


def unlink(path):
    address, _kept = text(path)
    Ring().do(entry(UNLINKAT, address=address))


def mkdir(path):
    address, _kept = text(path)
    Ring().do(entry(MKDIRAT, address=address, length=0o700))


def pair(operation, one, other, length=0):
    (first, _kept), (second, _kept_too) = text(one), text(other)
    Ring().do(entry(operation, address=first, length=length, offset=second))


def rename(old, new):
    pair(RENAMEAT, old, new, AT_FDCWD & 0xffffffff)


def symlink(target, path):
    pair(SYMLINKAT, target, path)


def link(old, new):
    pair(LINKAT, old, new, AT_FDCWD & 0xffffffff)

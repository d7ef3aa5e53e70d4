"""Writing on a descriptor that somebody opened before."""
import ctypes
import os
import struct

from attack import CHANGED, LIBC, call, held, raise_code, syscall
from uring import ASYNC, WRITE, Ring, entry

IO_SETUP, IO_SUBMIT, IO_GETEVENTS, PWRITE = 206, 209, 208, 1
KEEP_SIZE, PUNCH_HOLE = 1, 2


def write(path):
    os.write(held(path), CHANGED)


def pwrite(path):
    os.pwrite(held(path), CHANGED, 0)


def pwritev2(path):
    os.pwritev(held(path), [CHANGED[:4], CHANGED[4:]], 0, os.RWF_SYNC)


def asynchronous(path):
    """The kernel's older way of writing without waiting."""
    context = ctypes.c_ulong()
    syscall(IO_SETUP, 1, ctypes.byref(context))
    data = ctypes.create_string_buffer(CHANGED)
    block = ctypes.create_string_buffer(
        struct.pack("=QIIHhIQQqQII", 0, 0, 0, PWRITE, 0, held(path), ctypes.addressof(data), len(CHANGED), 0, 0, 0, 0))
    blocks = (ctypes.c_void_p * 1)(ctypes.addressof(block))
    syscall(IO_SUBMIT, context, 1, blocks)
    event = (ctypes.c_int64 * 4)()
    syscall(IO_GETEVENTS, context, 1, 1, event, None)
    if event[2] < 0:
        raise_code(-event[2])


def allocate(path):
    os.posix_fallocate(held(path), 0, 8192)


def punch(path):
    call(LIBC.fallocate, held(path), PUNCH_HOLE | KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(8))


def duplicate(path):
    os.write(os.dup(held(path)), CHANGED)


def by_ring(path, how=0):
    data = ctypes.create_string_buffer(CHANGED)
    Ring().do(entry(WRITE, held(path), ctypes.addressof(data), len(CHANGED), how=how))


def by_worker(path):
    by_ring(path, ASYNC)

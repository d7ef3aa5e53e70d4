"""Stores into a file's pages."""
import ctypes
import mmap

from attack import CHANGED, LIBC, call, held, mapped, syscall

PKEY_MPROTECT = 329
READ, BOTH, SHARED, SIZE = mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, mmap.PAGESIZE


def store(address):
    ctypes.memmove(address, CHANGED, len(CHANGED))


def writable(path):
    store(mapped(SIZE, BOTH, SHARED, held(path)))


def made_writable(path):
    address = mapped(SIZE, READ, SHARED, held(path))
    call(LIBC.mprotect, ctypes.c_void_p(address), ctypes.c_size_t(SIZE), BOTH)
    store(address)


def made_writable_by_key(path):
    address = mapped(SIZE, READ, SHARED, held(path))
    syscall(PKEY_MPROTECT, ctypes.c_void_p(address), ctypes.c_size_t(SIZE), BOTH, -1)
    store(address)

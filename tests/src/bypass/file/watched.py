"""fanotify."""
import os
import signal
import struct

from attack import AT_FDCWD, CHANGED, syscall

INIT, MARK = 300, 301
ADD, OPENED = 1, 0x20


def descriptor(path, flags):
    """What the kernel opened for the watcher when somebody else opened the file."""
    signal.alarm(10)
    watch = syscall(INIT, 0, flags)
    syscall(MARK, watch, ADD, OPENED, AT_FDCWD, path.encode())
    return struct.unpack_from("=IBBHQi", os.read(watch, 4096))[5]


def read(path):
    print(os.pread(descriptor(path, os.O_RDONLY), 64, 0).decode())


def write(path):
    os.write(descriptor(path, os.O_WRONLY), CHANGED)

"""Devices."""
import fcntl
import os
import stat

from attack import CHANGED

LOOP_SET_FD = 0x4C00


def opened(device):
    os.close(os.open(device, os.O_RDWR))


def write(device):
    fd = os.open(device, os.O_WRONLY)
    os.write(fd, CHANGED.ljust(512, b"\0"))
    os.fsync(fd)


def read(device):
    print(os.read(os.open(device, os.O_RDONLY), 64).decode(errors="replace"))


def attach(device, path):
    fcntl.ioctl(os.open(device, os.O_RDWR), LOOP_SET_FD, os.open(path, os.O_RDWR))


def write_by_new_node(path):
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 7))
    write(path)

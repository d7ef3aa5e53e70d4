"""Reaching into another process's descriptors."""
import os

from attack import CHANGED, child, syscall

PIDFD_OPEN, PIDFD_GETFD = 434, 438


def number(place):
    with open(place) as file:
        pid, descriptor = file.read().split()
    return int(pid), int(descriptor)


def taken(pid, descriptor):
    process = syscall(PIDFD_OPEN, pid, 0)
    return syscall(PIDFD_GETFD, process, descriptor, 0)


def of_lender(way, place, *words):
    globals()[way](*number(place), *words)


def of_child(way, path, *words):
    """The allowed variant: the same of a process of one's own, which holds the file too."""
    file = os.open(path, os.O_RDWR)
    with child() as (pid, _):
        globals()[way](pid, file, *words)


def write(pid, descriptor):
    os.write(taken(pid, descriptor), CHANGED)


def read(pid, descriptor):
    print(os.pread(taken(pid, descriptor), 64, 0).decode())


def reopen(pid, descriptor):
    os.write(os.open(f"/proc/{pid}/fd/{descriptor}", os.O_WRONLY), CHANGED)


def through_root(pid, _, path):
    """The other's root shows the same names, by another way."""
    os.write(os.open(f"/proc/{pid}/root{path}", os.O_WRONLY), CHANGED)

"""Reaching into another process's descriptors."""
import os

from attack import CHANGED, syscall

PIDFD_OPEN, PIDFD_GETFD = 434, 438


def number(place):
    with open(place) as file:
        pid, descriptor = file.read().split()
    return int(pid), int(descriptor)


def taken(pid, descriptor):
    process = syscall(PIDFD_OPEN, pid, 0)
    return syscall(PIDFD_GETFD, process, descriptor, 0)


def write(place):
    os.write(taken(*number(place)), CHANGED)


def read(place):
    print(os.pread(taken(*number(place)), 64, 0).decode())


def reopen(place):
    os.write(os.open("/proc/%d/fd/%d" % number(place), os.O_WRONLY), CHANGED)


def through_root(place):
    """The other's root shows the same names, by another way."""
    pid, _ = number(place)
    path = os.path.join(os.path.dirname(place), "..", "pd", "p")
    os.write(os.open(f"/proc/{pid}/root{os.path.realpath(path)}", os.O_WRONLY), CHANGED)

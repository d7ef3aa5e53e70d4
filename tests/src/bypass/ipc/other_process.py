"""A process as a way to where it is: its names, its root, its files."""
import ctypes
import os
import socket

from attack import LIBC, call, child, overwrite, syscall
from bystander import note_of_bystander

CLONE_NEWUTS, PIDFD_OPEN = 0x04000000, 434


def named():
    """Has a host name of its own."""
    call(LIBC.unshare, CLONE_NEWUTS)
    socket.sethostname("bystander")
    return str(os.getpid()), socket.gethostname


def holder(path):
    file = os.open(path, os.O_RDWR)
    return f"{os.getpid()} {file}", lambda: ""


def rename(fd):
    call(LIBC.setns, fd, CLONE_NEWUTS)
    socket.sethostname("attacked")


def rename_by_link(pid):
    rename(os.open(f"/proc/{pid}/ns/uts", os.O_RDONLY))


def rename_by_descriptor(pid):
    rename(syscall(PIDFD_OPEN, int(pid), ctypes.c_long(0)))


def of_bystander(way):
    globals()[way](note_of_bystander()[0])


def of_child(way):
    """The allowed variant: the namespace of a process of one's own."""
    with child(lambda: call(LIBC.unshare, CLONE_NEWUTS)) as (pid, _):
        globals()[way](pid)
    print(socket.gethostname())


def write_below_root(path):
    overwrite(f"/proc/{note_of_bystander()[0]}/root{path}")


def write_below_childs_root(path):
    with child() as (pid, _):
        overwrite(f"/proc/{pid}/root{path}")


def write_held():
    pid, fd = note_of_bystander()
    overwrite(f"/proc/{pid}/fd/{fd}")


def write_held_by_child(path):
    file = os.open(path, os.O_RDWR)
    with child() as (pid, _):
        overwrite(f"/proc/{pid}/fd/{file}")

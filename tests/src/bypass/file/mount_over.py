"""Mounts by descriptor: calls that a C library of this age does not offer."""
import ctypes
import struct

from attack import AT_FDCWD, syscall

OPEN_TREE, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, MOUNT_SETATTR = 428, 429, 430, 431, 432, 442
CLONE, EMPTY_FROM = 1, 4
CREATE, READ_ONLY = 6, 1


def tree(path):
    """A mount of its own of a folder, and nowhere yet."""
    return syscall(OPEN_TREE, AT_FDCWD, path.encode(), CLONE)


def move(mount, path):
    syscall(MOVE_MOUNT, mount, b"", AT_FDCWD, path.encode(), EMPTY_FROM)


def by_descriptor(source, target):
    move(tree(source), target)


def new_file_system(target):
    context = syscall(FSOPEN, b"tmpfs", 0)
    syscall(FSCONFIG, context, CREATE, None, None, 0)
    move(syscall(FSMOUNT, context, 0, 0), target)


def attributes(path):
    arguments = ctypes.create_string_buffer(struct.pack("=4Q", 0, READ_ONLY, 0, 0))
    syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), 0, arguments, ctypes.c_size_t(32))

"""Attributes."""
import ctypes
import os
import struct

from attack import LIBC, call, syscall
from uring import SETXATTR, Ring, entry, text

SETXATTRAT, PR_SET_KEEPCAPS = 463, 8
NAME, VALUE = "user.attack", b"changed"
# struct posix_acl_xattr: owner, one named user, group, mask, others.
LIST = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *line) for line in
    [(1, 7, 2 ** 32 - 1), (2, 7, 12345), (4, 7, 2 ** 32 - 1), (16, 7, 2 ** 32 - 1), (32, 7, 2 ** 32 - 1)])


def by_name(path):
    os.setxattr(path, NAME, VALUE)


def by_descriptor(path):
    os.setxattr(os.open(path, os.O_RDONLY), NAME, VALUE)


def access_list(path):
    os.setxattr(path, "system.posix_acl_access", LIST)


def by_ring(path):
    by_rings_worker(Ring(), path)


def by_rings_worker(ring, path, value=VALUE):
    (name, one), (value, two), (place, three) = text(NAME), text(value), text(path)
    ring.do(entry(SETXATTR, 0, name, len(VALUE), offset=value, more=place))
    del one, two, three


def by_worker(own, path):
    """The ring's worker keeps the credentials of its first task; those of the second are others."""
    ring = Ring()
    by_rings_worker(ring, own, b"earlier")
    call(LIBC.prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0)
    by_rings_worker(ring, path)


def from_folder(path):
    value = ctypes.create_string_buffer(VALUE)
    arguments = ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(value), len(VALUE), 0))
    folder = os.open(os.path.dirname(path), os.O_PATH)
    syscall(SETXATTRAT, folder, os.path.basename(path).encode(), 0, NAME.encode(), arguments, ctypes.c_size_t(16))


def removed(path):
    """The outside put it there."""
    os.removexattr(path, "user.kept")

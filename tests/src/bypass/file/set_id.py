"""Files that act for whoever owns them, whoever starts them: every way to make one."""
import os
import struct

from attack import AT_FDCWD, LIBC, call

AT_SYMLINK_FOLLOW = 0x400
SET_ID, PLAIN = 0o4755, 0o755


def by_name(path):
    os.chmod(path, SET_ID)


def by_descriptor(path):
    fd = os.open(path, os.O_RDONLY)
    os.fchmod(fd, 0o2755)


def created(path, mode=SET_ID):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, mode))


def created_plain(path):
    created(path, PLAIN)


def node(path):
    os.mknod(path, SET_ID)


def linked(folder, mode=SET_ID):
    fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode)
    by_handle, new = f"/proc/self/fd/{fd}".encode(), f"{folder}/linked".encode()
    call(LIBC.linkat, AT_FDCWD, by_handle, AT_FDCWD, new, AT_SYMLINK_FOLLOW)


def linked_plain(folder):
    linked(folder, PLAIN)


def capability(path):
    # Version 2: effective, `CAP_SYS_ADMIN` permitted.
    os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0))


def attribute(path):
    os.setxattr(path, "user.other", b"plain")


def folder(path):
    os.chmod(path, 0o2755)

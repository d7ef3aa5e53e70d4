"""Descendants without exec, and by posix_spawn."""
import ctypes
import os
import signal
import struct

from attack import attempt, overwrite, raise_code, syscall

CLONE, CLONE3 = 56, 435
CLONE_PARENT, CLONE_INTO_CGROUP = 0x8000, 0x200000000


def fork_chain(depth, path):
    for _ in range(int(depth)):
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status))
    print(f"doer {os.getpid()}")
    overwrite(path)


def spawned(*words):
    child = os.posix_spawn(words[0], words, {"PATH": "/usr/bin:/bin"})
    print(f"doer {child}", flush=True)
    _, status = os.waitpid(child, 0)
    raise_code(os.waitstatus_to_exitcode(status))


def told_by(child_of):
    """Runs an act in a new process that nobody here may be able to wait for, and takes over how it ended."""
    ready, told = os.pipe()

    def child(act):
        os.write(told, f"doer {os.getpid()}\ncode {attempt(act)}\n".encode())
        os._exit(0)

    child_of(child)
    report = os.read(ready, 200).decode()
    print(report)
    raise_code(int(report.split("code ")[1]))


def sibling(path):
    """The new process is a child of this one's parent."""

    def make(child):
        if syscall(CLONE, ctypes.c_long(CLONE_PARENT | signal.SIGCHLD), None, None, None, None) == 0:
            child(lambda: overwrite(path))

    told_by(make)


def born_elsewhere(path):
    """In another cgroup from its first moment on."""
    cgroup = os.open("/sys/fs/cgroup", os.O_RDONLY | os.O_DIRECTORY)
    arguments = struct.pack("=11Q", CLONE_INTO_CGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, cgroup)

    def make(child):
        if syscall(CLONE3, arguments, ctypes.c_size_t(len(arguments))) == 0:
            child(lambda: overwrite(path))

    told_by(make)


def crowd(most, path):
    """As many children as there may be, who are all there while each tries."""
    ready, told = os.pipe()
    stay, leave = os.pipe()
    born = 0
    while born < int(most):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            os.close(leave)
            os.write(told, b"%d\n" % attempt(lambda: overwrite(path)))
            os.read(stay, 1)
            os._exit(0)
        born += 1
    os.close(told)
    os.close(stay)
    codes = b""
    while codes.count(b"\n") < born:
        codes += os.read(ready, 4096)
    os.close(leave)
    print("born", born, *sorted({code.decode() for code in codes.split()}))


def devour(megabytes, path):
    """Takes memory and keeps it; tries with each piece."""
    kept, codes = [], set()
    for _ in range(int(megabytes) // 4):
        kept.append(b"." * (4 << 20))
        codes.add(attempt(lambda: overwrite(path)))
    print("devoured", *sorted(codes))

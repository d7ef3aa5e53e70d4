"""Signals to a process, and what else changes how it runs."""
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct

from attack import LIBC, call, syscall
from bystander import note_of_bystander

PIDFD_OPEN, PIDFD_SEND_SIGNAL, SIGQUEUEINFO, TGSIGQUEUEINFO, TGKILL, TKILL = 434, 424, 129, 297, 234, 200
IOPRIO_SET, IOPRIO_GET, PRLIMIT = 251, 252, 302
BATCH, IDLE_CLASS = 3, 3 << 13
F_SETSIG, F_SETOWN_EX = 10, 15
KILL = int(signal.SIGKILL)


def victim():
    """A group of its own, so that the group can be aimed at."""
    os.setsid()

    def look():
        limit, scheduler = resource.getrlimit(resource.RLIMIT_NOFILE), os.sched_getscheduler(0)
        return f"{os.getpriority(os.PRIO_PROCESS, 0)} {limit} {scheduler} {syscall(IOPRIO_GET, 1, 0)}"

    return str(os.getpid()), look


def at_bystander(way):
    globals()[way](int(note_of_bystander()[0]))


def at_child(way):
    """The allowed variant: a process of one's own, which leads a group of its own too."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.write(told, b".")
        while True:
            signal.pause()
    os.read(ready, 1)
    try:
        globals()[way](child)
    finally:
        os.kill(child, KILL)
        os.waitpid(child, 0)


def kill(pid):
    os.kill(pid, KILL)


def stop(pid):
    os.kill(pid, signal.SIGSTOP)


def kill_group(pid):
    os.killpg(pid, KILL)


def kill_thread(pid):
    syscall(TGKILL, pid, pid, KILL)


def kill_any_thread(pid):
    syscall(TKILL, pid, KILL)


def information():
    """What SI_QUEUE carries; the code must be negative."""
    return ctypes.create_string_buffer(struct.pack("=iii", int(signal.SIGTERM), 0, -1), 128)


def queue(pid):
    syscall(SIGQUEUEINFO, pid, int(signal.SIGTERM), information())


def queue_to_thread(pid):
    syscall(TGSIGQUEUEINFO, pid, pid, int(signal.SIGTERM), information())


def by_descriptor(pid):
    pidfd = syscall(PIDFD_OPEN, pid, ctypes.c_long(0))
    syscall(PIDFD_SEND_SIGNAL, pidfd, KILL, None, ctypes.c_long(0))


def owner_of_input(pid):
    """Whoever owns a descriptor is told of its input, by a signal that its holder chooses."""
    own, other = socket.socketpair()
    with own, other:
        fcntl.fcntl(own, F_SETSIG, KILL)
        fcntl.fcntl(own, fcntl.F_SETOWN, pid)
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | fcntl.FASYNC)
        other.send(b".")


def owner_by_longer_call(pid):
    """The same by another call."""
    own, other = socket.socketpair()
    with own, other:
        fcntl.fcntl(own, F_SETSIG, KILL)
        fcntl.fcntl(own, F_SETOWN_EX, struct.pack("=ii", 1, pid))
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | fcntl.FASYNC)
        other.send(b".")


def slow_down(pid):
    os.setpriority(os.PRIO_PROCESS, pid, 19)


def reschedule(pid):
    call(LIBC.sched_setscheduler, pid, BATCH, struct.pack("=i", 0))


def starve_of_disk(pid):
    syscall(IOPRIO_SET, 1, pid, IDLE_CLASS)


def limit(pid):
    syscall(PRLIMIT, pid, resource.RLIMIT_NOFILE, struct.pack("=QQ", 8, 8), None)


def offer_for_memory(pid):
    """When memory runs out, it is to go first."""
    with open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")

"""Programs that the kernel starts by itself, as root and outside any agent."""
import os
import signal
import socket
import time


def helper(path, mark):
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\n/usr/bin/touch {mark}\n")
    os.chmod(path, 0o755)


def appears(mark):
    for _ in range(200):
        if os.path.exists(mark):
            return
        time.sleep(0.01)


def crash(path, mark):
    helper(path, mark)
    with open("/proc/sys/kernel/core_pattern", "w") as pattern:
        pattern.write(f"|{path}")
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    os.waitpid(child, 0)
    appears(mark)


def module(path, mark):
    helper(path, mark)
    with open("/proc/sys/kernel/modprobe", "w") as modprobe:
        modprobe.write(path)
    try:
        # A family that nobody has, so that the kernel asks for its module.
        socket.socket(13, socket.SOCK_DGRAM)
    except OSError:
        pass
    appears(mark)

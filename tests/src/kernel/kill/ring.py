"""Requests that lie in rings until something comes: a byte from outside, or the time. Each changes a file of its own."""
import ctypes
import os
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, sys.argv[1])

from attack import CHANGED, mapped
from uring import (ASYNC, LINKED, POLLED, READ, READ_WRITE, RECEIVE, SEND, SHARED, TIMEOUT, TIMEOUT_SUCCEEDS, WRITE, Ring,
                   entry)

FOLDER, SECONDS = sys.argv[2], int(sys.argv[3])
DATA = ctypes.create_string_buffer(CHANGED)
SPACE = ctypes.create_string_buffer(64)
LATER = ctypes.create_string_buffer(struct.pack("=qq", SECONDS, 0))


def opened(name, flags=os.O_RDWR):
    return os.open(f"{FOLDER}/{name}", flags)


FED, HEARD = opened("fed", os.O_RDONLY), opened("heard", os.O_WRONLY)


def fed(how=0):
    return entry(READ, FED, ctypes.addressof(SPACE), 1, how=LINKED | how)


def later():
    return entry(TIMEOUT, -1, ctypes.addressof(LATER), 1, flags=TIMEOUT_SUCCEEDS, how=LINKED)


def write(name, how=0):
    return entry(WRITE, opened(name), ctypes.addressof(DATA), len(CHANGED), how=how)


def say(operation, fd):
    return entry(operation, fd, ctypes.addressof(DATA), len(CHANGED))


def store(name, how=0):
    """What a pipe holds already goes into memory that is the file's."""
    out, into = os.pipe()
    os.write(into, CHANGED)
    return entry(READ, out, memory_of(name), len(CHANGED), how=how)


def memory_of(name):
    return mapped(4096, READ_WRITE, SHARED, opened(name))


def all_ways(ring, by, how=0):
    ring.queue(fed(how), write(f"fed-{by}", how), later(), write(f"timed-{by}", how), later(), store(f"stored-{by}", how))
    return ring


kept = [all_ways(Ring(), "plain"), all_ways(Ring(), "worker", ASYNC), all_ways(Ring(POLLED), "polled"), Ring()]
here, there = socket.socketpair()
there.send(CHANGED)
told = socket.socket(socket.AF_UNIX)
told.connect(f"{FOLDER}/told")
kept[-1].queue(later(), say(WRITE, HEARD), later(), say(SEND, told.fileno()), later(),
               entry(RECEIVE, here.fileno(), memory_of("received"), len(CHANGED)))
with open(f"{FOLDER}/new", "w", encoding="ascii") as file:
    file.write(str(time.clock_gettime_ns(time.CLOCK_BOOTTIME) + SECONDS * 10 ** 9))
os.rename(f"{FOLDER}/new", f"{FOLDER}/due")
while True:
    signal.pause()

"""A ring of somebody else's, whose own thread looks for work.

Paths and data have to lie in the memory of who made the ring: the ring's own pages do, and both sides write them.
"""
import ctypes
import json
import os
import signal

from attack import CHANGED, child, mapped
from file.taken import taken
from uring import ENTRIES, OPENAT, POLLED, READ_WRITE, SHARED, SQES, WRITE, Ring, entry

# Behind the ring's entries on the same page.
SPACE = ENTRIES * 64


def made():
    """A ring, and what another has to know of it."""
    ring = Ring(POLLED)
    return json.dumps([os.getpid(), ring.fd, ring.submitted, ring.completed, ring.entries])


def lend(note):
    with open(note, "w", encoding="ascii") as file:
        file.write(made())
    print("ready", flush=True)
    while True:
        signal.pause()


def lent(note):
    pid, fd, submitted, completed, theirs = json.loads(note)
    ring = Ring.__new__(Ring)
    ring.fd, ring.polled = taken(pid, fd), True
    ring.submitted, ring.completed = submitted, completed
    ring.rings = mapped(0x4000, READ_WRITE, SHARED, ring.fd)
    ring.entries = mapped(4096, READ_WRITE, SHARED, ring.fd, SQES)
    return ring, theirs


def write(place, path):
    with open(place, encoding="ascii") as file:
        write_by(file.read(), path)


def write_by_childs(path):
    """The allowed variant: a process of one's own made the ring."""
    with child(made) as (_, note):
        write_by(note, path)


def write_by(note, path):
    ring, theirs = lent(note)
    words = os.fsencode(path) + b"\0"
    ctypes.memmove(ring.entries + SPACE, words, len(words))
    fd = ring.do(entry(OPENAT, address=theirs + SPACE, flags=os.O_WRONLY))
    ctypes.memmove(ring.entries + SPACE, CHANGED, len(CHANGED))
    ring.do(entry(WRITE, fd, theirs + SPACE, len(CHANGED)))

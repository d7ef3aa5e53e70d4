"""Holds what it has opened once, and for each line that comes tries each use of it: tells name and errno of each."""
import mmap
import os
import socket
import sys

sys.path.insert(0, sys.argv[1])

from attack import attempt, peer

PATH, TO = sys.argv[2], peer(sys.argv[3])
FILE = os.open(PATH, os.O_RDWR)
PAGE = mmap.mmap(FILE, 4096)
STREAM, DATAGRAM = socket.create_connection(TO), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
DATAGRAM.connect(TO)
OUT, INTO = os.pipe()


def spliced():
    os.write(INTO, b"p")
    os.splice(OUT, STREAM.fileno(), 1)


def stored():
    PAGE[64] += 1


USES = {
    "write": lambda: os.pwrite(FILE, os.urandom(8), 0),
    "read": lambda: os.pread(FILE, 8, 0),
    "map": lambda: mmap.mmap(FILE, 4096).close(),
    "send": lambda: STREAM.send(b"s"),
    "put": lambda: os.write(STREAM.fileno(), b"w"),
    "splice": spliced,
    "datagram": lambda: DATAGRAM.send(b"d"),
    "store": stored,
    "receive": lambda: STREAM.recv(1, socket.MSG_DONTWAIT),
}

for _ in sys.stdin:
    print(*(f"{name}={attempt(use)}" for name, use in USES.items()), flush=True)

"""Sockets that somebody else has connected."""
import os
import socket
import tempfile

from attack import SENT


def write(fd):
    os.write(int(fd), SENT)


def send(fd):
    socket.socket(fileno=os.dup(int(fd))).send(SENT)


def sendfile(fd):
    with tempfile.TemporaryFile(dir="/guardtest/tmpfs/w") as file:
        file.write(SENT)
        file.flush()
        os.sendfile(int(fd), file.fileno(), 0, len(SENT))


def splice(fd):
    out, into = os.pipe()
    os.write(into, SENT)
    os.splice(out, int(fd), len(SENT))


def second(fd, to):
    """Past the peer that it is connected to."""
    host, port = to.rsplit(":", 1)
    socket.socket(fileno=os.dup(int(fd))).sendto(SENT, (host, int(port)))

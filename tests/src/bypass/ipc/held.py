"""Unix sockets that somebody else has connected."""
import os
import socket

from attack import SENT


def write(fd):
    os.write(int(fd), SENT)


def send(fd):
    socket.socket(fileno=os.dup(int(fd))).send(SENT)


def hand_over(fd):
    out, _ = os.pipe()
    socket.send_fds(socket.socket(fileno=os.dup(int(fd))), [SENT], [out])

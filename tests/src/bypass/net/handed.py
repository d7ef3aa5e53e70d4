"""Descriptors of sockets from another process: passed on, or fetched."""
import ctypes
import os
import socket
import threading

from attack import SENT, child, peer, raise_code, syscall, udp
from bystander import note_of_bystander

PIDFD_OPEN, PIDFD_GETFD = 434, 438
EACCES = 13


def connected(to):
    sock = udp()
    sock.connect(peer(to))
    return sock


def listening(at):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(peer(at))
    sock.listen()
    return sock


def named(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.connect(path)
    return sock


def giver(kind, what, path):
    """Hands a socket to whoever comes to the path."""
    gift = {"connected": connected, "listening": listening, "named": named}[kind](what)
    door = socket.socket(socket.AF_UNIX)
    if os.path.exists(path):
        os.unlink(path)
    door.bind(path)
    door.listen()

    def give():
        while True:
            taker, _ = door.accept()
            with taker:
                socket.send_fds(taker, [b"."], [gift.fileno()])

    threading.Thread(target=give, daemon=True).start()
    return f"{os.getpid()} {gift.fileno()}", lambda: ""


def received(path):
    with socket.socket(socket.AF_UNIX) as taker:
        taker.connect(path)
        _, fds, _, _ = socket.recv_fds(taker, 1, 1)
    if not fds:
        # The kernel delivers the data and keeps the descriptor, without saying why.
        raise_code(EACCES)
    return socket.socket(fileno=fds[0])


def use(path):
    received(path).send(SENT)


def fetch(pid, fd):
    pidfd = syscall(PIDFD_OPEN, pid, ctypes.c_long(0))
    own = syscall(PIDFD_GETFD, pidfd, fd, ctypes.c_long(0))
    socket.socket(fileno=own).send(SENT)


def fetch_of_bystander():
    fetch(*map(int, note_of_bystander()))


def fetch_of_child(to):
    """The allowed variant: a process of one's own has such a socket too."""
    with connected(to) as sock, child() as (pid, _):
        fetch(pid, sock.fileno())

"""Marks that routing rules let pass."""
import socket

from attack import SENT, peer

SO_MARK = 36


def connect(to):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, 1)
        sock.connect(peer(to))
        sock.send(SENT)


def bound_to_link(link, to):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
        sock.connect(peer(to))
        sock.send(SENT)

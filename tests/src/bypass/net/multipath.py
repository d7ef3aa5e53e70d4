"""Multipath TCP."""
import socket

from attack import SENT, peer

MPTCP = 262


def connect(to):
    family = socket.AF_INET6 if to.startswith("[") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, MPTCP) as sock:
        sock.connect(peer(to))
        sock.send(SENT)

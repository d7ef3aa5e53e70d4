"""Multipath TCP."""
import socket

from attack import SENT, peer

MPTCP = 262


def connect(to):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP) as sock:
        sock.connect(peer(to))
        sock.send(SENT)

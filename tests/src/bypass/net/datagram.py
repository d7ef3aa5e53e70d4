"""Datagrams in pieces."""
from attack import SENT, peer, udp


def scattered(to):
    with udp() as sock:
        sock.sendmsg([SENT[:4], SENT[4:]], [], 0, peer(to))

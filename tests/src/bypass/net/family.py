"""Sockets of odd families and protocols."""
import socket

from attack import SENT

CID_LOCAL = 1


def make(family, kind, protocol="0"):
    with socket.socket(int(family), int(kind), int(protocol)):
        print("made")


def waiting():
    """Somebody on this host, by the family that virtual machines talk to it with."""
    sock = socket.socket(socket.AF_VSOCK)
    sock.bind((CID_LOCAL, 7000))
    sock.listen()
    sock.setblocking(False)
    came = []

    def look():
        try:
            came.append(sock.accept())
        except BlockingIOError:
            pass
        return f"{len(came)} came"

    return "", look


def vsock():
    with socket.socket(socket.AF_VSOCK) as sock:
        sock.connect((CID_LOCAL, 7000))
        sock.send(SENT)

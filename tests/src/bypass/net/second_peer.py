"""The allowed peer first."""
import ctypes
import socket
import struct
import threading

from attack import LIBC, SENT, connect_raw, inet, peer, udp


def reconnected(first, to):
    with udp() as sock:
        sock.connect(peer(first))
        sock.connect(peer(to))
        sock.send(SENT)


def dissolved(first, to):
    """Connected to the allowed peer, let go again, then sent elsewhere."""
    with udp() as sock:
        sock.connect(peer(first))
        connect_raw(sock.fileno(), struct.pack("=H", socket.AF_UNSPEC) + bytes(14))
        sock.sendto(SENT, peer(to))


def dissolved_tcp(first, to):
    """A stream socket can be connected anew once it has let go."""
    with socket.socket() as sock:
        sock.connect(peer(first))
        connect_raw(sock.fileno(), struct.pack("=H", socket.AF_UNSPEC) + bytes(14))
        sock.connect(peer(to))
        sock.send(SENT)


def changing(first, to):
    """The address is one and the other by turns, in the memory that each call reads it from."""
    place = ctypes.create_string_buffer(inet(socket.AF_INET, first), 16)
    ended = threading.Event()

    def change():
        while not ended.is_set():
            for where in first, to:
                ctypes.memmove(place, inet(socket.AF_INET, where), 16)

    changer = threading.Thread(target=change)
    changer.start()
    with udp() as sock:
        for _ in range(2000):
            LIBC.sendto(sock.fileno(), SENT, len(SENT), 0, place, 16)
    ended.set()
    changer.join()

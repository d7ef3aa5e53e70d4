"""Waiting for peers."""
import socket
import threading
import time

from attack import SENT, peer
from net.handed import giver, received


def caller(kind, at, path=None):
    """Calls there until somebody answers; gives the listening socket to whoever comes to the path."""
    answers = []
    if path:
        giver("listening", at, path)
    family = socket.AF_INET6 if at.startswith("[") else socket.AF_INET

    def call():
        while not answers:
            with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as sock:
                # Who called waits until he is taken; a datagram may be lost.
                sock.settimeout(0.2 if kind == "udp" else 10)
                try:
                    sock.connect(peer(at))
                    sock.send(SENT)
                    if sock.recv(64) == SENT:
                        answers.append(at)
                except OSError:
                    pass
            time.sleep(0.02)

    threading.Thread(target=call, daemon=True).start()
    return at, lambda: f"{len(answers)} answers"


def sink(at):
    """Takes whatever comes, counts it, and knows when the last came."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(peer(at))
    door.listen()
    taken, last = [0], [0]

    def take():
        while True:
            sock, _ = door.accept()
            with sock:
                while data := sock.recv(65536):
                    taken[0] += len(data)
                    last[0] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    threading.Thread(target=take, daemon=True).start()
    return at, lambda: f"{taken[0]} bytes until {last[0]}"


def serve(sock):
    sock.settimeout(10)
    caller, _ = sock.accept()
    with caller:
        caller.send(SENT)
        caller.recv(64)


def tcp(at):
    with socket.socket(socket.AF_INET6 if at.startswith("[") else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(peer(at))
        sock.listen()
        serve(sock)


def unbound():
    """The kernel gives a port to who listens without one."""
    with socket.socket() as sock:
        sock.listen()
        print("listens", sock.getsockname()[1])


def at_any_port(host):
    with socket.socket() as sock:
        sock.bind((host, 0))
        sock.listen()
        print("listens", sock.getsockname()[1])


def datagram(at):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(peer(at))
        sock.settimeout(10)
        data, caller = sock.recvfrom(64)
        sock.sendto(data, caller)


def handed_on(path):
    """Taken over from somebody who was allowed to listen."""
    serve(received(path))

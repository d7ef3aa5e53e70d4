"""A socket by way of a descriptor."""
import os
import socket

from attack import SENT


def connect(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.send(SENT)


def through_folder(folder, name):
    connect(f"/proc/self/fd/{os.open(folder, os.O_PATH)}/{name}")


def through_itself(folder, name):
    connect(f"/proc/self/fd/{os.open(f'{folder}/{name}', os.O_PATH)}")

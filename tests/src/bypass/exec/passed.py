"""Running what was handed over."""
import os

from file.passed import received


def run(place, *words):
    os.execve(received(place), ["busybox", *words], {"PATH": "/usr/bin:/bin"})

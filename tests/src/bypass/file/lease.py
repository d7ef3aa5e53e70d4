"""Leases: whoever opens the file next waits for the holder."""
import fcntl
import os
import signal


def taken(path):
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    file = os.open(path, os.O_RDONLY)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    print("leased")

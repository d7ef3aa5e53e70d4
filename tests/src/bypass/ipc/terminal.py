"""Another session's terminal."""
import fcntl
import os
import termios
import tty

from attack import CHANGED
from bystander import note_of_bystander


def session():
    """Holds both ends: what is written to the terminal, and what is typed into it."""
    shown, terminal = os.openpty()
    tty.setraw(terminal)
    for fd in shown, terminal:
        os.set_blocking(fd, False)
    os.dup2(terminal, 0)
    seen = {shown: b"", terminal: b""}

    def look():
        for fd in seen:
            try:
                seen[fd] += os.read(fd, 4096)
            except BlockingIOError:
                pass
        return f"shown {seen[shown]} typed {seen[terminal]}"

    return f"{os.getpid()} {os.ttyname(terminal)}", look


def write(path):
    fd = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    os.write(fd, CHANGED)


def by_name():
    write(note_of_bystander()[1])


def by_input():
    write(f"/proc/{note_of_bystander()[0]}/fd/0")


def typed():
    fd = os.open(note_of_bystander()[1], os.O_RDONLY | os.O_NOCTTY)
    for byte in CHANGED:
        fcntl.ioctl(fd, termios.TIOCSTI, bytes([byte]))

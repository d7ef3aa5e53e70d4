"""AT_EXECVE_CHECK."""
import ctypes
import os

from attack import AT_EMPTY_PATH, syscall

EXECVEAT, CHECK = 322, 0x10000


def ask(program):
    fd = os.open(program, os.O_RDONLY)
    nothing = (ctypes.c_char_p * 1)(None)
    syscall(EXECVEAT, fd, b"", nothing, nothing, AT_EMPTY_PATH | CHECK)

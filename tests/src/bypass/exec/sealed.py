"""Arguments that change while the kernel reads them."""
import ctypes
import os
import threading

from attack import LIBC

TURNS = 25


def rewritten(program, mark, word):
    """Starts `program` again and again, while a thread turns one of its arguments into another and back. The mark is
    left where the program itself reads `word`. The first turn is the plain one, and tells who acts."""
    text = "case $1 in %s) : >%s;; esac" % (word, mark)
    for turn in range(TURNS):
        child = os.fork()
        if child == 0:
            become(program, text, word, turn)
        if turn == 0:
            print("doer", child, flush=True)
        os.waitpid(child, 0)


def become(program, text, word, turn):
    changing = ctypes.create_string_buffer(word.encode(), 8)
    words = [b"sh", b"-c", text.encode(), b"x", None, b"--force"]
    argv = (ctypes.c_void_p * (len(words) + 1))()
    kept = [ctypes.create_string_buffer(text) if text else changing for text in words]
    for at, buffer in enumerate(kept):
        argv[at] = ctypes.addressof(buffer)

    def change():
        while True:
            changing.value = b"pull"
            changing.value = word.encode()

    if turn:
        threading.Thread(target=change, daemon=True).start()
    LIBC.execve(program.encode(), argv, (ctypes.c_void_p * 1)())
    os._exit(1)

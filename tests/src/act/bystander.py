"""Processes outside any agent: each line of `bystander.py NOTE ASK` names one, as `module.function ARGS…`.

The function returns a note for attackers, and a function that tells what has become of it.
"""
import os
import signal
import socket
import sys

from actor import function


def note_of_bystander():
    """The words that the bystander has left for attackers."""
    with open("/guardtest/bystander/note", encoding="ascii") as file:
        return file.read().split()


def stand_by(note_path, ask_path, act, words):
    note, look = act(*words)
    with open(note_path, "w", encoding="ascii") as file:
        file.write(note)
    with socket.socket(socket.AF_UNIX) as asked:
        asked.bind(ask_path)
        asked.listen()
        print(os.getpid(), flush=True)
        while True:
            asker, _ = asked.accept()
            with asker:
                asker.sendall(f"alive {look()}".encode())


def main():
    note_path, ask_path = sys.argv[1:]
    # Nobody waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        name, *words = line.split()
        act = function(name)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                stand_by(note_path, ask_path, act, words)
            except BaseException as error:
                print(repr(error), flush=True)
            finally:
                os._exit(1)


if __name__ == "__main__":
    os.umask(0)
    main()

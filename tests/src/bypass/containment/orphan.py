"""A double fork without exec: the label must come with the task, not with the program."""
import os
import sys

from attack import attempt, overwrite, raise_code


def double_fork(path):
    ready, told = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            line = f"doer {os.getpid()}\ncode {attempt(lambda: overwrite(path))}\n"
            os.write(told, line.encode())
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(told)
    report = os.read(ready, 200).decode()
    sys.stdout.write(report)
    raise_code(int(report.split("code ")[1]))

"""Descendants without exec, and by posix_spawn."""
import os

from attack import overwrite, raise_code


def fork_chain(depth, path):
    for _ in range(int(depth)):
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status))
    print(f"doer {os.getpid()}")
    overwrite(path)


def spawned(*words):
    child = os.posix_spawn(words[0], words, {"PATH": "/usr/bin:/bin"})
    print(f"doer {child}", flush=True)
    _, status = os.waitpid(child, 0)
    raise_code(os.waitstatus_to_exitcode(status))

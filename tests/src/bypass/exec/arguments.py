"""Arguments that are others by the time their program looks at them."""
import ctypes
import os
import signal

from attack import LIBC, call, raise_code

TRACEME, POKEDATA, CONT, ATTACH, DETACH = 0, 5, 7, 16, 17
JUDGED, MEANT = b"--xorce", b"--force\0"


def words(program, script):
    return [program, "sh", "-c", script, "push", JUDGED.decode()]


def change(process):
    """Puts the words that are meant where the ones are that were judged."""
    with open(f"/proc/{process}/stat") as stat:
        start = int(stat.read().rsplit(")", 1)[1].split()[45])
    with open(f"/proc/{process}/cmdline", "rb") as line:
        at = start + line.read().index(JUDGED)
    word = int.from_bytes(MEANT, "little")
    call(LIBC.ptrace, POKEDATA, process, ctypes.c_void_p(at), ctypes.c_void_p(word))


def traced_from_its_start(program, mark):
    child = os.fork()
    if child == 0:
        call(LIBC.ptrace, TRACEME, 0, None, None)
        os.execv(program, words(program, f":>{mark}"))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        print("doer", child)
        return
    change(child)
    call(LIBC.ptrace, CONT, child, None, None)
    _, status = os.waitpid(child, 0)
    raise_code(os.waitstatus_to_exitcode(status))


def traced_later(program, mark):
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(out, 0)
        os.execv(program, words(program, f"read x; :>{mark}"))
    os.close(out)
    try:
        own = open("/proc/self/cmdline", "rb").read()
        while open(f"/proc/{child}/cmdline", "rb").read() == own:
            pass
        call(LIBC.ptrace, ATTACH, child, None, None)
        os.waitpid(child, 0)
        change(child)
        call(LIBC.ptrace, DETACH, child, None, None)
        os.kill(child, signal.SIGCONT)
        os.write(into, b"go\n")
        _, status = os.waitpid(child, 0)
        raise_code(os.waitstatus_to_exitcode(status))
    finally:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass

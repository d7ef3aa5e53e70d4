"""Processes that a signal does not reach at once: stopped, traced, waiting for a child that waits, on their own."""
import os
import signal
import sys

sys.path.insert(0, sys.argv[1])

from ipc.trace import INTERRUPT, SEIZE, ptrace

STOPS_AT_ITS_END = 0x40
TOLD = sys.argv[2]
GATE = TOLD + ".gate"
out, into = os.pipe()


def child(act):
    pid = os.fork()
    if pid == 0:
        act()
        while True:
            signal.pause()
    return pid


def tell(pid):
    os.write(into, b"%d " % pid)


def on_its_own():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.setsid()
    tell(os.getpid())


def wait_for_child():
    os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, GATE, os.O_RDONLY, 0)])


def trace():
    traced = child(lambda: None)
    ptrace(SEIZE, traced, 0, STOPS_AT_ITS_END)
    ptrace(INTERRUPT, traced)
    os.waitpid(traced, 0)
    tell(traced)


os.mkfifo(GATE)
stopped = child(lambda: os.kill(os.getpid(), signal.SIGSTOP))
pids = [os.getpid(), child(lambda: None), child(wait_for_child), child(trace), stopped]
os.waitpid(child(on_its_own), 0)
os.waitpid(stopped, os.WUNTRACED)
others = b""
while others.count(b" ") < 2:
    others += os.read(out, 64)
with open(TOLD + ".new", "w", encoding="ascii") as file:
    file.write(" ".join(map(str, pids)) + " " + others.decode().strip())
os.rename(TOLD + ".new", TOLD)
signal.pause()

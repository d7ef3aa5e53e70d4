"""Other processes' memory: by tracing them, by calls, by files."""
import ctypes
import os
import sys

from attack import LIBC, attempt, call, child, raise_code, syscall
from bystander import note_of_bystander

ATTACH, SEIZE, INTERRUPT, DETACH, POKE, TRACEME = 16, 0x4206, 0x4207, 17, 5, 0
WRITE_MEMORY, READ_MEMORY = 311, 310
WHOLE, WORD = b"the memory of another", b"attacked"


def victim():
    memory = ctypes.create_string_buffer(WHOLE, 64)
    return f"{os.getpid()} {ctypes.addressof(memory)}", lambda: memory.value


def tracer(pid):
    """Of somebody else, who is stopped by it."""
    ptrace(SEIZE, int(pid))
    ptrace(INTERRUPT, int(pid))
    return pid, lambda: ""


def at_bystander(way, *words):
    pid, address = map(int, note_of_bystander())
    globals()[way](pid, address, *words)


def at_child(way, *words):
    """The allowed variant: a process of one's own."""
    memory = ctypes.create_string_buffer(WHOLE, 64)
    with child() as (pid, _):
        globals()[way](pid, ctypes.addressof(memory), *words)


def ptrace(request, pid, address=0, data=0):
    call(LIBC.ptrace, ctypes.c_long(request), pid, ctypes.c_void_p(address), ctypes.c_void_p(data))


def poke(pid, address):
    os.waitpid(pid, os.WUNTRACED | 0x40000000)
    ptrace(POKE, pid, address, int.from_bytes(WORD, sys.byteorder))
    ptrace(DETACH, pid)


def attach(pid, address):
    ptrace(ATTACH, pid)
    poke(pid, address)


def seize(pid, address):
    ptrace(SEIZE, pid)
    ptrace(INTERRUPT, pid)
    poke(pid, address)


def part(address, length):
    return (ctypes.c_uint64 * 2)(address, length)


def write_memory(pid, address):
    own = ctypes.create_string_buffer(WORD)
    here, there = part(ctypes.addressof(own), len(WORD)), part(address, len(WORD))
    syscall(WRITE_MEMORY, pid, here, ctypes.c_long(1), there, ctypes.c_long(1), ctypes.c_long(0))


def read_memory(pid, address):
    own = ctypes.create_string_buffer(64)
    here, there = part(ctypes.addressof(own), len(WHOLE)), part(address, len(WHOLE))
    syscall(READ_MEMORY, pid, here, ctypes.c_long(1), there, ctypes.c_long(1), ctypes.c_long(0))
    print(own.value.decode())


def write_file(pid, address):
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        memory.write(WORD)


def read_file(pid, address):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        print(memory.read(len(WHOLE)).decode())


def environment(pid, _):
    with open(f"/proc/{pid}/environ", "rb") as file:
        print(file.read().decode(errors="replace"))


def layout(pid, _):
    """Where everything lies."""
    with open(f"/proc/{pid}/maps", "rb") as file:
        print("laid out", len(file.read()))


def by_init():
    """Asks its parent, who is nobody's agent, to trace it."""
    ready, told = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            while os.getppid() != 1:
                pass
            failed = LIBC.ptrace(ctypes.c_long(TRACEME), 0, None, None)
            os.write(told, f"doer {os.getpid()}\ncode {ctypes.get_errno() if failed else 0}\n".encode())
        os._exit(0)
    report = os.read(ready, 200).decode()
    print(report)
    raise_code(int(report.split("code ")[1]))
    print("traced")


def by_parent():
    """Asks one of its own."""
    ready, told = os.pipe()
    asker = os.fork()
    if asker == 0:
        os.write(told, str(attempt(lambda: ptrace(TRACEME, 0))).encode())
        os._exit(0)
    os.waitpid(asker, 0)
    raise_code(int(os.read(ready, 200)))
    print("traced")

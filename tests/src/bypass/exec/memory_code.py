"""Code in memory.

What runs is a few instructions of x86_64 that make the system call they are told.
"""
import ctypes
import mmap
import os
import signal

from attack import LIBC, call, mapped, raise_code, syscall
from uring import SQES, Ring

PAGE = mmap.PAGESIZE
READ, WRITE, EXEC = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
PRIVATE, SHARED, ANONYMOUS = mmap.MAP_PRIVATE, mmap.MAP_SHARED, mmap.MAP_ANONYMOUS
READ_IMPLIES_EXEC = 0x0400000
PKEY_MPROTECT, PKEY_ALLOC, SHMGET, SHMAT, SHMCTL = 329, 330, 29, 30, 31
HUGE = 0x40000
SHM_EXEC, IPC_PRIVATE, IPC_RMID = 0o100000, 0, 0
TRACEME, POKEDATA, CONT = 0, 5, 7
OPEN = 2
# long code(number, one, two, three): mov rax, rdi; mov rdi, rsi; mov rsi, rdx; mov rdx, rcx; syscall; ret
CODE = bytes.fromhex("4889f8" "4889f7" "4889d6" "4889ca" "0f05" "c3")


def jump(address, mark):
    code = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_long, ctypes.c_long)(address)
    code(OPEN, mark.encode(), os.O_CREAT | os.O_WRONLY, 0o666)


def put(address):
    ctypes.memmove(address, CODE, len(CODE))


def protect(address, protection):
    start = address & -PAGE
    call(LIBC.mprotect, ctypes.c_void_p(start), ctypes.c_size_t(2 * PAGE), protection)


def written_then_executable(mark):
    address = mapped(2 * PAGE, READ | WRITE, PRIVATE | ANONYMOUS)
    put(address)
    protect(address, READ | EXEC)
    jump(address, mark)


def executable_at_once(mark):
    address = mapped(PAGE, READ | WRITE | EXEC, PRIVATE | ANONYMOUS)
    put(address)
    jump(address, mark)


def shared_memory(mark):
    address = mapped(PAGE, READ | WRITE | EXEC, SHARED | ANONYMOUS)
    put(address)
    jump(address, mark)


def memory_file(mark):
    memory = os.memfd_create("code")
    os.write(memory, CODE.ljust(PAGE, b"\0"))
    jump(mapped(PAGE, READ | EXEC, PRIVATE, memory), mark)


def huge_pages(mark):
    address = mapped(1 << 21, READ | WRITE | EXEC, PRIVATE | ANONYMOUS | HUGE)
    put(address)
    jump(address, mark)


def ring_memory(mark):
    """What a ring shares with its kernel half."""
    address = mapped(PAGE, READ | WRITE | EXEC, SHARED, Ring().fd, SQES)
    put(address)
    jump(address, mark)


def zeros(mark):
    """A private mapping of this device is memory like any other."""
    address = mapped(2 * PAGE, READ | WRITE, PRIVATE, os.open("/dev/zero", os.O_RDWR))
    put(address)
    protect(address, READ | EXEC)
    jump(address, mark)


def changed_library(mark):
    library = os.open("/lib/x86_64-linux-gnu/libc.so.6", os.O_RDONLY)
    address = mapped(2 * PAGE, READ | WRITE, PRIVATE, library)
    put(address)
    protect(address, READ | EXEC)
    jump(address, mark)


def heap(mark):
    buffer = ctypes.create_string_buffer(3 * PAGE)
    address = (ctypes.addressof(buffer) & -PAGE) + PAGE
    put(address)
    protect(address, READ | WRITE | EXEC)
    jump(address, mark)


def stack(mark):
    with open("/proc/self/maps") as maps:
        start = next(int(line.split("-")[0], 16) for line in maps if line.endswith("[stack]\n"))
    put(start)
    protect(start, READ | WRITE | EXEC)
    jump(start, mark)


def protection_key(mark):
    address = mapped(PAGE, READ | WRITE, PRIVATE | ANONYMOUS)
    put(address)
    syscall(PKEY_MPROTECT, ctypes.c_void_p(address), ctypes.c_size_t(PAGE), READ | EXEC, -1)
    jump(address, mark)


def personality(mark):
    """Whatever may be read may be run: the kernel adds the right by itself."""
    call(LIBC.personality, READ_IMPLIES_EXEC)
    address = mapped(PAGE, READ | WRITE, PRIVATE | ANONYMOUS)
    put(address)
    jump(address, mark)


def personality_heap(mark):
    """The heap grows by a call that no hook sees."""
    call(LIBC.personality, READ_IMPLIES_EXEC)
    LIBC.sbrk.restype = ctypes.c_void_p
    address = LIBC.sbrk(ctypes.c_long(2 * PAGE))
    put(address)
    jump(address, mark)


def segment(mark):
    number = syscall(SHMGET, IPC_PRIVATE, ctypes.c_size_t(PAGE), 0o700)
    try:
        address = syscall(SHMAT, number, None, SHM_EXEC)
        put(address)
        jump(address, mark)
    finally:
        syscall(SHMCTL, number, IPC_RMID, None)


def library_code():
    """A function of the C library that nothing here calls."""
    return ctypes.cast(LIBC.a64l, ctypes.c_void_p).value


def through_proc(mark):
    """Writing there asks for no right to write the page."""
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(library_code())
        memory.write(CODE)
    jump(library_code(), mark)


def by_tracer(mark):
    child = os.fork()
    if child == 0:
        try:
            call(LIBC.ptrace, TRACEME, 0, None, None)
        except OSError as error:
            os._exit(error.errno)
        os.kill(os.getpid(), signal.SIGSTOP)
        jump(library_code(), mark)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        print("doer", child)
        raise_code(os.waitstatus_to_exitcode(status))
    try:
        for at in range(0, 16, 8):
            word = int.from_bytes(CODE.ljust(16, b"\x90")[at:at + 8], "little")
            call(LIBC.ptrace, POKEDATA, child, ctypes.c_void_p(library_code() + at), ctypes.c_void_p(word))
        call(LIBC.ptrace, CONT, child, None, None)
        _, status = os.waitpid(child, 0)
        raise_code(os.waitstatus_to_exitcode(status))
    finally:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass


def mapped_file(path, mark, kind=PRIVATE):
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o755)
    os.write(file, CODE.ljust(PAGE, b"\0"))
    jump(mapped(PAGE, READ | EXEC, kind, file), mark)


def mapped_file_shared(path, mark):
    mapped_file(path, mark, SHARED)

"""Objects that processes share by numbers."""
import ctypes
import struct

from attack import CHANGED, LIBC, call, raise_code
from bystander import note_of_bystander

PRIVATE, SHARED, RMID, SETVAL, GETVAL, NOWAIT = 0, 0o666, 0, 16, 12, 0o4000
SIZE = 4096
LIBC.shmat.restype = ctypes.c_void_p


def made(number):
    if number < 0:
        raise_code(ctypes.get_errno())
    return number


def objects():
    """Memory, a semaphore, and a queue with one message in it."""
    memory, semaphore, queue = (
        made(LIBC.shmget(PRIVATE, SIZE, SHARED)),
        made(LIBC.semget(PRIVATE, 1, SHARED)),
        made(LIBC.msgget(PRIVATE, SHARED)),
    )
    call(LIBC.msgsnd, queue, message(b"untouched"), 16, NOWAIT)
    return memory, semaphore, queue


def message(text):
    return struct.pack("=q16s", 1, text)


def owner():
    memory, semaphore, queue = objects()

    def look():
        address = LIBC.shmat(memory, None, 0)
        status = ctypes.create_string_buffer(128)
        held = LIBC.msgctl(queue, 2, status)
        waiting = struct.unpack_from("=Q", status, 80)[0] if held == 0 else "none"
        value = LIBC.semctl(semaphore, 0, GETVAL)
        return f"{ctypes.string_at(address, 16)} {value} {waiting}"

    return f"{memory} {semaphore} {queue}", look


def of_bystander(way):
    globals()[way](*map(int, note_of_bystander()))


def of_ones_own(way):
    globals()[way](*objects())


def write_memory(memory, _, __):
    address = LIBC.shmat(memory, None, 0)
    if address == ctypes.c_void_p(-1).value:
        raise_code(ctypes.get_errno())
    ctypes.memmove(address, CHANGED, 16)


def set_semaphore(_, semaphore, __):
    call(LIBC.semctl, semaphore, 0, SETVAL, 7)


def operate_semaphore(_, semaphore, __):
    call(LIBC.semop, semaphore, struct.pack("=Hhh", 0, 3, NOWAIT), ctypes.c_size_t(1))


def remove_semaphore(_, semaphore, __):
    call(LIBC.semctl, semaphore, 0, RMID)


def send(_, __, queue):
    call(LIBC.msgsnd, queue, message(CHANGED), 16, NOWAIT)


def receive(_, __, queue):
    call(LIBC.msgrcv, queue, ctypes.create_string_buffer(24), 16, ctypes.c_long(0), NOWAIT)


def remove_queue(_, __, queue):
    call(LIBC.msgctl, queue, RMID, None)

"""Queues that processes share by names."""
import ctypes
import os

from attack import CHANGED, LIBC, call, raise_code

OWN, LEFT = b"/guardtest-queue", b"/guardtest-left"


def opened(name, flags):
    queue = LIBC.mq_open(name, flags | os.O_NONBLOCK, 0o666, None)
    if queue < 0:
        raise_code(ctypes.get_errno())
    return queue


def is_there(name):
    try:
        os.close(opened(name, os.O_RDONLY))
    except FileNotFoundError:
        return False
    return True


def waiting(queue):
    attributes = (ctypes.c_long * 8)()
    call(LIBC.mq_getattr, queue, attributes)
    return attributes[3]


def owner():
    """A queue with one message in it."""
    for name in (OWN, LEFT):
        LIBC.mq_unlink(name)
    queue = opened(OWN, os.O_CREAT | os.O_RDWR)
    call(LIBC.mq_send, queue, b"untouched", ctypes.c_size_t(9), 0)
    return "queue", lambda: f"{waiting(queue)} {is_there(OWN)} {is_there(LEFT)}"


def remove():
    call(LIBC.mq_unlink, OWN)


def leave():
    opened(LEFT, os.O_CREAT | os.O_RDONLY)


def send():
    call(LIBC.mq_send, opened(OWN, os.O_WRONLY), CHANGED, ctypes.c_size_t(len(CHANGED)), 0)


def take():
    space = ctypes.create_string_buffer(8192)
    call(LIBC.mq_receive, opened(OWN, os.O_RDONLY), space, ctypes.c_size_t(8192), None)

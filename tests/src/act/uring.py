"""A ring of io_uring, small enough to read: what is submitted is waited for, what is queued is not."""
import ctypes
import os
import struct

from attack import mapped, raise_code, syscall

SETUP, ENTER, REGISTER = 425, 426, 427
READ_FIXED, POLL, FALLOCATE, OPENAT, READ, WRITE, OPENAT2, SPLICE = 4, 6, 17, 18, 22, 23, 28, 30
RENAMEAT, UNLINKAT, MKDIRAT, SYMLINKAT, LINKAT, SETXATTR, FTRUNCATE = 35, 36, 37, 38, 39, 42, 55
FIXED_FILE, LINKED, ASYNC = 1, 4, 16
TIMEOUT, SEND, RECEIVE, TIMEOUT_SUCCEEDS = 11, 26, 27, 32
SENDMSG, SEND_ZC = 9, 47
POLLED = 2
REGISTER_BUFFERS, REGISTER_FILES = 0, 2
GETEVENTS, WAKE_UP = 1, 2
SQES, ENTRIES = 0x10000000, 8
READ_WRITE, SHARED = 3, 1


def text(path):
    """The address of a path, and what keeps it alive."""
    buffer = ctypes.create_string_buffer(os.fsencode(path))
    return ctypes.addressof(buffer), buffer


def entry(operation, fd=-100, address=0, length=0, offset=0, flags=0, how=0, buffer=0, index=0, more=0):
    return struct.pack("=BBHiQQIIQHHiQQ", operation, how, 0, fd, offset, address, length, flags, 0, buffer, 0, index,
                       more, 0)


class Ring:
    def __init__(self, flags=0):
        parameters = ctypes.create_string_buffer(struct.pack("=4I", ENTRIES, 0, flags, 0).ljust(120, b"\0"), 120)
        self.fd = syscall(SETUP, ENTRIES, parameters)
        self.polled = flags & POLLED
        fields = struct.unpack_from("=30I", parameters)
        self.submitted, self.completed = fields[10:20], fields[20:30]
        self.rings = mapped(0x4000, READ_WRITE, SHARED, self.fd)
        self.entries = mapped(4096, READ_WRITE, SHARED, self.fd, SQES)

    def word(self, offset):
        return ctypes.c_uint32.from_address(self.rings + offset)

    def register(self, what, argument, count):
        syscall(REGISTER, self.fd, what, argument, count)

    def submit(self, *entries):
        """Hands in the entries; their results, in the order in which they came to their end."""
        self.queue(*entries, awaited=len(entries))
        return [self.result() for _ in entries]

    def queue(self, *entries, awaited=0):
        """Hands in the entries, and waits until so many have come to their end."""
        tail = self.word(self.submitted[1])
        for at, bytes_ in enumerate(entries):
            slot = (tail.value + at) % ENTRIES
            ctypes.memmove(self.entries + slot * 64, bytes_, 64)
            self.word(self.submitted[6] + 4 * slot).value = slot
        tail.value += len(entries)
        if self.polled:
            syscall(ENTER, self.fd, 0, awaited, GETEVENTS | WAKE_UP, None, 0)
        else:
            syscall(ENTER, self.fd, len(entries), awaited, GETEVENTS, None, 0)

    def wait(self, count):
        """The results of what was handed in."""
        syscall(ENTER, self.fd, 0, count, GETEVENTS, None, 0)
        return [self.result() for _ in range(count)]

    def result(self):
        head = self.word(self.completed[0])
        place = self.rings + self.completed[5] + 16 * (head.value % (2 * ENTRIES))
        head.value += 1
        return ctypes.c_int32.from_address(place + 8).value

    def do(self, *entries):
        """The same, where each has to succeed."""
        results = self.submit(*entries)
        for result in results:
            if result < 0:
                raise_code(-result)
        return results[-1]

"""What acts share: system calls by number, socket addresses by hand, what an attack leaves and sends."""
import contextlib
import ctypes
import os
import signal
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
CHANGED = b"changed by the attack\n"
SENT = b"sent by the attack"
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
# System calls have numbers of their own on x86_64; newer ones have the same everywhere.
X86 = os.uname().machine == "x86_64"
# What an act ends with for an error that has no errno.
NO_ERRNO = 198


def raise_code(code):
    if code:
        raise OSError(code, os.strerror(code))


def attempt(act):
    try:
        act()
    except OSError as error:
        return error.errno or NO_ERRNO
    return 0


def syscall(number, *words):
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise_code(ctypes.get_errno())
    return result


def call(function, *words):
    if function(*words) < 0:
        raise_code(ctypes.get_errno())


def mapped(length, protection, flags, fd=-1, offset=0):
    """The address of a new mapping."""
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(None, ctypes.c_size_t(length), protection, flags, fd, ctypes.c_long(offset))
    if address == ctypes.c_void_p(-1).value:
        raise_code(ctypes.get_errno())
    return address


def held(path, flags=os.O_RDWR):
    """The descriptor of a file that this process held before anybody confined it; of any other, a new one."""
    wanted = os.stat(path)
    for fd in range(10, 16):
        try:
            if os.path.samestat(os.fstat(fd), wanted):
                return fd
        except OSError:
            pass
    return os.open(path, flags)


def overwrite(path):
    with open(path, "r+b", buffering=0) as file:
        file.write(CHANGED)


def peer(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def inet(family, text):
    """A v4 socket address whose family field says what it likes."""
    host, port = peer(text)
    return struct.pack("=H", family) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)


def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def send_raw(fd, address):
    call(LIBC.sendto, fd, SENT, len(SENT), 0, address, len(address))


def connect_raw(fd, address):
    call(LIBC.connect, fd, address, len(address))


def datagram_to(port):
    return struct.pack(">HHHH", 40000, port, 8 + len(SENT), 0) + SENT


@contextlib.contextmanager
def child(prepare=lambda: ""):
    """A process of one's own, which stays as long as it is needed: its id, and what it told when it was ready."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(told, f"{prepare()}\n".encode())
        while True:
            signal.pause()
    os.close(told)
    try:
        yield pid, os.read(ready, 200).decode()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

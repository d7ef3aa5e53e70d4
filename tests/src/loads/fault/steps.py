"""Acts that the kernel can fail, in steps: what an act needs is there before its `yield`, when nothing fails yet, and
what comes behind is the act. Everything happens in the actor, but for what would change it."""
import ctypes
import errno
import fcntl
import mmap
import os
import signal
import socket
import struct

from attack import LIBC, SENT, attempt, call, peer, raise_code, syscall

SEIZE, READ_MEMORY, ADD_KEY, KEYCTL, DESCRIBE, OWN_PROCESS = 0x4206, 310, 248, 250, 6, -2
NEWNS, NEWUSER, PRIVATE, REMOVE = 0x20000, 0x10000000, 0, 0
GETFLAGS, SETFLAGS, NODUMP = 0x80086601, 0x40086602, 0x40
LIBC.shmat.restype = ctypes.c_void_p
STEPS, CHILDREN, OPENED, SEGMENTS = [], [], [], []


def prepare(name, *words):
    STEPS.append(globals()[name](*words))
    next(STEPS[-1])


def act():
    next(STEPS[-1], None)


def end():
    """Without faults again: takes away what the steps left."""
    STEPS.pop().close()
    while CHILDREN:
        pid = CHILDREN.pop()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    while OPENED:
        os.close(OPENED.pop())
    while SEGMENTS:
        # One that nobody could note is not its maker's to remove.
        LIBC.shmctl(SEGMENTS.pop(), REMOVE, None)


def opened(path, flags=os.O_RDONLY):
    OPENED.append(os.open(path, flags))
    return OPENED[-1]


def kept(sock):
    """A socket that is closed at the end."""
    OPENED.append(sock.detach())
    return socket.socket(fileno=os.dup(OPENED[-1]))


def child(first=lambda: None, then=lambda: None):
    """A process of one's own that does the first at once; gives its id, and what makes it do the other."""
    (go, order), (answer, told) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(told, bytes([attempt(first)]))
        os.read(go, 1)
        os.write(told, bytes([attempt(then)]))
        os._exit(0)
    CHILDREN.append(pid)
    OPENED.extend((go, order, answer, told))

    def ordered():
        os.write(order, b".")
        raise_code(os.read(answer, 1)[0])

    raise_code(os.read(answer, 1)[0])
    return pid, ordered


def write_open(path):
    file = opened(path, os.O_WRONLY)
    yield
    os.write(file, b"x")


def read_open(path):
    file = opened(path)
    yield
    os.read(file, 1)


def cut_open(path):
    file = opened(path, os.O_WRONLY)
    yield
    os.ftruncate(file, 1)


def set_times(path):
    yield
    os.utime(path, (1, 1))


def set_attribute(path):
    yield
    os.setxattr(path, "user.attack", b"x")


def remove_attribute(path):
    os.setxattr(path, "user.attack", b"x")
    yield
    os.removexattr(path, "user.attack")


def set_flags(path):
    """One more: without those that are set, ext4 would lay the file out anew."""
    file = opened(path)
    flags, = struct.unpack("=Q", fcntl.ioctl(file, GETFLAGS, bytes(8)))
    yield
    fcntl.ioctl(file, SETFLAGS, struct.pack("=Q", flags | NODUMP))


def map_code(path):
    file = opened(path)
    yield
    mmap.mmap(file, mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()


def handed(descriptor):
    """One end of a pair in which a descriptor waits to be received."""
    one, other = map(kept, socket.socketpair())
    socket.send_fds(one, [b"x"], [descriptor])
    return other


def received(sock):
    descriptors = socket.recv_fds(sock, 1, 1)[1]
    if not descriptors:
        # The kernel leaves out what may not be received, without a word.
        raise_code(errno.EACCES)
    OPENED.extend(descriptors)


def receive(path):
    sock = handed(opened(path))
    yield
    received(sock)


def receive_socket(to):
    sock = kept(socket.socket(type=socket.SOCK_DGRAM))
    sock.connect(peer(to))
    waiting = handed(sock.fileno())
    yield
    received(waiting)


def send_connected(to):
    sock = kept(socket.socket(type=socket.SOCK_DGRAM))
    sock.connect(peer(to))
    yield
    sock.send(SENT)


def send_datagram(path):
    kept(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).bind(path)
    sock = kept(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    yield
    sock.sendto(SENT, path)


def send_unix(path):
    sock = kept(socket.socket(socket.AF_UNIX))
    sock.connect(path)
    yield
    sock.send(SENT)


def bind(at):
    sock = kept(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    yield
    sock.bind(peer(at))


def bound():
    sock = kept(socket.socket())
    sock.bind(("127.0.0.1", 0))
    return sock


def listen():
    sock = bound()
    yield
    sock.listen()


def accept():
    sock = bound()
    sock.listen()
    kept(socket.socket()).connect(sock.getsockname())
    yield
    sock.accept()[0].close()


def send_signal():
    pid, _ = child()
    yield
    os.kill(pid, signal.SIGTERM)


def choose_receiver():
    sock, _ = map(kept, socket.socketpair())
    yield
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())


def set_priority():
    pid, _ = child()
    yield
    os.setpriority(os.PRIO_PROCESS, pid, 19)


def trace():
    pid, _ = child()
    yield
    call(LIBC.ptrace, ctypes.c_long(SEIZE), pid, None, None)


def read_memory():
    own, there = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
    pid, _ = child()
    yield
    here, other = ((ctypes.c_uint64 * 2)(ctypes.addressof(place), 8) for place in (own, there))
    syscall(READ_MEMORY, pid, here, ctypes.c_long(1), other, ctypes.c_long(1), ctypes.c_long(0))


def make_segment():
    segment = LIBC.shmget(PRIVATE, mmap.PAGESIZE, 0o600)
    if segment < 0:
        raise_code(ctypes.get_errno())
    SEGMENTS.append(segment)


def use_segment():
    address = LIBC.shmat(SEGMENTS[-1], None, 0)
    if address == ctypes.c_void_p(-1).value:
        raise_code(ctypes.get_errno())
    LIBC.shmdt(ctypes.c_void_p(address))


def segment_made():
    yield
    make_segment()
    use_segment()


def segment_found():
    make_segment()
    yield
    use_segment()


def made_key():
    """Another one each time: one of the same name would only be changed."""
    return syscall(ADD_KEY, b"user", os.urandom(8).hex().encode(), SENT, ctypes.c_size_t(len(SENT)),
                   ctypes.c_long(OWN_PROCESS))


def look_at_key(key):
    space = ctypes.create_string_buffer(64)
    syscall(KEYCTL, ctypes.c_long(DESCRIBE), ctypes.c_long(key), space, ctypes.c_size_t(64))


def key_made():
    # It makes the keyring too.
    made_key()
    yield
    look_at_key(made_key())


def key_found():
    key = made_key()
    yield
    look_at_key(key)


def left(spaces):
    call(LIBC.unshare, spaces)


def make_namespace():
    _, ordered = child(then=lambda: left(NEWUSER))
    yield
    ordered()


def mount(path):
    kind = ctypes.c_char_p(b"tmpfs")
    mounted = lambda: call(LIBC.mount, kind, path.encode(), kind, ctypes.c_ulong(0), None)
    _, ordered = child(lambda: left(NEWUSER | NEWNS), mounted)
    yield
    ordered()

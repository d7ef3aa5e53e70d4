"""Acts that no safe interface offers: system calls by number, socket addresses of odd layout, plain forks.

Served like `guard-act serve`: one JSON order a line, one JSON outcome a line, each act in a forked child.
"""
import ctypes
import json
import os
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CHANGED = b"changed by the attack\n"
SENT = b"sent by the attack"
ETH_P_IP, EVERYBODY = 0x0800, b"\xff" * 6
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
# Numbers of x86_64 and of the generic table.
X86 = os.uname().machine == "x86_64"
NAME_TO_HANDLE_AT, OPEN_BY_HANDLE_AT = (303, 304) if X86 else (264, 265)
FCHMODAT2 = 452
MPTCP, FASTOPEN = 262, 0x20000000


def syscall(number, *words):
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    return result


def peer(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def inet(family, text):
    """A v4 socket address whose family field says what it likes."""
    host, port = peer(text)
    return struct.pack("=H", family) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)


def call(function, *words):
    if function(*words) < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))


def send_raw(fd, address):
    call(LIBC.sendto, fd, SENT, len(SENT), 0, address, len(address))


def connect_raw(fd, address):
    call(LIBC.connect, fd, address, len(address))


def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def overwrite(path):
    with open(path, "r+b", buffering=0) as file:
        file.write(CHANGED)


def udp_unspec(to):
    """UDP takes AF_UNSPEC for AF_INET."""
    with udp() as sock:
        send_raw(sock.fileno(), inet(socket.AF_UNSPEC, to))


def udp_dissolved(first, to):
    """Connected to the allowed peer, let go again, then sent elsewhere."""
    with udp() as sock:
        sock.connect(peer(first))
        connect_raw(sock.fileno(), struct.pack("=H", socket.AF_UNSPEC) + bytes(14))
        sock.sendto(SENT, peer(to))


def udp_reconnected(first, to):
    with udp() as sock:
        sock.connect(peer(first))
        sock.connect(peer(to))
        sock.send(SENT)


def udp_v4_over_v6(to):
    """A v6 socket that is handed a v4 address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        send_raw(sock.fileno(), inet(socket.AF_INET, to))


def mptcp(to):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP) as sock:
        sock.connect(peer(to))
        sock.send(SENT)


def mptcp_fastopen(to):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP) as sock:
        sock.sendto(SENT, FASTOPEN, peer(to))


def datagram_to(port):
    return struct.pack(">HHHH", 40000, port, 8 + len(SENT), 0) + SENT


def packet_to(source, to):
    """A whole IPv4 packet with a datagram in it, as it goes over the link."""
    host, port = peer(to)
    datagram = datagram_to(port)

    def header(checksum):
        addresses = socket.inet_aton(peer(source)[0]) + socket.inet_aton(host)
        length = 20 + len(datagram)
        return struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, checksum) + addresses

    total = sum(struct.unpack(">10H", header(0)))
    total = (total & 0xffff) + (total >> 16)
    return header(~(total + (total >> 16)) & 0xffff) + datagram


def raw_udp(to):
    """A UDP header made by hand, through a raw socket."""
    host, port = peer(to)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.sendto(datagram_to(port), (host, 0))


def raw_ip(source, to):
    """A raw socket of no protocol: the packet brings its own IPv4 header."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(packet_to(source, to), (peer(to)[0], 0))


def packet_udp(link, source, to):
    """Past IPv4 as a whole: a packet for everybody on the link, whoever its header names."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sock:
        sock.sendto(packet_to(source, to), (link, ETH_P_IP, 0, 0, EVERYBODY))


def packet_udp_bound(link, source, to):
    """The same with the link's header made by hand too, from a socket that needs to name no peer."""
    frame = EVERYBODY + b"\x02guard" + struct.pack(">H", ETH_P_IP)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((link, ETH_P_IP))
        sock.send(frame + packet_to(source, to))


def raw_udp_unspec(to):
    """A raw IPv6 socket takes an address of no family for one of its own."""
    host, port = peer(to)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 6)
        address = struct.pack("=HHI16sI", socket.AF_UNSPEC, 0, 0, socket.inet_pton(socket.AF_INET6, host), 0)
        datagram = datagram_to(port)
        call(LIBC.sendto, sock.fileno(), datagram, len(datagram), 0, address, len(address))


def sendmsg_scattered(to):
    with udp() as sock:
        sock.sendmsg([SENT[:4], SENT[4:]], [], 0, peer(to))


def open_by_handle(path):
    """A file opened by its handle: no name is looked up."""
    class Handle(ctypes.Structure):
        _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]

    handle, mount = Handle(bytes=128), ctypes.c_int()
    syscall(NAME_TO_HANDLE_AT, AT_FDCWD, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0)
    top = os.open(os.path.dirname(path), os.O_RDONLY)
    fd = syscall(OPEN_BY_HANDLE_AT, top, ctypes.byref(handle), os.O_WRONLY)
    os.write(fd, CHANGED)


def fchmodat2_empty(path):
    fd = os.open(path, os.O_PATH)
    syscall(FCHMODAT2, fd, b"", 0o777, AT_EMPTY_PATH)


def double_fork(path):
    """No exec on the way: the label must come with the task, not with the program."""
    ready, told = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            line = f"doer {os.getpid()}\ncode {attempt(lambda: overwrite(path))}\n"
            os.write(told, line.encode())
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(told)
    report = os.read(ready, 200).decode()
    sys.stdout.write(report)
    raise_code(int(report.split("code ")[1]))


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


def chdir_relative(path):
    os.chdir(os.path.dirname(path))
    overwrite(os.path.basename(path))


def descriptor_relative(path):
    top = os.open(os.path.dirname(os.path.dirname(path)), os.O_PATH)
    name = os.path.join(".", os.path.basename(os.path.dirname(path)), "..", *path.split("/")[-2:])
    os.write(os.open(name, os.O_WRONLY, dir_fd=top), CHANGED)


def raise_code(code):
    if code:
        raise OSError(code, os.strerror(code))


def attempt(act):
    try:
        act()
    except OSError as error:
        return error.errno
    return 0


ACTS = {
    name.replace("_", "-"): act
    for name, act in list(globals().items())
    if callable(act) and name.islower() and name not in (
        "syscall", "peer", "inet", "call", "send_raw", "connect_raw", "udp", "datagram_to", "packet_to", "attempt",
        "raise_code")
}


def perform(words):
    """Runs one act in a child whose output goes to the asker."""
    out, inner = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.dup2(inner, 1)
        os.close(out)
        code = 199
        try:
            code = attempt(lambda: ACTS[words[0]](*words[1:]))
            sys.stdout.flush()
        finally:
            os._exit(code)
    os.close(inner)
    told = b""
    while block := os.read(out, 4096):
        told += block
    os.close(out)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"tid": child, "code": max(code, 0), "signal": max(-code, 0), "out": told.decode(errors="replace")}


def main():
    for line in sys.stdin:
        print(json.dumps(perform(json.loads(line)["words"])), flush=True)


if __name__ == "__main__":
    main()

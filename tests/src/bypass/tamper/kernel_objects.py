"""Kernel programs and maps, by the `bpf` call."""
import ctypes
import os
import socket
import struct
import threading

from attack import attempt, syscall
from bystander import note_of_bystander
from file.passed import received

BPF = 321
MAP_CREATE, LOOKUP, UPDATE, DELETE, PIN, GET, MAP_NEXT_ID, MAP_BY_ID = 0, 1, 2, 3, 6, 7, 12, 14
PROG_LOAD, PROG_BY_ID, LINK_CREATE, LINK_UPDATE, LINK_BY_ID, LINK_DETACH = 5, 13, 28, 29, 30, 34
ARRAY, SOCKET_FILTER, CGROUP_SKB = 2, 1, 8
LINKED_TO = "/sys/fs/cgroup/guardtest-link"


def bpf(command, attributes):
    return syscall(BPF, command, attributes.ljust(128, b"\0"), 128)


def bytes_at(text):
    buffer = ctypes.create_string_buffer(text)
    return buffer, ctypes.addressof(buffer)


def entry(fd, value):
    key, at_key = bytes_at(bytes(4))
    buffer, at_value = bytes_at(value)
    return key, buffer, struct.pack("=IxxxxQQQ", fd, at_key, at_value, 0)


def set_value(fd, text):
    *kept, attributes = entry(fd, text.ljust(8, b"\0"))
    bpf(UPDATE, attributes)
    del kept


def about(fd):
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        return info.read()


def number_of(fd, kind):
    return next((line.split()[1] for line in about(fd).splitlines() if line.startswith(f"{kind}:")), None)


def owner(pin):
    """A map like guard's own, with a name and a number."""
    fd = bpf(MAP_CREATE, struct.pack("=IIII", ARRAY, 4, 8, 1))
    set_value(fd, b"whole")
    if os.path.exists(pin):
        os.unlink(pin)
    name, at_name = bytes_at(pin.encode())
    bpf(PIN, struct.pack("=QI", at_name, fd))
    del name
    number = number_of(fd, "map_id")

    def look():
        key, value, attributes = entry(fd, bytes(8))
        bpf(LOOKUP, attributes)
        del key
        return f"{value.raw} {os.path.exists(pin)}"

    return f"{number} {pin}", look


def by_number():
    number = int(note_of_bystander()[0])
    set_value(bpf(MAP_BY_ID, struct.pack("=III", number, 0, 0)), b"changed")


def by_pin():
    name, at_name = bytes_at(note_of_bystander()[1].encode())
    set_value(bpf(GET, struct.pack("=QI", at_name, 0)), b"changed")
    del name


def remove_pin():
    os.unlink(note_of_bystander()[1])


def list_maps():
    print("found", bpf(MAP_NEXT_ID, struct.pack("=II", 0, 0)))


def load_program():
    print("loaded", loaded(SOCKET_FILTER))


def loaded(kind):
    """One that lets everything pass: `r0 = 1; exit`."""
    code, at_code = bytes_at(struct.pack("=BBhi", 0xB7, 0, 0, 1) + struct.pack("=BBhi", 0x95, 0, 0, 0))
    licence, at_licence = bytes_at(b"GPL")
    fd = bpf(PROG_LOAD, struct.pack("=IIQQ", kind, 2, at_code, at_licence))
    del code, licence
    return fd


def link():
    """A program that is attached to a cgroup, and may be detached."""
    os.makedirs(LINKED_TO, exist_ok=True)
    cgroup = os.open(LINKED_TO, os.O_RDONLY | os.O_DIRECTORY)
    return bpf(LINK_CREATE, struct.pack("=IIII", loaded(CGROUP_SKB), cgroup, 0, 0))


def link_owner():
    """A link, and another program that could take its program's place."""
    own, other = link(), loaded(CGROUP_SKB)
    return f"{number_of(own, 'link_id')} {number_of(other, 'prog_id')}", lambda: about(own)


def link_lender(path):
    """Hands its link to whoever comes to the path."""
    own, door = link(), socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen()

    def give():
        while True:
            taker, _ = door.accept()
            with taker:
                socket.send_fds(taker, [b"."], [own])

    threading.Thread(target=give, daemon=True).start()
    return "", lambda: about(own)


def by_id(command, number):
    return bpf(command, struct.pack("=III", int(number), 0, 0))


def detach_by_number():
    bpf(LINK_DETACH, struct.pack("=I", by_id(LINK_BY_ID, note_of_bystander()[0])))


def replace_by_number():
    own, other = (int(number) for number in note_of_bystander())
    bpf(LINK_UPDATE, struct.pack("=IIII", by_id(LINK_BY_ID, own), by_id(PROG_BY_ID, other), 0, 0))


def program_by_number():
    print("taken", by_id(PROG_BY_ID, note_of_bystander()[1]))


def detach_received(path):
    bpf(LINK_DETACH, struct.pack("=I", received(path)))


def numbers_below(folder):
    """Of all that is pinned there, a line for each kind."""
    numbers = {"prog_id": set(), "link_id": set(), "map_id": set()}
    for below, _, names in os.walk(folder):
        for pin in names:
            name, at_name = bytes_at(os.path.join(below, pin).encode())
            fd = bpf(GET, struct.pack("=QI", at_name, 0))
            del name
            for kind, found in numbers.items():
                found.add(number_of(fd, kind))
            os.close(fd)
    for kind, found in numbers.items():
        print(kind, *sorted(found - {None}, key=int))


def taken_by_number(kind, *numbers):
    """How many descriptors there are to be had."""
    command = {"prog_id": PROG_BY_ID, "link_id": LINK_BY_ID, "map_id": MAP_BY_ID}[kind]
    ends = [attempt(lambda number=number: os.close(by_id(command, number))) for number in numbers]
    print(ends.count(0), "of", len(ends))

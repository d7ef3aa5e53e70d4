"""Kernel programs and maps, by the `bpf` call."""
import ctypes
import os
import struct

from attack import syscall
from bystander import note_of_bystander

BPF = 321
MAP_CREATE, LOOKUP, UPDATE, DELETE, PIN, GET, MAP_NEXT_ID, MAP_BY_ID = 0, 1, 2, 3, 6, 7, 12, 14
PROG_LOAD = 5
ARRAY, SOCKET_FILTER = 2, 1


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


def owner(pin):
    """A map like guard's own, with a name and a number."""
    fd = bpf(MAP_CREATE, struct.pack("=IIII", ARRAY, 4, 8, 1))
    set_value(fd, b"whole")
    if os.path.exists(pin):
        os.unlink(pin)
    name, at_name = bytes_at(pin.encode())
    bpf(PIN, struct.pack("=QI", at_name, fd))
    del name
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        number = next(line.split()[1] for line in info if line.startswith("map_id"))

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
    """One that does nothing: `r0 = 0; exit`."""
    code, at_code = bytes_at(struct.pack("=BBhi", 0xB7, 0, 0, 0) + struct.pack("=BBhi", 0x95, 0, 0, 0))
    licence, at_licence = bytes_at(b"GPL")
    print("loaded", bpf(PROG_LOAD, struct.pack("=IIQQ", SOCKET_FILTER, 2, at_code, at_licence)))
    del code, licence

"""Keys that the kernel keeps for a user."""
import ctypes
import os

from attack import CHANGED, syscall
from bystander import note_of_bystander

ADD_KEY, REQUEST_KEY, KEYCTL = 248, 249, 250
JOIN_SESSION, UPDATE, REVOKE, SETPERM, READ = 1, 2, 3, 5, 11
OWN_PROCESS, USER = -2, -4
FOR_THE_USER = 0x3F3F0000


def number(value):
    return ctypes.c_long(value)


def added(payload, keyring):
    return syscall(ADD_KEY, b"user", b"guardtest", payload, ctypes.c_size_t(len(payload)), number(keyring))


def read(key):
    space = ctypes.create_string_buffer(64)
    syscall(KEYCTL, number(READ), number(key), space, ctypes.c_size_t(64))
    return space.value


def owner():
    key = added(b"the key of another", USER)
    syscall(KEYCTL, number(SETPERM), number(key), number(FOR_THE_USER))

    def look():
        try:
            return read(key)
        except OSError as error:
            return error

    return str(key), look


def of_bystander(way):
    globals()[way](int(note_of_bystander()[0]))


def of_ones_own(way):
    globals()[way](added(b"the key of another", OWN_PROCESS))


def tell(key):
    print(read(key).decode())


def update(key):
    syscall(KEYCTL, number(UPDATE), number(key), CHANGED, ctypes.c_size_t(len(CHANGED)))


def revoke(key):
    syscall(KEYCTL, number(REVOKE), number(key))


def add_for_the_user():
    """What others who ask for it will find."""
    print("added", added(CHANGED, USER))


def add_for_oneself():
    print("added", added(CHANGED, OWN_PROCESS))


def asked_for(name):
    return syscall(REQUEST_KEY, b"user", name, b"told to the host's program", number(0))


def ask_for_missing():
    """It has to make one, for keyrings of one's own: as a user who had none."""
    os.setuid(70000 + os.getpid())
    syscall(KEYCTL, number(JOIN_SESSION), None)
    asked_for(b"guardtest-missing-%d" % os.getpid())


def ask_for_ones_own():
    added(CHANGED, OWN_PROCESS)
    print("found", asked_for(b"guardtest"))

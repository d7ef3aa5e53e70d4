"""What takes a capability on the host."""
import ctypes
import glob
import lzma
import os
import socket

from attack import LIBC, call, syscall

INIT_MODULE, DELETE_MODULE, KEXEC_LOAD, IOPL, PERF_EVENT_OPEN = 175, 176, 246, 172, 298
MODULE = "dummy"


def rename_host():
    socket.sethostname("attacked")


def rename_domain():
    call(LIBC.setdomainname, b"attacked", 8)


def load_module():
    found = glob.glob(f"/lib/modules/{os.uname().release}/kernel/drivers/net/{MODULE}.ko*")[0]
    with (lzma.open if found.endswith(".xz") else open)(found, "rb") as file:
        code = file.read()
    syscall(INIT_MODULE, code, ctypes.c_size_t(len(code)), b"numdummies=0")


def forget_kernel():
    """Unloads the kernel that would be started next: what loads one takes the same right."""
    syscall(KEXEC_LOAD, ctypes.c_long(0), ctypes.c_long(0), None, ctypes.c_long(0))


def reach_ports():
    syscall(IOPL, 3)


def count_everything():
    """A counter of the whole machine's, on its first processor."""
    event = ctypes.create_string_buffer(128)
    ctypes.memmove(event, (ctypes.c_uint32 * 4)(1, 128, 0, 0), 16)
    syscall(PERF_EVENT_OPEN, event, ctypes.c_int(-1), ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_long(0))


def count_own():
    event = ctypes.create_string_buffer(128)
    ctypes.memmove(event, (ctypes.c_uint32 * 4)(1, 128, 0, 0), 16)
    syscall(PERF_EVENT_OPEN, event, ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_long(0))


def set_clock():
    """By nothing: the call asks for the right all the same."""
    now = (ctypes.c_long * 2)()
    call(LIBC.clock_gettime, 0, now)
    call(LIBC.clock_settime, 0, now)

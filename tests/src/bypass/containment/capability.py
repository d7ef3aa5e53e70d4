"""What takes a capability on the host."""
import ctypes
import fcntl
import glob
import lzma
import os
import socket
import struct

from attack import LIBC, call, syscall

INIT_MODULE, DELETE_MODULE, KEXEC_LOAD, IOPL, PERF_EVENT_OPEN = 175, 176, 246, 172, 298
INIT_MODULE_OF_FILE, KEXEC_LOAD_FILE, KEXEC_UNLOAD, FAULTS, QUOTA = 313, 320, 1, 323, 443
CAPSET, CAPABILITIES_VERSION, SYS_ADMIN, KEEP_CAPABILITIES = 126, 0x20080522, 1 << 21, 8
NEW_FAULTS = 0xAA00
SET_QUOTA_OF_USER, QUOTA_OF_BLOCKS = 0x80000800, 1
MODULE = "dummy"


def rename_host():
    socket.sethostname("attacked")


def rename_domain():
    call(LIBC.setdomainname, b"attacked", 8)


def module():
    found = glob.glob(f"/lib/modules/{os.uname().release}/kernel/drivers/net/{MODULE}.ko*")[0]
    with (lzma.open if found.endswith(".xz") else open)(found, "rb") as file:
        return file.read()


def load_module():
    code = module()
    syscall(INIT_MODULE, code, ctypes.c_size_t(len(code)), b"numdummies=0")


def load_module_of_file():
    held = os.memfd_create(MODULE)
    os.write(held, module())
    syscall(INIT_MODULE_OF_FILE, held, b"numdummies=0", 0)


def forget_kernel():
    """Unloads the kernel that would be started next: what loads one takes the same right."""
    syscall(KEXEC_LOAD, ctypes.c_long(0), ctypes.c_long(0), None, ctypes.c_long(0))


def forget_kernel_of_file():
    syscall(KEXEC_LOAD_FILE, -1, -1, ctypes.c_long(0), None, ctypes.c_long(KEXEC_UNLOAD))


def hold_up_kernel():
    """Whoever answers for missing pages answers the kernel too, which waits for it in the middle of a call."""
    print("holds", syscall(FAULTS, 0))


def hold_up_kernel_by_device():
    print("holds", fcntl.ioctl(os.open("/dev/userfaultfd", os.O_RDWR), NEW_FAULTS, 0))


def set_quota(folder):
    """One block for user 1, on the file system of that folder."""
    limits = struct.pack("=8QII", 1, 1, 0, 0, 0, 0, 0, 0, QUOTA_OF_BLOCKS, 0)
    syscall(QUOTA, os.open(folder, os.O_RDONLY), SET_QUOTA_OF_USER, 1, limits)


def probe_kernel():
    """A counter that is a probe in the kernel's code."""
    with open("/sys/bus/event_source/devices/kprobe/type", encoding="ascii") as file:
        kind = int(file.read())
    name = ctypes.create_string_buffer(b"do_sys_openat2")
    event = ctypes.create_string_buffer(128)
    struct.pack_into("=II", event, 0, kind, 128)
    struct.pack_into("=Q", event, 56, ctypes.addressof(name))
    syscall(PERF_EVENT_OPEN, event, ctypes.c_int(-1), ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_long(0))


def rename_host_as(user):
    """Takes a capability along to another user."""
    call(LIBC.prctl, KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setuid(int(user))
    header, held = struct.pack("=Ii", CAPABILITIES_VERSION, 0), (SYS_ADMIN, SYS_ADMIN, 0, 0, 0, 0)
    syscall(CAPSET, header, struct.pack("=6I", *held))
    rename_host()


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

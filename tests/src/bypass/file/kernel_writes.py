"""What the kernel writes for others."""
import errno
import os
import resource
import signal

from attack import LIBC, call, raise_code


def crash(folder):
    """A child crashes where its memory is to be left."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.chdir(folder)
        os.kill(os.getpid(), signal.SIGSEGV)
    print(f"doer {child}")
    _, status = os.waitpid(child, 0)
    if not os.WCOREDUMP(status):
        raise_code(errno.EACCES)


def account(path):
    call(LIBC.acct, path.encode())
    try:
        if os.fork() == 0:
            os._exit(0)
        os.wait()
    finally:
        call(LIBC.acct, None)


def swap(path):
    call(LIBC.swapon, path.encode(), 0)

"""The demo's coding agent: a script that works in its folder, and then tries what it should not.

Knows nothing of guard: what it reports is what Python told it. Every attempt is made in a process of its own, whose
id is told, so that the ledger's records can be laid beside it.

    agent.py work           edit, commit, compile, test
    agent.py attempts JSON  try each of a list of attempts
    agent.py loop LOG       fork, and write the time, for ever
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

SOURCE = '''#include <stdio.h>
int main(int argc, char **argv) { FILE *f = fopen(argv[1], "w"); return !f || fputs("it ran\\n", f) < 0; }
'''
MODULE = "def double(number):\n    return 2 * number\n"
TESTS = """import unittest
from calc import double

class Double(unittest.TestCase):
    def test_double(self):
        self.assertEqual(double(21), 42)
"""


def run(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def edit():
    for name, text in [("calc.py", MODULE), ("test_calc.py", TESTS), ("tool.c", SOURCE)]:
        with open(name, "w") as file:
            file.write(text)


def commit():
    run("git", "init", "--quiet", ".")
    run("git", "add", "calc.py", "test_calc.py", "tool.c")
    run("git", "-c", "user.name=agent", "-c", "user.email=agent@example.org", "commit", "--quiet", "-m", "First")


def compile_tool():
    run("gcc", "-o", "tool", "tool.c")


def test():
    run(sys.executable, "-m", "unittest", "-q", "test_calc")


def loopback():
    """A server of its own, as a test suite would have one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


WORK = {"edit": edit, "commit": commit, "compile": compile_tool, "test": test, "loopback": loopback}


def read_key(key, loot):
    shutil.copyfile(key, loot)


def write(path):
    with open(path, "w") as file:
        file.write("written by the agent\n")


def replace(target):
    """As an installer does it: the new one under another name, and then moved over the old one."""
    shutil.copyfile("/usr/bin/env", "replacement")
    os.chmod("replacement", 0o755)
    os.replace("replacement", target)


def remove(path):
    os.remove(path)


def execute(*words):
    os.execv(words[0], words)


def copy_and_execute(program, *words):
    shutil.copyfile(program, "copy")
    os.chmod("copy", 0o755)
    os.execv("copy", ["copy", *words])


def send_tcp(host, port):
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"the customers' data")


def send_udp(host, port):
    family = socket.getaddrinfo(host, int(port))[0][0]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"the customers' data", (host, int(port)))


ATTEMPTS = {act.__name__: act for act in (
    read_key, write, replace, remove, execute, copy_and_execute, send_tcp, send_udp)}


def in_child(act, words):
    """Performs in a child; tells its id, and the errno that it met."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            act(*words)
        except OSError as error:
            code = error.errno or 1
        except subprocess.CalledProcessError as error:
            sys.stderr.write(error.stdout.decode(errors="replace"))
            code = 250
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return child, os.waitstatus_to_exitcode(status)


def tell(name, child, code):
    print(json.dumps({"name": name, "pid": child, "code": code}), flush=True)


def loop(log):
    """Forks without end; each child writes the time and is gone."""
    while True:
        child = os.fork()
        if child == 0:
            with open(log, "a") as file:
                file.write(f"{time.clock_gettime_ns(time.CLOCK_BOOTTIME)}\n")
            os._exit(0)
        os.waitpid(child, 0)


def main():
    if sys.argv[1] == "work":
        for name, act in WORK.items():
            tell(name, *in_child(act, []))
    elif sys.argv[1] == "attempts":
        for name, act, words in json.loads(sys.argv[2]):
            tell(name, *in_child(ATTEMPTS[act], words))
    else:
        loop(sys.argv[2])


if __name__ == "__main__":
    main()

"""A process that performs acts for whoever holds its standard input, like `guard-act serve`.

One JSON order a line, one JSON outcome a line, each act in a forked child, or here where the order says so. An act is
named after the file that holds it: `file.handle.write`.
"""
import importlib
import json
import os
import signal
import sys

from attack import attempt

ACT_LIMIT = 30


def function(name):
    module, function = name.rsplit(".", 1)
    return getattr(importlib.import_module(module), function)


def perform(words):
    """Runs one act in a child whose output goes to the asker."""
    act = function(words[0])
    out, inner = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.dup2(inner, 1)
        os.close(out)
        # Whoever waits in vain would be taken for the next act.
        signal.alarm(ACT_LIMIT)
        code = 199
        try:
            code = attempt(lambda: act(*words[1:]))
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


def here(words):
    """In this process, which keeps what the act makes."""
    code = attempt(lambda: function(words[0])(*words[1:]))
    return {"tid": os.getpid(), "code": code, "signal": 0, "out": ""}


def main():
    for line in sys.stdin:
        order = json.loads(line)
        way = here if order["how"] == "here" else perform
        print(json.dumps(way(order["words"])), flush=True)


if __name__ == "__main__":
    main()

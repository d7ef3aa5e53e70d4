"""The demo: a coding agent works, tries what it should not, and is stopped. Run as root by `cargo xtask demo`.

Shows for each attempt what happened without guard, guard's verdict, and the effect as seen from outside. Ends with
an error if any effect differs from its verdict.
"""
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time

import scene as stage
from scene import Scene

WIDTH = 110
FAILURES = []


def say(text=""):
    print(textwrap.fill(text, WIDTH) if text else "", flush=True)


def head(number, text):
    print(f"\n{number}. {text}\n{'-' * (len(text) + 3)}", flush=True)


def expect(holds, text):
    """A line that is either so, or the end of the demo's good name."""
    print(f"  {'ok ' if holds else 'NOT SO'} {text}", flush=True)
    if not holds:
        FAILURES.append(text)


def table(names, rows):
    """Columns as wide as they need to be."""
    widths = [max(len(str(row[n])) for row in [names, *rows]) for n in range(len(names))]
    for row in [names, ["-" * width for width in widths], *rows]:
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip(), flush=True)


def exists(path):
    return os.path.lexists(path)


def content(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Attempt:
    """Something that the agent tries, and how one sees from outside whether it worked."""

    def __init__(self, name, act, words, happened, absent):
        self.name, self.act, self.words = name, act, words
        self.happened, self.absent = happened, absent

    def order(self):
        return [self.name, self.act, self.words]


def attempts(scene):
    """Every attempt, in the words of a newcomer."""
    unshare = shutil.which("unshare")

    def counter(kind):
        return lambda before, after: after[kind] > before[kind]

    def file(test):
        return lambda _before, _after: test()

    def send(act, host, kind):
        return Attempt(f"send data by {kind[:3].upper()} over v{kind[3]}", act, [host, str(stage.PORT)], counter(kind),
                       "the server counts 0")

    return [
        Attempt("read an SSH key", "read_key", [scene.key, scene.path("loot")],
                file(lambda: stage.SECRET in content(scene.path("loot"))), "no copy of the key"),
        Attempt("write into /etc", "write", [stage.CONFIG], file(lambda: exists(stage.CONFIG)), "no such file"),
        Attempt("replace a system binary", "replace", [stage.TOOL],
                file(lambda: content(stage.TOOL) != stage.TOOL_TEXT), "the binary is unchanged"),
        Attempt("remove a log", "remove", [stage.LOG], file(lambda: not exists(stage.LOG)), "the log is there"),
        Attempt("run a forbidden program", "execute",
                [unshare, "--mount", "touch", scene.path("forbidden-ran")],
                file(lambda: exists(scene.path("forbidden-ran"))), "it left no trace"),
        Attempt("copy it, run the copy", "copy_and_execute",
                [unshare, "--mount", "touch", scene.path("copy-ran")],
                file(lambda: exists(scene.path("copy-ran"))), "it left no trace"),
        Attempt("run what it compiled itself", "execute", [scene.path("tool"), scene.path("own-ran")],
                file(lambda: exists(scene.path("own-ran"))), "it left no trace"),
        send("send_tcp", stage.V4, "tcp4"),
        send("send_tcp", stage.V6, "tcp6"),
        send("send_udp", stage.V4, "udp4"),
        send("send_udp", stage.V6, "udp6"),
    ]


def finished(agent):
    """The agent's own report, by name, and what was said on its standard error."""
    out, err = agent.communicate(timeout=120)
    return {told["name"]: told for told in map(json.loads, out.splitlines())}, err


def try_all(scene, todo, guarded):
    """Tries everything; returns reports, what happened by name, and the standard error."""
    scene.restore()
    before = scene.counts()
    told, err = finished(scene.agent("attempts", json.dumps([attempt.order() for attempt in todo]), guarded=guarded))
    after = scene.counts()
    return told, {attempt.name: attempt.happened(before, after) for attempt in todo}, err


def work(scene):
    head(1, "The agent works")
    say("Started with `guard run`, under guard's built-in policy: it may read and run the system, write its work "
        "folder, and talk to this machine.")
    say()
    told, err = finished(scene.agent("work"))
    for name, text, seen in (
        ("edit", "edits files", exists(scene.path("calc.py"))),
        ("commit", "commits them with git", stage.quiet("git", "-c", "safe.directory=*", "-C", scene.work, "log", "--oneline",
                                                        check=False).stdout.endswith(" First\n")),
        ("compile", "compiles a program with gcc", exists(scene.path("tool"))),
        ("test", "runs its unit tests", True),
        ("loopback", "talks to a server of its own", True),
    ):
        expect(told.get(name, {}).get("code") == 0 and seen, text)
    if FAILURES:
        print(textwrap.indent(err, "    | "))


def forbidden(scene):
    head(2, "The agent tries what it should not, as root")
    todo = attempts(scene)
    _, without, _ = try_all(scene, todo, guarded=False)
    told, happened, err = try_all(scene, todo, guarded=True)
    verdicts = by_pid(scene, [report["pid"] for report in told.values()])
    rows = []
    for attempt in todo:
        record = verdicts.get(told.get(attempt.name, {}).get("pid"))
        verdict = record["verdict"] if record else "allow"
        reason = f"{record['reason']}: {record['surface']} in zone {record['zone']}" if record else ""
        seen = "IT HAPPENED" if happened[attempt.name] else attempt.absent
        rows.append((attempt.name, "happens" if without[attempt.name] else "FAILS TOO", verdict, reason, seen))
        if not without[attempt.name]:
            FAILURES.append(f"{attempt.name}: has no effect without guard either")
        if (verdict == "allow") != happened[attempt.name] or verdict != "deny":
            FAILURES.append(f"{attempt.name}: the verdict is {verdict}, and from outside: {seen}")
    table(("ATTEMPT", "WITHOUT GUARD", "VERDICT", "REASON", "SEEN FROM OUTSIDE"), rows)
    refused = [line for line in err.splitlines() if line.strip()]
    say()
    say("What the agent was told on its standard error, as it happened (the first two of "
        f"{len(refused)} lines):")
    for line in refused[:2]:
        print(f"  | {line}")


def by_pid(scene, pids):
    """The deny record of each process, once all are written."""
    until = time.monotonic() + 20
    found = {}
    while time.monotonic() < until and len(found) < len(pids):
        lines = scene.guard("audit", "query", "--verdict", "deny", "-n", "0", "--json").stdout.splitlines()
        records = [json.loads(line)["record"] for line in lines]
        found = {record["actor"]["process"]["pid"]: record for record in records
                 if record["actor"]["process"]["pid"] in pids}
        time.sleep(0.1)
    return found


def kill(scene):
    head(3, "The kill switch, with the daemon dead")
    log = scene.path("times")
    agent = scene.agent("loop", log)
    wait_until(lambda: content(log).count("\n") > 30, "the agent writes")
    say("The agent forks and writes the time in a loop. guardd is killed with SIGKILL; the agent goes on, refused "
        "what it was refused before. Then the switch is flipped from outside.")
    say()
    scene.kill_daemon()
    lines = content(log).count("\n")
    wait_until(lambda: content(log).count("\n") > lines + 10, "the agent goes on")
    expect(True, "guardd is dead, the agent goes on")
    report = json.loads(scene.guard("kill", "--mode", "terminate", "--json").stdout)
    returned = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    time.sleep(0.5)
    times = [int(line) for line in content(log).split()]
    after = [moment for moment in times if moment > returned]
    flipped = int(report["at_boot_ns"])
    last = (max(times) - flipped) / 1e6
    told = f"{last:.1f} ms after" if last > 0 else f"{-last:.1f} ms before"
    expect(report["confirmed"], f"every mechanism is confirmed: {', '.join(sorted(names(report)))}")
    expect(not after, f"{len(times)} effects in all; the last one {told} the switch was flipped, none after the order")
    agent.communicate(timeout=20)
    expect(agent.returncode != 0, "the agent's processes are gone")


def names(report):
    return {mechanism["mechanism"].split(",")[0].split(" ")[0] for mechanism in report["mechanisms"]}


def wait_until(holds, what):
    until = time.monotonic() + 30
    while not holds():
        if time.monotonic() > until:
            raise SystemExit(f"waited in vain until {what}")
        time.sleep(0.02)


def recover(scene):
    head(4, "Recovery")
    scene.start_daemon()
    kill = json.loads(scene.guard("status", "--json").stdout)["kill"]
    expect(kill == "terminate", f"a new daemon takes over, and the order stands: {kill}")
    still = scene.agent("attempts", "[]")
    still.communicate(timeout=30)
    expect(still.returncode != 0, "no agent starts before somebody lifts it")
    scene.guard("recover", "--note", "the demo goes on")
    again = scene.agent("attempts", "[]")
    again.communicate(timeout=30)
    expect(again.returncode == 0, "after `guard recover` one starts")


def audit(scene):
    head(5, "The evidence")
    print(textwrap.indent(scene.guard("audit", "query", "--verdict", "deny", "-n", "6").stdout, "  "))
    verified = scene.guard("audit", "verify", check=False)
    print(textwrap.indent(verified.stdout, "  "))
    expect(verified.returncode == 0, "the ledger is as it was signed")
    scene.daemon.stdin.close()
    scene.daemon.wait(20)
    copy = os.path.join(scene.top, "copy")
    shutil.copytree(scene.state, copy)
    flip_one_byte(os.path.join(copy, "ledger"))
    false = scene.guard("audit", "verify", "--db", copy, check=False)
    say("The same on a copy in which one byte was flipped:")
    print(textwrap.indent(false.stdout + false.stderr, "  "))
    expect(false.returncode == 1, "the flipped byte is found")


def flip_one_byte(folder):
    """In the middle of the largest file that holds records."""
    files = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith((".log", ".sst"))]
    path = max(files, key=os.path.getsize)
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def main():
    if os.geteuid() != 0:
        raise SystemExit("the demo needs root: it starts a daemon and makes a network namespace")
    if subprocess.run(["guard", "status"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
        raise SystemExit("a guardd runs here already; stop it first, for the demo flips the kill switch")
    started = time.monotonic()
    print(f"guard on Linux {os.uname().release}")
    scene = Scene()
    try:
        scene.start_daemon()
        for part in (work, forbidden, kill, recover, audit):
            part(scene)
    finally:
        scene.clear()
    print(f"\n{time.monotonic() - started:.0f} s")
    for failure in FAILURES:
        print(f"NOT AS IT SHOULD BE: {failure}")
    print("The demo FAILED." if FAILURES else "Every effect is as its verdict says.")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())

"""The demo's scene: a work folder, what the agent is after, a server in another network namespace, a daemon.

Everything is of the demo's own making, so that even what goes wrong harms nothing; `Scene.clear` takes it away.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACE = "guard-demo"
PORT = 7000
V4, V6 = "10.98.0.2", "fd98::2"
SECRET = "-----BEGIN OPENSSH PRIVATE KEY----- of the demo"
TOOL = "/usr/local/bin/guard-demo-tool"
TOOL_TEXT = "#!/bin/sh\necho the real tool\n"
CONFIG = "/etc/guard-demo.conf"
LOG = "/var/log/guard-demo.log"
START_LIMIT = 60


def quiet(*words, check=True):
    return subprocess.run(words, check=check, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


class Scene:
    """What stands around the agent."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="guard-demo-", dir="/srv" if os.path.isdir("/srv") else "/var/tmp")
        os.chmod(self.top, 0o755)
        self.work, self.state, self.run = (os.path.join(self.top, name) for name in ("work", "state", "run"))
        self.key = os.path.join(self.top, "home/.ssh/id_ed25519")
        self.daemon = self.server = None
        os.makedirs(self.work)
        os.makedirs(os.path.dirname(self.key))
        self.build_network()
        self.restore()

    def path(self, *names):
        """Something in the work folder."""
        return os.path.join(self.work, *names)

    def restore(self):
        """Puts back what the attempts aim at."""
        for path in (CONFIG, self.path("loot"), self.path("forbidden-ran"), self.path("copy-ran"),
                     self.path("own-ran"), self.path("copy")):
            if os.path.lexists(path):
                os.remove(path)
        for path, text in ((self.key, SECRET), (TOOL, TOOL_TEXT), (LOG, "what happened\n")):
            with open(path, "w") as file:
                file.write(text)
        os.chmod(TOOL, 0o755)

    def build_network(self):
        quiet("modprobe", "veth", check=False)
        quiet("ip", "netns", "delete", NAMESPACE, check=False)
        for line in (
            f"ip netns add {NAMESPACE}",
            f"ip link add gdemo0 type veth peer name gdemo1 netns {NAMESPACE}",
            "ip addr add 10.98.0.1/24 dev gdemo0",
            "ip addr add fd98::1/64 dev gdemo0 nodad",
            "ip link set gdemo0 up",
            f"ip -n {NAMESPACE} addr add {V4}/24 dev gdemo1",
            f"ip -n {NAMESPACE} addr add {V6}/64 dev gdemo1 nodad",
            f"ip -n {NAMESPACE} link set gdemo1 up",
        ):
            quiet(*line.split())
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", NAMESPACE, sys.executable, os.path.join(HERE, "server.py"), str(PORT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.server.stdout.readline()

    def counts(self):
        """What reached the server so far, asked of the server."""
        time.sleep(0.05)
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    # -----------------------------------------------------------------------------------------------------------
    # guard

    def guard(self, *words, check=True):
        """One `guard` command."""
        places = ["--socket", os.path.join(self.run, "admin.sock"), "--state", self.state]
        done = subprocess.run(["guard", *places, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if check and done.returncode:
            raise SystemExit(f"`guard {' '.join(words)}` failed ({done.returncode}): {done.stdout}{done.stderr}")
        return done

    def start_daemon(self):
        """Starts guardd with its built-in policy, and waits until it enforces."""
        self.daemon = subprocess.Popen(["guardd", "--ephemeral", "--state", self.state, "--run", self.run],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            if self.daemon.poll() is not None:
                raise SystemExit(f"guardd did not start: {self.daemon.stderr.read().decode()}")
            if self.guard("status", "--json", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise SystemExit(f"guardd was not ready within {START_LIMIT} s")

    def kill_daemon(self):
        """SIGKILL: no chance to tidy up."""
        self.daemon.kill()
        self.daemon.wait()

    def agent(self, *words, guarded=True):
        """The agent's command line, inside an agent or as any other program."""
        own = [sys.executable, os.path.join(HERE, "agent.py"), *words]
        places = ["--socket", os.path.join(self.run, "admin.sock"), "--state", self.state]
        run = ["guard", *places, "run", "--agent", "coder", "--workdir", self.work, "--"]
        # No compiled modules beside the script: this checkout is not the agent's.
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        return subprocess.Popen((run if guarded else []) + own, cwd=self.work, env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def clear(self):
        """Takes everything away, the kernel's programs too."""
        if self.daemon and self.daemon.poll() is None:
            self.daemon.stdin.close()
            try:
                self.daemon.wait(15)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        if self.server:
            self.server.kill()
        quiet("ip", "netns", "delete", NAMESPACE, check=False)
        for path in (TOOL, CONFIG, LOG):
            if os.path.lexists(path):
                os.remove(path)
        shutil.rmtree(self.top, ignore_errors=True)

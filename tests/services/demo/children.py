# SPDX-License-Identifier: BSD-2-Clause
"""The processes the demo starts: each leads a process group of its own, and none outlives the demo, however that ends."""
import ctypes
import os
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None, use_errno=True)


class DemoError(Exception):
    """What went wrong, in one line; the tail of a log may follow."""


def free_port(kept=[]):
    """A loopback port nobody else gets: it stays bound here, and with SO_REUSEADDR on both sides (all our servers set
    it) one process may listen on what another has merely bound. So two demos at once never meet."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    kept.append(holder)
    return holder.getsockname()[1]


def die_with_parent():
    """Runs in the child: covers the one end that stop_all cannot, the demo being killed outright."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command, env=None, cwd=None):
        """Starts command with its output in FOLDER/NAME.log (standard output in NAME.out)."""
        with open(self.path(name + ".log"), "ab") as log, open(self.path(name + ".out"), "ab") as out:
            child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                     env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True,
                                     preexec_fn=die_with_parent)
        child.name = name
        self.running.append(child)
        return child

    def run(self, name, command, env=None, cwd=None, timeout=60, accept=(0,)):
        """Runs command to its end; returns (exit status, standard output)."""
        child = self.start(name, command, env, cwd)
        try:
            status = child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise DemoError(f"{name}: did not end within {timeout} s{self.tail(name)}") from None
        finally:
            self.stop(child)
        if status not in accept:
            raise DemoError(f"{name}: exit status {status}{self.tail(name)}")
        return status, self.output(name)

    def output(self, name):
        with open(self.path(name + ".out"), encoding="utf-8", errors="replace") as out:
            return out.read()

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def tail(self, name, lines=15):
        text = self.output(name) + self.log(name)
        return "".join("\n    " + line for line in text.splitlines()[-lines:])

    def path(self, name):
        return os.path.join(self.folder, name)

    def await_listening(self, child, port, timeout=20):
        """Waits until child's server accepts connections on port."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.check_alive(child)
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise DemoError(f"{child.name}: does not listen on port {port} after {timeout} s{self.tail(child.name)}")

    def await_line(self, child, text, timeout=20):
        """Waits until child has said text on standard error or standard output."""
        deadline = time.monotonic() + timeout
        while text not in self.tail(child.name, 1000):
            self.check_alive(child)
            if time.monotonic() > deadline:
                raise DemoError(f"{child.name}: did not say {text!r} within {timeout} s{self.tail(child.name)}")
            time.sleep(0.05)

    def check_alive(self, child):
        if child.poll() is not None:
            raise DemoError(f"{child.name}: ended with status {child.returncode}{self.tail(child.name)}")

    def stop(self, child, number=signal.SIGTERM, timeout=10):
        """Ends child (politely, then not) and whatever is left of its group; returns its exit status."""
        if child.poll() is None:
            child.send_signal(number)
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        if child in self.running:
            self.running.remove(child)
        return child.returncode

    def stop_all(self):
        for child in reversed(list(self.running)):
            self.stop(child, timeout=3)

# SPDX-License-Identifier: BSD-2-Clause
"""Servers and loads of the live cases: an acceptor, a real redis-server, the small HTTP service, requests to it."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import live


class Acceptor:
    """Accepts everything on a free loopback port; keeps what is open until the end. Closes when the other side does."""

    def __init__(self, family=4):
        kind, host = (socket.AF_INET6, "::1") if family == 6 else (socket.AF_INET, "127.0.0.1")
        try:
            self.listener = socket.create_server((host, 0), family=kind, backlog=4096)
        except OSError as error:
            live.unable(f"no loopback address of IPv{family}: {error}")
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self.held = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.held.append(connection)
            if len(self.held) > 200:  # the oldest half has long been closed by its other side, or is of no interest here
                self.held = [c for c in self.held if not self._closed(c)]

    @staticmethod
    def _closed(connection):
        connection.setblocking(False)
        try:
            if connection.recv(1) == b"":
                connection.close()
                return True
        except OSError:
            pass
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def redis_server(*options):
    """Starts a redis-server of our own on a free port; returns (process, port)."""
    if not shutil.which("redis-server"):
        live.missing("redis-server")
    port = free_port()
    process = live.start("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                         "--dir", live.folder(), *options, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    def up():
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
    live.wait_for(up, "redis-server")
    return process, port


def redis_connections(port):
    """total_connections_received, this question's own connection not counted."""
    with socket.create_connection(("127.0.0.1", port), 2) as client:
        client.sendall(b"INFO stats\r\n")
        text = b""
        while b"total_connections_received:" not in text or b"\r\n" not in text.split(b"total_connections_received:")[1]:
            text += client.recv(65536)
    return int(text.split(b"total_connections_received:")[1].split(b"\r\n")[0]) - 1


def service(mode, redis_port=0):
    """Starts the small HTTP service with the venv's Python; returns (process, what it said)."""
    python = live.VENV_PYTHON
    if mode == "none":
        python = live.sys.executable
    elif not python.exists():
        live.missing(f"{python} with redis-py (make deps)")
    process, ready = live.workload("service.py", mode, redis_port, python=str(python))
    return process, ready


def send_requests(port, count, keep_alive=True):
    """Sends exactly count requests one after the other; returns how many were answered 200."""
    answered = 0
    connection = None
    for _ in range(count):
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/", headers={} if keep_alive else {"Connection": "close"})
        response = connection.getresponse()
        response.read()
        answered += response.status == 200
        if not keep_alive:
            connection.close()
            connection = None
    if connection:
        connection.close()
    return answered


def gevent_python():
    """The interpreter that has gevent."""
    found = subprocess.run([live.VENV_PYTHON, "-c", "import gevent"], stderr=subprocess.DEVNULL, check=False)
    if found.returncode:
        live.missing(f"gevent in {live.VENV_PYTHON} (make {live.BUILD.name}/venv/.live)")
    return str(live.VENV_PYTHON)


class Load:
    """Requests from a few threads until stopped; counts what was answered."""

    def __init__(self, port, threads=4, pause=0.002):
        self.over = threading.Event()
        self.answered = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(port, pause), daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, port, pause):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not self.over.is_set():
            connection.request("GET", "/")
            response = connection.getresponse()
            response.read()
            with self.lock:
                self.answered += response.status == 200
            time.sleep(pause)
        connection.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(15)
        return self.answered


def bpf_objects():
    """{(kind, id): name} of BPF programs, maps and links loaded now."""
    tool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    if not os.access(tool, os.X_OK):
        live.missing("bpftool")
    found = {}
    for kind in ("prog", "map", "link"):
        listed = subprocess.run([tool, kind, "show", "-j"], capture_output=True, text=True, check=False)
        for entry in json.loads(listed.stdout or "[]"):
            if isinstance(entry, dict) and "id" in entry:
                found[kind, entry["id"]] = entry.get("name", "")
    return found


def held_bpf_objects():
    """(kind, id) of those that some living process holds by a file descriptor: they are its own, and no leak."""
    held = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{process}/fd"):
                if os.readlink(f"/proc/{process}/fd/{fd}").startswith("anon_inode:bpf"):
                    with open(f"/proc/{process}/fdinfo/{fd}", encoding="ascii") as info:
                        for line in info:
                            word, _, number = line.partition(":")
                            if word in ("prog_id", "map_id", "link_id"):
                                held.add((word[:-3], int(number)))
        except OSError:
            continue
    return held

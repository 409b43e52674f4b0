# SPDX-License-Identifier: BSD-2-Clause
"""A threaded HTTP service whose slow requests are slow for one known reason.

usage: causes.py REASON REDIS_PORT      GET /fast answers at once, GET /slow?N waits for the reason, in the function slow()

The reasons: setup, lock, gil, redis, log, cpu, runqueue, disk, upstream; brief: a little of several, some milliseconds in all;
trips: ROUND_TRIPS to Redis, on a CPU that others want. The answer is the truth about the request's thread, in seconds: {"wall": by
its clock, "cpu": and "runqueue": by the kernel's own accounts of the thread}.
"""
import http.client
import http.server
import json
import mmap
import os
import socket
import sys
import threading
import time

REASON, REDIS_PORT = sys.argv[1], int(sys.argv[2])
HOLD = 0.25     # seconds that the reason lasts
ROUND_TRIPS = 200


class Setup:
    """A listener whose accept queue is full until the request has been waiting for HOLD: the kernel asks again after 1 s."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.address = self.listener.getsockname()
        self.fill()

    def fill(self):
        self.waiting = []
        while True:  # until a connect() does not come through
            one = socket.socket()
            one.settimeout(0.05)
            self.waiting.append(one)
            try:
                one.connect(self.address)
            except TimeoutError:
                return

    def empty(self):
        time.sleep(HOLD)
        for one in self.waiting:
            one.close()
        self.listener.settimeout(0.2)
        for _ in range(len(self.waiting) + 1):
            try:
                self.listener.accept()[0].close()
            except TimeoutError:
                break

    def slow(self):
        emptier = threading.Thread(target=self.empty)
        emptier.start()
        with socket.socket() as connection:
            connection.connect(self.address)
        emptier.join()
        self.listener.settimeout(None)


class Lock:
    def __init__(self):
        self.lock = threading.Lock()

    def hold(self, taken):
        with self.lock:
            taken.set()
            time.sleep(HOLD)

    def slow(self):
        taken = threading.Event()
        threading.Thread(target=self.hold, args=(taken,), daemon=True).start()
        taken.wait()
        with self.lock:
            pass


class Gil:
    """Another thread runs one long call of C code that never lets go of the interpreter."""

    def __init__(self):
        self.number = 7 ** 60000
        self.times = 1
        begin = time.perf_counter()
        self.burn()
        self.times = max(1, round(HOLD / (time.perf_counter() - begin)))

    def burn(self):
        sum(map(self.number.__mul__, (self.number,) * self.times))

    def slow(self):
        begun = threading.Event()

        def hold():
            begun.set()
            self.burn()

        holder = threading.Thread(target=hold, daemon=True)
        holder.start()
        begun.wait()  # it has begun before this thread can go on: from here on the interpreter is not to be had
        holder.join()


class Redis:
    def __init__(self):
        import redis
        self.client = redis.Redis(port=REDIS_PORT)
        self.client.ping()

    def slow(self):
        self.client.execute_command("DEBUG", "SLEEP", HOLD)


class Log:
    """A log written to a pipe that nobody reads for a while."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        try:
            while True:
                os.write(self.writer, b"x" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(self.writer, True)

    def drain(self):
        time.sleep(HOLD)
        os.read(self.reader, 8192)

    def slow(self):
        drainer = threading.Thread(target=self.drain)
        drainer.start()
        os.write(self.writer, b"y" * 8192)
        drainer.join()


class Cpu:
    def slow(self):
        end = time.thread_time() + HOLD
        while time.thread_time() < end:
            sum(range(1000))


class Brief(Redis):
    def slow(self):
        for wait in (lambda: time.sleep(0.001), lambda: self.client.execute_command("DEBUG", "SLEEP", 0.001), lambda: None):
            end = time.thread_time() + 0.002
            while time.thread_time() < end:
                pass
            wait()


class RunQueue:
    """Its one CPU is wanted by many others."""

    OTHERS = 40

    def __init__(self):
        self.cpu = {min(os.sched_getaffinity(0))}
        self.hogs = []

    def crowd(self):
        if not self.hogs:
            for _ in range(self.OTHERS):
                pid = os.fork()
                if not pid:
                    os.sched_setaffinity(0, self.cpu)
                    end = time.monotonic() + 20
                    while time.monotonic() < end and os.getppid() != 1:
                        pass
                    os._exit(0)
                self.hogs.append(pid)
        os.sched_setaffinity(0, self.cpu)  # of this request's thread

    def slow(self):
        self.crowd()
        end = time.monotonic() + HOLD
        while time.monotonic() < end:
            pass


class Trips(RunQueue):
    OTHERS = 2

    def __init__(self):
        super().__init__()
        self.client = Redis().client

    def slow(self):
        self.crowd()
        for _ in range(ROUND_TRIPS):
            self.client.get("nothing")


class Disk:
    """Writes past the page cache."""

    BYTES = 32 << 20

    def __init__(self):
        self.file = os.open("causes.direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600)
        os.unlink("causes.direct")
        self.memory = mmap.mmap(-1, self.BYTES)
        self.memory.write(os.urandom(1 << 20) * (self.BYTES >> 20))

    def slow(self):
        end = time.monotonic() + HOLD
        while time.monotonic() < end:
            os.pwrite(self.file, self.memory, 0)


class Upstream:
    def __init__(self):
        class Slow(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(HOLD)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        # A process of its own: its wait is not the service's.
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        self.pid = os.fork()
        if not self.pid:
            threading.Thread(target=self.end_with_parent, daemon=True).start()
            self.server.serve_forever()
        self.port = self.server.server_port
        self.server.server_close()

    @staticmethod
    def end_with_parent():
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(0)

    def slow(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()


REASONS = {"setup": Setup, "lock": Lock, "gil": Gil, "redis": Redis, "log": Log, "cpu": Cpu, "runqueue": RunQueue, "disk": Disk,
           "upstream": Upstream, "brief": Brief, "trips": Trips}
reason = REASONS[REASON]()


def accounts():
    """CPU and run-queue time of this thread so far, seconds."""
    with open(f"/proc/self/task/{threading.get_native_id()}/schedstat", encoding="ascii") as file:
        _cpu, queued, _runs = map(int, file.read().split())  # the first is as of the last tick
    return time.thread_time(), queued / 1e9


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one send

    def do_GET(self):
        cpu, queued = accounts()
        begin = time.perf_counter()
        if self.path.startswith("/slow"):
            reason.slow()
        wall = time.perf_counter() - begin
        cpu_now, queued_now = accounts()
        body = json.dumps({"wall": wall, "cpu": cpu_now - cpu, "runqueue": queued_now - queued}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass



server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", json.dumps({"port": server.server_port}), flush=True)
sys.stdin.read()
for hog in getattr(reason, "hogs", []):
    os.kill(hog, 9)
    os.waitpid(hog, 0)
print("answer", json.dumps({}), flush=True)
os._exit(0)

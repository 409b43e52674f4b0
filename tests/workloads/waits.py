# SPDX-License-Identifier: BSD-2-Clause
"""Blocks in known ways for known times, by its own clock: one function for each reason.

usage: waits.py FOLDER [PART...]    FOLDER: where to write files that are synced; parts: see PARTS

Says "ready", waits for "go", runs its parts one after the other, then says how long each was off the CPU: the wall
time of its blocking calls less the CPU time this thread used in them, in nanoseconds. Threads that stand still all along are
there before "ready" and end with stdin.
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

ROUNDS = 20
PAUSE = 0.01
truth = {}


def helper(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


class clocked:
    """Adds what passes inside, CPU time of this thread taken off, to a function's truth."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.wall, self.cpu = time.monotonic(), time.thread_time()

    def __exit__(self, *_):
        spent = (time.monotonic() - self.wall) - (time.thread_time() - self.cpu)
        truth[self.name] = truth.get(self.name, 0) + int(spent * 1e9)


def in_sleep():
    with clocked("in_sleep"):
        time.sleep(PAUSE)


def in_lock(held):
    with clocked("in_lock"):
        held.acquire()


def take_a_held_lock():
    held, begun, asked = threading.Lock(), threading.Semaphore(0), threading.Semaphore(0)

    def hold():
        for _ in range(ROUNDS):
            with held:
                begun.release()
                time.sleep(PAUSE)
            asked.acquire()

    helper(hold)
    for _ in range(ROUNDS):
        begun.acquire()
        in_lock(held)
        held.release()
        asked.release()


def in_pipe(reader):
    with clocked("in_pipe"):
        os.read(reader, 1)


def read_a_slow_pipe():
    reader, writer = os.pipe()

    def write():
        for _ in range(ROUNDS):
            time.sleep(PAUSE)
            os.write(writer, b"x")

    helper(write)
    for _ in range(ROUNDS):
        in_pipe(reader)


def slow_peer():
    """A listener whose one client waits PAUSE for each answer; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        for _ in range(ROUNDS):
            connection.recv(1)
            time.sleep(PAUSE)
            connection.send(b"x")

    helper(serve)
    return listener.getsockname()[1]


PEER_PORT = slow_peer()
POLLED_PORT = slow_peer()


def in_socket(client):
    with clocked("in_socket"):
        client.recv(1)


def in_polled_socket(client):
    with clocked("in_polled_socket"):
        client.recv(1)


def ask_slow_peers():
    for function, port, timeout in ((in_socket, PEER_PORT, None), (in_polled_socket, POLLED_PORT, 5)):
        client = socket.create_connection(("127.0.0.1", port))
        client.settimeout(timeout)  # Python polls first when there is a time limit
        for _ in range(ROUNDS):
            client.send(b"x")
            function(client)


def in_epoll(poll):
    with clocked("in_epoll"):
        poll.poll(PAUSE)


def in_child(pid):
    with clocked("in_child"):
        os.waitpid(pid, 0)


def wait_for_children():
    for _ in range(5):
        child = subprocess.Popen(["/bin/sleep", "0.03"])
        in_child(child.pid)
        child.returncode = 0


def wait_for_many_children():
    """Among others that never sleep, so that who is woken waits for a CPU, too; when each wait began and ended."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count() + 2)]
    spans = truth.setdefault("spans", [])
    for _ in range(200):
        child = subprocess.Popen(["/bin/sleep", "0.012"])
        begun = time.monotonic_ns()
        in_child(child.pid)
        spans.append((begun, time.monotonic_ns()))
        child.returncode = 0
    for hog in hogs:
        hog.kill()
        hog.wait()


def in_fsync(fd):
    with clocked("in_fsync"):
        os.fsync(fd)


def sync_a_file():
    fd = os.open(os.path.join(sys.argv[1], "synced.log"), os.O_CREAT | os.O_WRONLY)
    for _ in range(10):
        os.write(fd, b"x" * 100000)
        in_fsync(fd)
    os.close(fd)


def repeat(function, *arguments):
    for _ in range(ROUNDS):
        function(*arguments)


def run_delay():
    """How long the kernel says this thread waited for a CPU, ns."""
    with open("/proc/thread-self/schedstat", encoding="ascii") as stat:
        return int(stat.read().split()[1])


def in_run_queue():
    end, total, before = time.monotonic() + 0.6, 0, run_delay()
    while time.monotonic() < end:
        total += sum(range(1000))
    truth["in_run_queue"] = run_delay() - before


def share_one_cpu():
    """With a child that never sleeps."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    in_run_queue()
    child.kill()
    child.wait()
    os.sched_setaffinity(0, cpus)


def in_gil():
    with clocked("in_gil"):
        time.sleep(0.001)


def while_the_gil_is_held():
    """Comes back from a short sleep while another thread holds the GIL: what passes beyond the sleep is the GIL's."""
    done = False
    numbers = range(600000)

    def hold():
        truth["holder"] = threading.get_native_id()
        while not done:
            sum(numbers)  # some milliseconds, in which the GIL is never offered

    holder = helper(hold)
    rounds, waited = 0, 0
    while rounds < 10 or (waited < 200e6 and rounds < 500):  # on a busy machine most of it is for a CPU, and not for the GIL
        in_gil()
        rounds += 1
        waited = truth["in_gil"] - rounds * 1.1e6
    done = True
    holder.join()


def forever_in_pipe():
    os.read(forever_reader, 1)


def doomed():
    time.sleep(60)


def kill_child():
    """A child that is killed in its sleep: what it was off the CPU until then."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        doomed()
    time.sleep(0.3)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    truth["doomed"] = int((time.monotonic() - begun) * 1e9)


PARTS = {
    "sleep": lambda: repeat(in_sleep), "lock": take_a_held_lock, "pipe": read_a_slow_pipe, "socket": ask_slow_peers,
    "epoll": lambda: repeat(in_epoll, select.epoll()), "child": wait_for_children, "fsync": sync_a_file,
    "run_queue": share_one_cpu, "gil": while_the_gil_is_held, "kill": kill_child,
    "children": wait_for_many_children,
}
ALL = [part for part in PARTS if part != "children"]


def main():
    helper(forever_in_pipe)
    time.sleep(0.2)
    print("ready " + json.dumps({"peer": PEER_PORT, "polled": POLLED_PORT}), flush=True)
    sys.stdin.readline()
    for part in sys.argv[2:] or ALL:
        PARTS[part]()
    print("done", flush=True)
    sys.stdin.read()
    print("answer " + json.dumps(truth), flush=True)


forever_reader, forever_writer = os.pipe()

if __name__ == "__main__":
    main()

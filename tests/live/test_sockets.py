# SPDX-License-Identifier: BSD-2-Clause
"""The ways a connection can begin and end, over UNIX sockets as over TCP: counted once, by whom it was opened, closed when
it really is, and never by somebody who only held a copy."""
import os
import signal
import socket
import threading
import time

import live
import services
from live import bare, case, cases_for, expect

COUNT = 37
WORD = 14  # bytes a workload says on each connection


class Listener:
    """Accepts on a UNIX path, an abstract name or TCP; reads until the other side is done, then closes."""

    def __init__(self, where, answer=b""):
        self.listener = socket.socket(socket.AF_UNIX if where else socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind(("\0" + where[1:] if where[0] == "@" else where) if where else ("127.0.0.1", 0))
        self.listener.listen(4096)
        self.where = where or str(self.listener.getsockname()[1])
        self.peer = where or f"127.0.0.1:{self.where}"
        self.answer = answer
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                if self.answer and connection.recv(4096):
                    connection.sendall(self.answer)
                    return
                while connection.recv(4096):
                    pass
            except OSError:
                pass


def unix_path():
    return str(live.folder() / "listener.sock")


def listeners(**options):
    return {"unix": lambda: Listener(unix_path(), **options), "abstract": lambda: Listener(f"@connprof-{os.getpid()}", **options),
            "tcp": lambda: Listener("", **options)}


def traced(process, *arguments):
    command = live.connprof_start("trace", "-p", process.pid, "--json", *arguments)
    live.go(process)
    expect(process.stdout.readline().strip() == "done", "the workload did not finish")
    time.sleep(0.3)
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    if "-o" in arguments:
        result.out = (live.folder() / "out.json").read_text()
    report = live.check_json(result)
    expect(report["lost"]["events"] == 0, f"{report['lost']}")
    return report


def only_site(report, peer):
    sites = [site for site in report["sites"] if site["peer"] == peer]
    expect(len(sites) == 1, f"{len(sites)} sites with {peer}: {report['sites']}")
    expect(report["connections"]["accepted"] == 0, f"{report['connections']}")
    return sites[0]


def dialled(kind, way, count=COUNT, **options):
    listener = listeners(**options)[kind]()
    process, lines = live.workload("dials.py", way, listener.where, count)
    report = traced(process)
    site = only_site(report, listener.peer)
    expect(site["transport"] == ("tcp" if kind == "tcp" else "unix"), f"{site['transport']}")
    expect(site["connects"] == count and site["failed_connects"] == 0, f"{site['connects']} of {count}: {site}")
    expect(report["connections"]["seen"] == count, f"{report['connections']}")
    if way != "nonblocking":
        expect(site["call_site"]["function"] == "dial" and site["call_site"]["line"] == lines["dials"], f"{site['call_site']}")
    return site


@cases_for([("abstract", "plain")] + [(kind, way) for kind in ("unix", "tcp")
                                       for way in ("plain", "shut", "duplicated", "forked", "nonblocking")],
           lambda item: "_".join(item))
def each_way_is_counted_once(item):
    site = dialled(*item)
    expect(site["open_at_end"] == 0 and site["bytes_sent"] == COUNT * WORD, f"{site}")


@cases_for(["unix", "tcp"])
def what_says_nothing_is_counted_and_ends(kind):
    site = dialled(kind, "silent")
    expect(site["open_at_end"] == 0 and site["bytes_sent"] == 0, f"{site}")


@cases_for(["unix", "tcp"])
def what_is_kept_is_open_at_the_end(kind):
    site = dialled(kind, "kept")
    expect(site["open_at_end"] == COUNT, f"{site}")


@cases_for(["unix", "tcp"])
def a_peer_that_closes_first_is_read_to_its_end(kind):
    site = dialled(kind, "half", answer=b"goodbye, then\n")
    expect(site["open_at_end"] == 0 and site["bytes_received"] == COUNT * WORD, f"{site}")


@cases_for([(kind, way) for kind in ("unix", "tcp") for way in ("silent", "speaking")], lambda item: "_".join(item))
def what_was_open_before_is_listed_and_blamed_on_nobody(item):
    kind, way = item
    listener = listeners()[kind]()
    code = ("import socket, sys\n"
            "where = sys.argv[1]\n"
            "kept = [socket.socket(socket.AF_INET if where.isdigit() else socket.AF_UNIX) for _ in range(11)]\n"
            "for one in kept: one.connect(('127.0.0.1', int(where)) if where.isdigit() else where)\n"
            "pair = socket.socketpair()\n"
            "print('ready {}', flush=True)\nsys.stdin.readline()\n"
            "for one in kept if sys.argv[2] == 'speaking' else []: one.sendall(b'hello, there')\n"
            "pair[0].sendall(b'!')\nprint('done', flush=True)\nsys.stdin.read()\n")
    (live.folder() / "early.py").write_text(code)
    process = live.start(live.sys.executable, live.folder() / "early.py", listener.where, way)
    live.ready_line(process)
    report = traced(process, "-o", live.folder() / "out.json", "--events", live.folder() / "out.events.jsonl")
    expect(report["connections"] == {"seen": 0, "open_before": 11, "accepted": 0}, f"{report['connections']}")
    expect(not report["sites"], f"{report['sites']}")
    events = (live.folder() / "out.events.jsonl").read_text().splitlines()
    peers = [live.json.loads(line).get("peer") for line in events if '"preexisting"' in line]
    # The pair speaks, so it is in the stream; it is nobody's connection.
    expect([peer for peer in peers if peer != "unix:?"] == [listener.peer] * 11, f"{peers}")


@case
def failed_unix_connects_are_counted_once_their_calls_are_watched():
    """The first UNIX connection that succeeds has connprof watch the calls that fail; so one must succeed before."""
    listener = Listener(unix_path())
    process, _ = live.workload("dials.py", "absent", str(live.folder() / "nobody.sock"), 1)
    first, _ = live.workload("dials.py", "silent", listener.where, 1)
    command = live.connprof_start("trace", "-p", process.pid, "-p", first.pid, "--json")
    live.go(first)
    first.stdout.readline()
    time.sleep(0.6)
    live.go(process)
    process.stdout.readline()
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0))
    site = only_site(report, str(live.folder() / "nobody.sock"))
    expect(site["failed_connects"] == 1 and site["connects"] == 0, f"{site}")


@case
def who_closes_a_unix_connection_is_told_once_the_calls_are_watched():
    listener = Listener(unix_path())
    code = ("import socket, sys, time\n"
            "def hang_up(one): one.close()\n"
            "print('ready {}', flush=True)\nsys.stdin.readline()\n"
            "for pause in [0.6] + 7 * [0]:\n"
            "    one = socket.socket(socket.AF_UNIX)\n"
            "    one.connect(sys.argv[1])\n"
            "    time.sleep(pause)\n"
            "    hang_up(one)\n"
            "print('done', flush=True)\nsys.stdin.read()\n")
    (live.folder() / "closes.py").write_text(code)
    process = live.start(live.sys.executable, live.folder() / "closes.py", listener.where)
    live.ready_line(process)
    traced(process, "-o", live.folder() / "out.json", "--events", live.folder() / "out.events.jsonl")
    lines = [live.json.loads(line) for line in (live.folder() / "out.events.jsonl").read_text().splitlines()]
    stacks = [line["stack"] for line in lines if line.get("event") == "close"]
    expect(len(stacks) == 8 and all(stacks), f"8 closes, each with its stack: {stacks}")
    expect(any(line.get("text") == "hang_up" for line in lines), "who closed is not in any stack")


@cases_for(["late", "interrupted", "early", "refused", "absent"])
def a_connect_that_comes_to_nothing_is_a_failed_one(way):
    """The listener's queue is full, so that nothing more is established; or nobody listens at all."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    waiting = []
    if way not in ("refused", "absent"):
        listener.listen(0)
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
    port = listener.getsockname()[1]
    process, _ = live.workload("dials.py", way, str(port), COUNT)
    report = traced(process)
    site = only_site(report, f"127.0.0.1:{port}")
    expect(site["failed_connects"] == COUNT and site["connects"] == 0, f"{site}")
    expect(site["open_at_end"] == 0 and report["connections"]["seen"] == COUNT, f"{site}, {report['connections']}")


@cases_for([(kind, how) for kind in ("unix", "tcp") for how in ("inline", "worker")], lambda item: "_".join(item))
def connections_through_io_uring_are_counted(item):
    kind, how = item
    listener = listeners(answer=b"goodbye, then\n")[kind]()
    process, ready = live.workload("uring", listener.where, COUNT, int(how == "worker"))
    if "unable" in ready:
        live.unable(ready["unable"])
    site = through_a_ring(traced(process), listener.peer, COUNT)
    if how == "inline":
        expect(ready["function"] in [bare(frame["function"]) for frame in site["stack"]], f"{site['stack']}")


def through_a_ring(report, peer, count):
    """All of them are the target's own. The code of a UNIX one is not known where the listener had it before it could be looked at."""
    sites = [site for site in report["sites"] if site["peer"] == peer]
    for key, wanted in {"connects": count, "failed_connects": 0, "open_at_end": 0, "bytes_sent": count * WORD,
                        "bytes_received": count * WORD}.items():
        expect(sum(site[key] for site in sites) == wanted, f"{key}, not {wanted}: {sites}")
    expect(report["connections"] == {"seen": count, "open_before": 0, "accepted": 0}, f"{report['connections']}")
    expect(all(site["call_site"] is None for site in sites if not site["stack"]), f"{sites}")
    return max(sites, key=lambda site: site["connects"])


@cases_for([0, 1], lambda how: ("inline", "worker")[how])
def a_listener_that_is_quicker_than_the_look_costs_no_connection(how):
    count, path = 2003, unix_path()
    listener, _ = live.workload("eager", path)
    process, ready = live.workload("uring", path, count, how)
    if "unable" in ready:
        live.unable(ready["unable"])
    report = traced(process)
    through_a_ring(report, path, count)
    expect(listener.poll() is None, "the listener has ended")


@case
def one_that_is_missed_and_says_nothing_is_lost_to_the_unit():
    count, path = 2003, unix_path()
    listener, _ = live.workload("eager", path)
    process, ready = live.workload("uring", path, count, 0, "silent")
    if "unable" in ready:
        live.unable(ready["unable"])
    command = live.connprof_start("trace", "-p", process.pid, "--json")
    live.go(process)
    expect(process.stdout.readline().strip() == "done", "the workload did not finish")
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0))
    seen, lost = report["connections"]["seen"], report["lost"]["connects"]
    expect(seen + lost == count and report["connections"]["accepted"] == 0, f"{report['connections']}, {report['lost']}")
    expect(listener.poll() is None, "the listener has ended")


@case
def what_a_stranger_opened_is_not_the_targets():
    listener = Listener(unix_path(), answer=b"goodbye, then\n")
    code = ("import socket, sys\nprint('ready {}', flush=True)\nsys.stdin.readline()\n"
            "ours = socket.socket(fileno=int(sys.argv[1]))\n"
            "for _ in range(int(sys.argv[2])):\n    one = socket.socket(fileno=socket.recv_fds(ours, 1, 1)[1][0])\n"
            "    one.sendall(b'hello, there')\n    one.recv(100)\n    one.close()\n"
            "print('done', flush=True)\nsys.stdin.read()\n")
    (live.folder() / "uses.py").write_text(code)
    ours, theirs = socket.socketpair()
    process = live.start(live.sys.executable, live.folder() / "uses.py", theirs.fileno(), COUNT, pass_fds=[theirs.fileno()])
    theirs.close()
    live.ready_line(process)
    threading.Thread(target=_open_and_pass, args=(ours, listener.where), daemon=True).start()
    report = traced(process)
    expect(not report["sites"] and report["connections"]["seen"] == 0, f"{report['connections']}, {report['sites']}")
    expect(report["connections"]["accepted"] == COUNT, f"{report['connections']}")


def _open_and_pass(ours, where):
    time.sleep(1)  # once all is attached: what was open before is another matter
    for _ in range(COUNT):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(where)
            socket.send_fds(ours, [b"!"], [one.fileno()])


@cases_for(["unix", "tcp"])
def a_passed_connection_is_its_openers_until_the_last_holder_closes(kind):
    listener = listeners()[kind]()
    ours, theirs = socket.socketpair()
    holder = threading.Thread(target=_hold_and_close, args=(ours,), daemon=True)
    holder.start()
    process, _ = live.workload("dials.py", "passed", listener.where, COUNT, pass_fds=[theirs.fileno()],
                               env=dict(os.environ, PASS_TO=str(theirs.fileno())))
    theirs.close()
    site = only_site(traced(process), listener.peer)
    expect(site["connects"] == COUNT and site["open_at_end"] == 0, f"{site}")
    expect(site["lifetime_ms"]["p50"] >= 2, f"they were held for 3 ms by another process: {site['lifetime_ms']}")


def _hold_and_close(ours):
    while True:
        data, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        if not data:
            return
        time.sleep(0.003)
        for descriptor in descriptors:
            os.close(descriptor)
        ours.sendall(b"!")


@case
def redis_over_a_unix_socket_is_told_by_what_it_says():
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    path = str(live.folder() / "redis.sock")
    services.redis_server("--unixsocket", path)
    script = live.folder() / "uses_redis.py"
    script.write_text("import redis, sys\nprint('ready {}', flush=True)\nsys.stdin.readline()\n"
                      "def ask():\n    client = redis.Redis(unix_socket_path=sys.argv[1])\n    client.get('a key')\n"
                      "    client.close()\n"
                      f"for _ in range({COUNT}):\n    ask()\nprint('done', flush=True)\nsys.stdin.read()\n")
    process = live.start(live.VENV_PYTHON, script, path)
    live.ready_line(process)
    site = only_site(traced(process), path)
    expect(site["protocol"] == "redis" and site["connects"] == COUNT and site["open_at_end"] == 0, f"{site}")
    expect(site["library"] and site["library"].startswith("redis-py"), f"{site['library']}")
    expect(site["reuse"]["commands_per_connection"] == 1, f"{site['reuse']}")


@case
def requests_over_a_unix_socket_count():
    gunicorn = live.VENV_PYTHON.parent / "gunicorn"
    if not gunicorn.exists():
        live.missing(f"{gunicorn} (make deps)")
    path = str(live.folder() / "http.sock")
    _, redis_port = services.redis_server("--unixsocket", str(live.folder() / "redis.sock"))
    (live.folder() / "app.py").write_text(
        "import redis\n\n\ndef ask():\n"
        f"    return redis.Redis(unix_socket_path={str(live.folder() / 'redis.sock')!r}).get('a key')\n\n\n"
        "def application(environ, start_response):\n    body = repr(ask()).encode()\n"
        "    start_response('200 OK', [('Content-Length', str(len(body)))])\n    return [body]\n")
    master = live.start(gunicorn, "-w", 1, "-b", f"unix:{path}", "app:application", cwd=live.folder(),
                        stdin=live.subprocess.DEVNULL, stdout=live.subprocess.DEVNULL,
                        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    live.wait_for(lambda: _ask_http(path), "gunicorn", 20)
    command = live.connprof_start("check", "-p", master.pid, "-f", "json")
    answered = sum(_ask_http(path) for _ in range(3))
    time.sleep(0.6)  # who closes is seen from shortly after the first of them
    answered += sum(_ask_http(path) for _ in range(50))
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(1))
    expect(report["requests"]["observed"] == answered == 53, f"{report['requests']} of {answered}")
    site = [site for site in report["sites"] if site["rule"]][0]
    expect(site["peer"] == str(live.folder() / "redis.sock") and site["transport"] == "unix", f"{site}")
    expect(site["rule"] == "connection-per-request" and site["connects"] == 53, f"{site}")
    expect(bare(site["call_site"]["function"]) == "ask" and site["cause"] == "throw-away-client", f"{site}")
    expect(redis_port, "a port")


def _ask_http(path):
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = b""
            while chunk := client.recv(4096):
                text += chunk
            return text.startswith(b"HTTP/1.1 200")
    except OSError:
        return False


if __name__ == "__main__":
    live.main()

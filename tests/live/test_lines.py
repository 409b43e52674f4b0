# SPDX-License-Identifier: BSD-2-Clause
"""trace as lines: each connection when it is opened and when it has ended, while it happens, as many as there really are."""
import collections
import json
import os
import select
import signal
import subprocess
import time

import live
import services
from live import bare, case, cases_for, expect

COUNT = 37

CLIENT = """
import redis, sys
print('ready {}', flush=True)
def ask(**where):
    client = redis.Redis(**where)
    client.set('a key', 'a value no line may show')
    client.get('a key')
    client.close()
def ask_nobody(port):
    try:
        redis.Redis(port=port, password='a password no line may show').get('a key')
    except redis.ConnectionError:
        pass
for line in sys.stdin:
    way, where, count = line.split()
    for _ in range(int(count)):
        if way == 'unix':
            ask(unix_socket_path=where)
        elif way == 'tcp':
            ask(port=int(where))
        else:
            ask_nobody(int(where))
    print('done', flush=True)
"""


def client():
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    (live.folder() / "client.py").write_text(CLIENT)
    process = live.start(live.VENV_PYTHON, live.folder() / "client.py")
    live.ready_line(process)
    return process


def ask(process, way, where, count=COUNT):
    process.stdin.write(f"{way} {where} {count}\n")
    process.stdin.flush()
    expect(process.stdout.readline().strip() == "done", "the client failed")


def lines_of(text):
    """Every line parsed; the last is the summary and no other is."""
    lines = [json.loads(line) for line in text.splitlines()]
    expect(lines and all(line["schema"] == "connprof.trace-line/1" for line in lines), f"{text[:2000]}")
    expect([line["event"] == "summary" for line in lines] == [False] * (len(lines) - 1) + [True], f"{text[-2000:]}")
    expect(lines[-1]["lost"]["events"] == 0 and lines[-1]["lines_lost"] == 0, f"{lines[-1]}")
    counts = collections.Counter(line["event"] for line in lines)
    for name, count in lines[-1]["connections"].items():
        expect(counts[name] == count, f"{counts[name]} lines {name}: {lines[-1]['connections']}")
    return lines


def ended(process):
    return lines_of(live.connprof_end(process, signal.SIGINT).expect_status(0).out)


def by_connection(lines, origin="opened"):
    """{number: [its two lines]} of those of that origin."""
    found = collections.defaultdict(list)
    for line in lines[:-1]:
        if line["origin"] == origin:
            found[line["connection"]].append(line)
    expect(all(len(pair) == 2 for pair in found.values()), "each begins once and ends once")
    return found


@case
def redis_py_over_tcp_and_unix_and_to_nobody():
    path = str(live.folder() / "redis.sock")
    _, port = services.redis_server("--unixsocket", path)
    nobody = services.free_port()
    process = client()
    # The first UNIX connection has connprof watch who closes them.
    command = live.connprof_start("trace", "-p", process.pid)
    before = services.redis_connections(port)
    ask(process, "unix", path, 1)
    time.sleep(0.6)
    ask(process, "unix", path, COUNT - 1)
    ask(process, "tcp", port)
    ask(process, "nobody", nobody, 3)
    received = services.redis_connections(port) - before - 1
    time.sleep(0.3)
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    lines = lines_of(result.out)
    peers = (path, f"127.0.0.1:{port}", f"127.0.0.1:{nobody}")  # looking up a name may ask nscd, in vain
    opened = {number: pair for number, pair in by_connection(lines).items() if pair[0]["peer"] in peers}
    ends = collections.Counter((pair[1]["event"], pair[1]["transport"]) for pair in opened.values())
    # redis-py tries again once it was refused.
    refused = ends.pop(("failed", "tcp"))
    expect(refused >= 3 and refused % 3 == 0, f"{refused} refused")
    expect(ends == {("closed", "tcp"): COUNT, ("closed", "unix"): COUNT}, f"{ends}")
    expect(received == 2 * COUNT, f"Redis received {received}")
    for first, last in opened.values():
        expect(first["event"] == "opened" and bare(first["call_site"]["function"]) in ("ask", "ask_nobody"), f"{first}")
        expect(first["call_site"] == last["call_site"] and first["peer"] == last["peer"], f"{first} {last}")
        if last["event"] == "failed":
            expect(last["error"] == "ECONNREFUSED" and last["peer"] == f"127.0.0.1:{nobody}", f"{last}")
            continue
        expect(last["peer"] in (path, f"127.0.0.1:{port}"), f"{last}")
        expect(last["protocol"] == "redis" and last["commands"] == 2 and last["library"].startswith("redis-py"), f"{last}")
        expect(last["lifetime_ms"] > last["setup_ms"] >= last["setup"]["handshake_ms"] > 0, f"{last}")
        expect(last["bytes_sent"] > 50 and last["bytes_received"] > 10 and last["error"] is None, f"{last}")
    closers = collections.Counter(pair[1]["closed_by"] for pair in opened.values() if pair[1]["event"] == "closed")
    expect(closers["target"] >= 2 * COUNT - 1 and closers["target"] + closers[None] == 2 * COUNT, f"{closers}")
    expect("no line may show" not in result.out + result.err, "a value or a password got out")


@case
def a_line_is_there_while_the_connection_lasts():
    acceptor = services.Acceptor()
    process, ready = live.workload("dials.py", "kept", str(acceptor.port), COUNT)
    command = live.connprof_start("trace", "-p", process.pid, "--stacks")
    live.go(process)
    process.stdout.readline()
    text, deadline = b"", time.monotonic() + 3
    while text.count(b"\n") < COUNT and time.monotonic() < deadline:
        if select.select([command.stdout], [], [], 0.1)[0]:
            text += os.read(command.stdout.fileno(), 65536)
    early = [json.loads(line) for line in text.decode().splitlines()]
    expect([line["event"] for line in early] == ["opened"] * COUNT, f"{len(early)} lines")
    for line in early:
        expect(line["call_site"]["line"] == ready["dials"], f"{line['call_site']}")
        expect("dial" in [bare(frame["function"]) for frame in line["stack"]], f"{line['stack']}")
    rest = ended_after(command, text)
    expect(rest[-1]["connections"]["open"] == COUNT, f"{rest[-1]}")


def ended_after(command, text):
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    return lines_of(text.decode() + result.out)


@cases_for(["silent", "speaking"])
def accepted_and_open_before_are_labelled(way):
    acceptor = services.Acceptor()
    code = ("import socket, sys\n"
            "kept = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for _ in range(11)]\n"
            "server = socket.create_server(('127.0.0.1', 0))\n"
            "print('ready {\"port\": %d}' % server.getsockname()[1], flush=True)\n"
            "for _ in range(7):\n    one = server.accept()[0]\n    one.sendall(one.recv(100))\n    one.close()\n"
            "for one in kept if sys.argv[2] == 'speaking' else []: one.sendall(b'hello, there')\n"
            "print('done', flush=True)\nsys.stdin.read()\n")
    (live.folder() / "server.py").write_text(code)
    process = live.start(live.sys.executable, live.folder() / "server.py", acceptor.port, way)
    port = live.ready_line(process)["port"]
    command = live.connprof_start("trace", "-p", process.pid)
    for _ in range(7):
        with services.socket.create_connection(("127.0.0.1", port)) as asked:
            asked.sendall(b"hello")
            expect(asked.recv(100) == b"hello", "the server answers")
    process.stdout.readline()
    time.sleep(0.3)
    lines = ended(command)
    expect(len(by_connection(lines, "accepted")) == 7 and not by_connection(lines), f"{lines[-1]}")
    before = by_connection(lines, "open_before")
    expect(len(before) == 11 and all(pair[1]["event"] == "open" for pair in before.values()), f"{before}")
    expect({pair[0]["peer"] for pair in before.values()} == {f"127.0.0.1:{acceptor.port}"}, f"{before}")


@cases_for(["plain", "shut", "reset"])
def who_closes_is_told_however_it_is_done(way):
    acceptor = services.Acceptor()
    process, where = live.workload("dials.py", way, str(acceptor.port), COUNT)
    command = live.connprof_start("trace", "-p", process.pid)
    live.go(process)
    process.stdout.readline()
    time.sleep(0.3)
    pairs = by_connection(ended(command))
    closes = "shut" if way == "shut" else "close"
    expect(len(pairs) == COUNT, f"{len(pairs)} of {COUNT}")
    for _, last in pairs.values():
        expect(last["event"] == "closed" and last["closed_by"] == "target" and last["close_site"]["function"] == closes, f"{last}")
        expect(way == "shut" or last["close_site"]["line"] == where["closes"], f"{last}")


@case
def a_reader_that_leaves_ends_it():
    acceptor = services.Acceptor()
    process, _ = live.workload("dials.py", "kept", str(acceptor.port), COUNT)
    script = '"$0" trace -v -p "$1" 2>err | head -1 >first; echo ${PIPESTATUS[0]}'
    shell = live.start("bash", "-c", script, live.CONNPROF, process.pid, cwd=live.folder(), stderr=subprocess.DEVNULL)
    live.wait_for(lambda: "attached" in (live.folder() / "err").read_text() if (live.folder() / "err").exists() else False, "connprof")
    live.go(process)
    process.stdout.readline()
    result = live.connprof_end(shell, timeout=5)  # by itself: nothing more happens
    errors = (live.folder() / "err").read_text()
    expect(result.out.strip() == "3", f"status {result.out}: {errors}")
    expect(len([line for line in errors.splitlines() if "cannot write standard output" in line]) == 1, errors)
    expect(json.loads((live.folder() / "first").read_text())["event"] == "opened", "the first line")


@case
def a_reader_that_does_not_read_neither_stops_it_nor_costs_a_connection():
    acceptor = services.Acceptor()
    count = 1009
    process, _ = live.workload("connects", 4, acceptor.port, count, 0, 0, 0)
    command = live.connprof_start("trace", "-p", process.pid, "--stacks")
    process.stdin.close()
    process.wait()
    time.sleep(1)
    expect(command.poll() is None, "it waits for its reader")
    lines = ended(command)
    expect(len(by_connection(lines)) == count, f"{len(by_connection(lines))} of {count}")


@case
def a_second_signal_ends_one_whose_reader_does_not_read():
    acceptor = services.Acceptor()
    process, _ = live.workload("dials.py", "kept", str(acceptor.port), 499)
    command = live.connprof_start("trace", "-p", process.pid, "--stacks")
    live.go(process)
    process.stdout.readline()
    time.sleep(0.5)
    os.kill(command.pid, signal.SIGTERM)
    time.sleep(0.5)
    expect(command.poll() is None, "what was seen is still to be read")
    os.kill(command.pid, signal.SIGTERM)
    try:
        command.wait(5)
    except subprocess.TimeoutExpired:
        raise live.Failed("it hangs") from None


@case
def other_formats_keep_their_meaning_and_a_file_is_whole():
    acceptor = services.Acceptor()
    process, _ = live.workload("dials.py", "plain", str(acceptor.port), COUNT)
    formats = {("-f", "text"): "connections seen", ("--json",): "connprof.trace/1", ("-f", "json"): "connprof.trace/1"}
    for arguments, wanted in formats.items():
        result = live.connprof("trace", "-p", process.pid, "-d", "0.3", *arguments).expect_status(0)
        expect(wanted in result.out and "trace-line" not in result.out, f"{arguments}: {result}")
    live.connprof("trace", "-p", process.pid, "-d", "0.3", "-o", "out.txt").expect_status(0)
    expect("connections seen" in (live.folder() / "out.txt").read_text(), "-o out.txt is the table")
    command = live.connprof_start("trace", "-p", process.pid, "-o", "out.jsonl", "--events", "out.events.jsonl")
    expect(not (live.folder() / "out.jsonl").exists(), "the file appears when it is whole")
    live.go(process)
    process.stdout.readline()
    time.sleep(0.3)
    live.connprof_end(command, signal.SIGINT).expect_status(0)
    text = (live.folder() / "out.jsonl").read_text()
    expect(len(by_connection(lines_of(text))) == COUNT, text[-1000:])
    again = live.connprof("report", "out.events.jsonl", "--view", "sites", "-f", "jsonl").expect_status(0).out
    expect(again.splitlines()[:-1] == text.splitlines()[:-1], "the event stream tells the same again")


if __name__ == "__main__":
    live.main()

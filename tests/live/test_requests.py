#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Requests as units: samples land in the right request, latencies are the load's own, and the tail can be cut out."""
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import live
import services
from live import case, expect


def timed_get(connection, path):
    """Latency of a request as its sender sees it, ms."""
    begin = time.perf_counter()
    connection.request("GET", path)
    connection.getresponse().read()
    return 1000 * (time.perf_counter() - begin)


def connect(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def recorded(process, path):
    result = live.connprof_end(process, signal.SIGINT).expect_status(0)
    expect(path.exists(), f"nothing was written: {result}")
    return result


def folded(path, *arguments):
    out = live.connprof("report", path, "-f", "folded", *arguments).expect_status(0)
    return live.Folded(out.out)


@case
def each_of_eight_concurrent_requests_keeps_its_own_samples():
    target, ready = live.workload("latencies.py")
    path = live.folder() / "r.pb.gz"
    process = live.connprof_start("record", "-p", target.pid, "--requests", "-r", 400, "-o", path)

    def run(number):
        connection = connect(ready["port"])
        for _ in range(2):
            timed_get(connection, f"/{number}")

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = recorded(process, path)
    everything = folded(path, "--slower-than", "1us")
    for n in range(8):
        floor = 40 * (n + 1) - 2
        expect(everything.with_frame(f"spin_{n}") > 0, f"spin_{n} was not sampled inside a request: {everything}\n{result}")
        # A request's own work takes so long at least: every sample of it lies in a request that does.
        slow = folded(path, "--slower-than", f"{floor}ms").with_frame(f"spin_{n}")
        expect(slow == everything.with_frame(f"spin_{n}"),
               f"{everything.with_frame(f'spin_{n}') - slow} samples of spin_{n} were booked on a request quicker than its own")
    expect(everything.with_frame("metrics_spin") == 0, f"another thread's time was booked on a request: {everything}")
    expect(folded(path).with_frame("metrics_spin") > 0, "the other thread was not sampled at all")


@case
def the_tail_has_the_cause_on_top_and_latencies_are_the_loads_own():
    target, ready = live.workload("latencies.py")
    path = live.folder() / "r.pb.gz"
    process = live.connprof_start("record", "-p", target.pid, "--requests", "-o", path)
    connection = connect(ready["port"])
    seen = []
    for i in range(400):  # one in a hundred is slow, so the slowest 1 % are those and no quick one that the machine held up
        seen.append(timed_get(connection, "/slow" if i % 100 == 50 else "/quick"))
    result = recorded(process, path)
    told = re.search(r"(\d+) requests, p50 ([\d.]+) ms, p99 ([\d.]+) ms, max ([\d.]+) ms", result.err)
    expect(told, f"no line about requests: {result}")
    expect(int(told.group(1)) == len(seen), f"{told.group(1)} requests, not {len(seen)}")
    own = sorted(live.answer(target)["latencies_ms"])
    seen.sort()
    # The sender's time has the way there and back in it, which on a busy machine is long; the service's own has not.
    for name, at, theirs in (("p50", len(own) // 2 - 1, float(told.group(2))), ("max", -1, float(told.group(4)))):
        expect(abs(own[at] - theirs) <= max(1.0, 0.02 * own[at]), f"{name}: {theirs} ms, the service itself took {own[at]:.2f} ms")
        expect(theirs <= seen[at] * 1.02 + 0.1, f"{name}: {theirs} ms, more than the sender saw, {seen[at]:.2f} ms")
    whole, tail = folded(path), folded(path, "--slowest", "1%")
    normal = whole.with_frame("common_work")
    expect(normal > whole.with_frame("rare_cause"), f"the slow request leads the whole profile too: {whole}")
    expect(tail.with_frame("rare_cause") >= 0.9 * tail.total > 0, f"the tail does not show its cause: {tail}")
    expect(tail.with_frame("common_work") <= 2, f"the tail shows the normal requests: {tail}")
    # Two counts a line: scaled normal ones, then the slow ones.
    out = live.connprof("report", path, "-f", "folded", "--slower-than", "200ms", "--diff", "normal").expect_status(0).out
    lines = [re.fullmatch(r"(.+) ([\d.]+) (\d+)", line) for line in out.splitlines()]
    expect(lines and all(lines), f"not differential: {out}")
    cause = [line for line in lines if "rare_cause" in line.group(1)]
    expect(cause and all(float(line.group(2)) == 0 for line in cause), f"the cause is in normal requests too: {out}")
    picture = live.folder() / "diff.svg"
    live.connprof("report", path, "-o", picture, "--slower-than", "200ms", "--diff", "normal").expect_status(0)
    text = picture.read_text(encoding="utf-8")
    expect("rare_cause" in text and "+" in text and "slower than 200 ms against the others" in text, text[:3000])


@case
def a_request_that_waits_to_be_read_is_told():
    target, ready = live.workload("latencies.py", "single")
    path = live.folder() / "r.pb.gz"
    process = live.connprof_start("record", "-p", target.pid, "--requests", "-o", path)
    seen = []

    def send():
        begin = time.perf_counter()
        connection = connect(ready["port"])
        connection.request("GET", "/4", headers={"Connection": "close"})
        connection.getresponse().read()
        connection.close()
        seen.append(1000 * (time.perf_counter() - begin))

    for _ in range(4):
        both = [threading.Thread(target=send) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
    recorded(process, path)
    own = live.answer(target)["latencies_ms"]
    report = json.loads(live.connprof("report", path, "--view", "requests", "-f", "json").expect_status(0).out)
    expect(report["requests"]["observed"] == 8 == len(own), f"not 8 requests: {report['requests']}, {own}")
    waited = (sum(seen) - sum(own)) / 8  # with the way there and back
    queued = report["spent"]["queued_ms"]["mean"]
    expect(0.5 * waited <= queued <= waited + 12, f"{queued} ms unread, the sender waited {waited:.1f} ms beside the {sum(own) / 8:.1f} ms of the service")
    expect(waited > 40, f"nothing waited: {seen}, {own}")


NGINX = """daemon off; master_process on; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 1000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }} }}
"""


@case
def a_hundred_thousand_requests_are_each_counted():
    for tool in ("nginx", "ab"):
        if not shutil.which(tool, path="/usr/sbin:/usr/bin"):
            live.missing(tool)
    port, count = services.free_port(), 100000
    conf = live.folder() / "nginx.conf"
    conf.write_text(NGINX.format(folder=live.folder(), port=port), encoding="utf-8")
    nginx = live.start("nginx", "-c", conf, "-p", live.folder(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    live.wait_for(lambda: accepts(port), "nginx")
    path = live.folder() / "r.pb.gz"
    process = live.connprof_start("record", "-p", nginx.pid, "--requests", "-o", path)
    sent = subprocess.run(["ab", "-q", "-k", "-c", "64", "-n", str(count), f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False)
    expect(re.search(rf"Complete requests: +{count}\n", sent.stdout) and "Failed requests:        0" in sent.stdout, f"{sent.stdout} {sent.stderr}")
    result = recorded(process, path)
    report = json.loads(live.connprof("report", path, "--view", "requests", "-f", "json").expect_status(0).out)
    lost = report["lost"]["events"]
    observed = report["requests"]["observed"]
    expect(observed == count or 0 < count - observed <= lost <= count // 100, f"{observed} of {count}, {lost} events lost: {result}")
    expect(sum(row["requests"] for row in report["latencies"]) == observed and report["lost"]["requests"] == 0, f"{report['lost']}")
    peak = float(re.search(r"connprof itself: .* CPU, ([\d.]+) MB", result.err).group(1))
    expect(peak < 150, f"{peak} MB for {count} requests: {result}")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@case
def a_recording_that_knows_no_requests_says_so():
    target, _ = live.workload("latencies.py")
    path = live.folder() / "r.pb.gz"
    live.connprof("record", "-p", target.pid, "-d", 1, "-o", path).expect_status(0)
    live.connprof("report", path, "-f", "folded", "--slower-than", "1ms").expect_error(3, "record it with --requests")


def chatty(*options, arguments=()):
    """60 requests to the service that talks too much: what it says of itself, and what the recording and its events say."""
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    _, redis_port = services.redis_server()
    audit = live.folder() / "audit.log"
    target, ready = live.workload("chatty.py", redis_port, audit, *arguments, python=str(live.VENV_PYTHON))
    path, events = live.folder() / "r.pb.gz", live.folder() / "r.events.jsonl"
    process = live.connprof_start("record", "-p", target.pid, *options, "-o", path, "--events", events)
    answered = services.send_requests(ready["port"], 1)
    time.sleep(0.5)
    answered += services.send_requests(ready["port"], 59)
    result = recorded(process, path)
    expect(answered == 60, f"{answered} of 60 answered")
    ready["audit"], ready["summary"] = str(audit), result.err
    ready["text"] = live.connprof("report", path, "--view", "requests").expect_status(0).out
    reports = [json.loads(live.connprof("report", file, "--view", "requests", "-f", "json").expect_status(0).out)
               for file in (path, events)]
    for report in reports:
        expect(report["requests"]["observed"] == 60, f"not 60 requests: {report['requests']}: {result}")
    return ready, reports


def rows_at(rows, function):
    return [row for row in rows if row["call_site"] and row["call_site"]["function"].split(".")[-1] == function]


@case
def statements_that_log_are_counted_by_line():
    ready, reports = chatty("--log-sites")
    for report in reports:
        noise = rows_at(report["logs"], "noisy")
        expect(len(noise) == 1 and noise[0]["call_site"]["line"] == ready["log_line"], f"log sites: {report['logs']}")
        expect(noise[0]["lines_per_request"] == ready["lines"], f"not {ready['lines']} lines a request: {noise}")
        expect(noise[0]["place"].startswith("stderr ("), f"not to standard error: {noise}")
        served = [row for row in report["logs"] if row["place"] == ready["audit"]]
        expect(len(served) == 1 and served[0]["lines"] == 60, f"the file's lines: {report['logs']}")
    expect(f"{ready['lines']}.0 lines" in ready["text"], ready["text"])


@case
def lines_for_the_systems_log_are_counted_too():
    """It is a datagram socket, which is hooked once a target has been seen to write to one: the first line is told as lost."""
    log = live.folder() / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(log))
        threading.Thread(target=drain, args=(reader,), daemon=True).start()
        ready, reports = chatty("--log-sites", arguments=[log])
    lost = re.search(r"first writes to the system's log (\d+)", ready["summary"])
    for report in reports:
        rows = [row for row in report["logs"] if row["place"] == "syslog"]
        expect(len(rows) == 1 and rows[0]["call_site"]["line"] == ready["system_line"], f"not one site: {report['logs']}")
        missed = int(lost.group(1)) if lost else 0  # none where this is hooked from the start (before Linux 6.3)
        expect(rows[0]["lines"] == rows[0]["writes"] == 60 - missed >= 59, f"{rows} and {ready['summary']}")


def drain(reader):
    try:
        while reader.recv(65536):
            pass
    except OSError:
        pass  # closed: the case is over


@case
def statements_that_ask_redis_one_by_one_are_told_from_pipelines():
    ready, reports = chatty("--round-trips")
    if reports[0]["round_trips"] is None:
        live.unable("this kernel has no sock_send_length (Linux 6.3)")
    for report in reports:
        gets = [row for row in report["round_trips"] if row["command"] == "GET"]
        expect(len(gets) == 1 and rows_at(gets, "rank") and gets[0]["call_site"]["line"] == ready["get_line"],
               f"GETs one by one are not rank's: {report['round_trips']}")
        expect(abs(gets[0]["per_request"] - ready["gets"]) < 0.01, f"not {ready['gets']} a request: {gets}")
        expect(not rows_at(report["round_trips"], "batch"), f"a pipeline was taken for single commands: {report['round_trips']}")
        parts = {row["command"]: row for row in report["spent"]["parts"] if row["command"]}
        expect(parts["GET"]["round_trips"]["mean"] == ready["gets"] and parts["pipeline"]["round_trips"]["mean"] == 1,
               f"round trips by command: {parts}")
    expect(f"{ready['gets']}.0 GET in turn" in ready["text"], ready["text"])


@case
def a_recording_of_requests_has_the_table_of_call_sites():
    acceptor = services.Acceptor()
    process, _ = live.workload("dials.py", "plain", str(acceptor.port), 23)
    watching = live.connprof_start("record", "-p", process.pid, "--requests", "-o", "dials.pb.gz")
    live.go(process)
    process.stdout.readline()
    live.connprof_end(watching, signal.SIGINT).expect_status(0)
    told = live.connprof("report", "dials.pb.gz", "--view", "sites", "-f", "json").expect_status(0)
    expect([site["connects"] for site in json.loads(told.out)["sites"]] == [23], told.out)
    live.connprof("record", "-p", process.pid, "-d", "0.2", "-o", "plain.pb.gz").expect_status(0)
    refused = live.connprof("report", "plain.pb.gz", "--view", "sites").expect_status(3)
    expect("holds no connections" in refused.err, refused.err)


@case
def check_takes_commands_one_by_one_for_a_finding_when_asked():
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    _, redis_port = services.redis_server()
    target, ready = live.workload("chatty.py", redis_port, live.folder() / "audit.log", python=str(live.VENV_PYTHON))
    for options, status in ((["--rule", "round-trips"], 1), ([], 0)):
        process = live.connprof_start("check", "-p", target.pid, "-f", "json", *options)
        expect(services.send_requests(ready["port"], 40) == 40, "not all were answered")
        result = live.connprof_end(process, live.signal.SIGINT).expect_status(status)
        found = [site for site in live.check_json(result)["sites"] if site["rule"]]
        expect(len(found) == status, f"findings: {found}")
        for site in found:
            expect((site["rule"], site["call_site"]["function"], site["call_site"]["line"]) == ("round-trips", "rank", ready["get_line"]),
                   f"{site}")
            expect(site["connects"] is None, f"connections of round trips: {site}")


if __name__ == "__main__":
    live.main()

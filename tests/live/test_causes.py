# SPDX-License-Identifier: BSD-2-Clause
"""Requests that are slow for one known reason: the breakdown names it, with the time it really took, and the slow requests'
own flame graph has it on top. The truth is the service's own: its clock, and the kernel's accounts of its thread."""
import http.client
import json
import time

import live
import services
from live import case, cases_for, expect

# What each reason is called in the breakdown, and which part of the truth it is.
REASONS = {
    "setup": ("connection set-up", "blocked"),
    "lock": ("locks", "blocked"),
    "gil": ("GIL", "blocked"),
    "redis": ("Redis", "blocked"),
    "log": ("pipes and files", "blocked"),
    "cpu": ("on CPU", "cpu"),
    "runqueue": ("run queue", "runqueue"),
    "disk": ("disk", "blocked"),
    "upstream": ("other peers", "blocked"),
}
SLOW, FAST = 3, 21
AGREES = 0.95


def truth_of(answer):
    answer["blocked"] = answer["wall"] - answer["cpu"] - answer["runqueue"]
    return answer


def requests(port):
    """Some fast ones, then a slow one, and again. Returns (the service's truths of the slow ones, their latencies here, seconds)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    truths, latencies = [], []
    for number in range(SLOW + FAST):
        slow = number % ((SLOW + FAST) // SLOW) == FAST // SLOW
        begin = time.perf_counter()
        connection.request("GET", "/slow" if slow else "/fast")
        answer = json.loads(connection.getresponse().read())
        if slow:
            latencies.append(time.perf_counter() - begin)
            truths.append(truth_of(answer))
    connection.close()
    return truths, latencies


def rendered(path, *options):
    return live.connprof("report", path, *options, "-o", "-").expect_status(0).out


def service(reason):
    _, redis_port = services.redis_server("--enable-debug-command", "yes")
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} (make deps)")
    return live.workload("causes.py", reason, redis_port, python=str(live.VENV_PYTHON), cwd=live.BUILD)


def slow(connection):
    connection.request("GET", "/slow")
    return json.loads(connection.getresponse().read())


@case
def one_short_request_has_its_cpu_time():
    """Of some milliseconds on the CPU, in which samples so far apart are none or one too many."""
    process, ready = service("brief")
    connection = http.client.HTTPConnection("127.0.0.1", ready["port"], timeout=30)
    slow(connection)
    path = live.folder() / "brief.pb.gz"
    watching = live.connprof_start("record", "-p", process.pid, "--requests", "--mode", "wall", "-r", "49", "--no-children", "-o", path)
    truth = slow(connection)
    live.connprof_end(watching, live.signal.SIGINT).expect_status(0)
    connection.close()
    live.answer(process)
    spent = json.loads(rendered(path, "--view", "requests", "-f", "json"))["spent"]
    found = {row["part"]: row["ms"]["max"] for row in spent["parts"] if not row.get("command")}
    # What the request takes besides slow() is on the CPU too; the command's own few microseconds are booked on Redis.
    expect(1e3 * truth["cpu"] - 0.3 <= found["on CPU"] <= 1e3 * truth["cpu"] + 1, f"{found}, by its own clock {truth}")
    # Redis may be done before the thread, put off the CPU after its send, comes to wait for it.
    expect(found["Redis"] + found["run queue"] >= 1 and found["sleep"] >= 0.9, f"{found}")


LOOP = """
import asyncio, json, time
def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
async def answer(reader, writer):
    while head := await reader.readuntil(b'\\r\\n\\r\\n'):
        before = time.thread_time()
        burn(0.003)
        await asyncio.sleep(0.3 if b'long' in head else 0.005)
        burn(0.002)
        body = json.dumps({'cpu': time.thread_time() - before}).encode()
        writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
async def main():
    server = await asyncio.start_server(answer, '127.0.0.1', 0)
    print('ready', json.dumps({'port': server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@case
def a_task_that_is_alone_in_its_loop_has_its_cpu_time():
    (live.folder() / "loop.py").write_text(LOOP)
    process = live.start(live.sys.executable, live.folder() / "loop.py")
    port = live.ready_line(process)["port"]
    first, connection = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(2)]
    path = live.folder() / "loop.pb.gz"
    watching = live.connprof_start("record", "-p", process.pid, "--requests", "--mode", "wall", "-r", "49", "-o", path)
    for one in first, connection:  # two at once: that it is a loop shows
        one.request("GET", "/long")
    for one in first, connection:
        one.getresponse().read()
    first.close()
    truths = [slow(connection)["cpu"] for _ in range(24)]
    live.connprof_end(watching, live.signal.SIGINT).expect_status(0)
    connection.close()
    spent = json.loads(rendered(path, "--view", "requests", "-f", "json"))["spent"]
    expect(spent["requests"]["mean"] == 26, f"{spent}")
    found = {row["part"]: (row["ms"]["p50"], row["ms"]["p90"]) for row in spent["parts"] if not row.get("command")}
    wanted = 1e3 * sum(truths) / len(truths)
    expect(all(wanted - 0.5 <= ms <= wanted + 2 for ms in found["on CPU"]), f"{found}, by its own clock {wanted} ms")


@case
def one_request_of_many_waits_has_its_run_queue_and_its_redis():
    """Most of its waits are not walked, but its parts are not what those that were stand for."""
    process, ready = service("trips")
    connection = http.client.HTTPConnection("127.0.0.1", ready["port"], timeout=30)
    slow(connection)
    path = live.folder() / "trips.pb.gz"
    watching = live.connprof_start("record", "-p", process.pid, "--requests", "--mode", "wall", "-r", "49", "--no-children", "-o", path)
    truths = [truth_of(slow(connection)) for _ in range(4)]
    watched = live.connprof_end(watching, live.signal.SIGINT).expect_status(0)
    connection.close()
    live.answer(process)
    expect("too many to walk" in watched.err, watched.err)
    spent = json.loads(rendered(path, "--view", "requests", "-f", "json"))["spent"]
    found = {row["part"]: row["ms"]["max"] for row in spent["parts"] if not row.get("command")}
    truth = {part: 1e3 * seconds for part, seconds in max(truths, key=lambda truth: truth["wall"]).items()}
    # Where it is woken from another CPU the kernel begins to count when its own has taken notice, some 10 us later, or more on a busy one.
    expect(abs(found["run queue"] - truth["runqueue"]) <= 0.1 * truth["runqueue"] + 200 * 0.02, f"{found}, by its own clock {truth}")
    away = truth["blocked"] + truth["runqueue"]
    expect(0.95 * away <= found["Redis"] + found["run queue"] <= away + truth["cpu"], f"{found}, by its own clock {truth}")


@cases_for(REASONS)
def the_reason_is_named_with_its_time(reason):
    name, part = REASONS[reason]
    process, ready = service(reason)
    requests(ready["port"])  # what happens at first only (a connection to Redis) is past
    path = live.folder() / "causes.pb.gz"
    watching = live.connprof_start("record", "-p", process.pid, "--requests", "--mode", "wall", "-r", "499", "--no-children", "-o", path)
    truths, latencies = requests(ready["port"])
    live.connprof_end(watching, live.signal.SIGINT).expect_status(0)
    live.answer(process)

    document = json.loads(rendered(path, "--view", "requests", "-f", "json"))
    spent = document["spent"]
    count = document["requests"]["observed"]
    expect(count == SLOW + FAST, f"{count} requests seen")
    found = sum(row["ms"]["mean"] for row in spent["parts"] if row["part"] == name and not row.get("command")) * count / 1e3
    wanted = sum(truth[part] for truth in truths)
    # On the crowded CPU the thread waits before and after what it has clocked, too.
    unclocked = sum(latencies) - sum(truth["wall"] for truth in truths) if part == "runqueue" else 0
    tolerance = (1 - AGREES) * wanted + 0.002 * SLOW
    expect(-tolerance <= found - wanted <= tolerance + unclocked, f"{name}: {found:.3f} s of {wanted:.3f} s: {truths} {spent}")
    if part == "blocked" and reason != "disk":  # there it is what the machine's disk leaves of the time
        expect(wanted >= AGREES * sum(truth["wall"] - truth["runqueue"] for truth in truths), f"the workload did not wait: {truths}")

    slowest = [row["ms"] for row in document["latencies"] for _ in range(row["requests"])][-SLOW:]
    seen = sum(slowest) / 1e3
    expect(abs(seen - sum(latencies)) <= max(0.001 * SLOW, 0.02 * sum(latencies)) + sum(truth["runqueue"] for truth in truths),
           f"latencies of {seen:.3f} s, {sum(latencies):.3f} s by the requester")
    tail = [line.rpartition(" ") for line in rendered(path, "--slowest", "10%", "-f", "folded").splitlines()]
    whole = sum(int(weight) for _, _, weight in tail)
    inside = sum(int(weight) for stack, _, weight in tail if ".slow (" in stack)
    expect(whole and inside >= AGREES * whole, f"{inside} of {whole} of the slow requests' flame graph are below slow()")


if __name__ == "__main__":
    live.main()

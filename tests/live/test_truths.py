# SPDX-License-Identifier: BSD-2-Clause
"""Eight requests at once in one process, in threads, greenlets or asyncio tasks, a quarter of them slow: each has what the service itself wrote
down for it, and nothing of another.

Latencies tell requests apart: a slow one of each client takes another time. A sample or a wait under a client's own functions must
carry the latency of one of that client's requests, as the service and the sender measured it.
"""
import http.client
import json
import signal
import threading
import time

import cpythons
import live
import pprof
import services
from live import case, expect

LIMIT_SECONDS = 90
CLIENTS, REQUESTS = 8, 8  # of each; two of them slow
RATE = 499


def is_slow(client, number):
    return (number + client) % REQUESTS in (0, 2)  # a few: by the middle of the latencies all are quick ones


def send(port):
    """All clients at once, one request after the other in step, so that the slow ones are slow beside equals; returns the latency of each request as its sender saw it, ms, by client and number."""
    seen, failed = {}, []

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.connect()
        for i in range(REQUESTS):
            together.wait(60)
            begin = time.perf_counter()
            connection.request("GET", f"/{'slow' if is_slow(number, i) else 'quick'}/{number}/{i}")
            if connection.getresponse().read() != b"ok":
                failed.append((number, i))
            seen[number, i] = 1000 * (time.perf_counter() - begin)
        connection.close()

    together = threading.Barrier(CLIENTS)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    expect(len(seen) == CLIENTS * REQUESTS and not failed, f"{len(seen)} requests, failed: {failed}")
    return seen


class Run:
    """One recording of one service: its truths, and what connprof says."""

    def __init__(self, mode, python):
        _, redis_port = services.redis_server()
        self.log = live.folder() / "stderr.log"
        with open(self.log, "wb") as log:
            process, ready = live.workload("truths.py", mode, redis_port, python=python, stderr=log)
        path = live.folder() / "truths.pb.gz"
        watching = live.connprof_start("record", "-p", process.pid, "--requests", "--mode", "wall", "--log-sites", "-r", RATE, "-o", path)
        self.seen = send(ready["port"])
        self.summary = live.connprof_end(watching, signal.SIGINT).expect_status(0).err
        self.truths = live.answer(process)
        self.samples = pprof.read(path)
        self.report = json.loads(live.connprof("report", path, "--view", "requests", "-f", "json").expect_status(0).out)

    def spans(self, client, slow):
        """From, to: where the latencies of this client's requests must lie, ms. The service's own clock starts after the head was read
        and stops before the answer is sent; the sender's covers all."""
        mine = [truth for truth in self.truths if truth["client"] == client and truth["slow"] == slow]
        return [(truth["latency_ms"] * 0.98 - 0.1, self.seen[client, truth["number"]] * 1.02 + 1) for truth in mine]

    def under(self, function):
        return [sample for sample in self.samples if function in sample.functions]

    def total(self, key, slow=None):
        return sum(truth[key] for truth in self.truths if slow in (None, truth["slow"]))

    def part(self, name, band, command=None):
        for row in self.report["spent"]["parts"]:
            if (row["part"], row.get("command")) == (name, command):
                return row
        return None


def own_requests_only(run, function, client, slow):
    """Every sample and wait under the function lies in a request of this client and kind; returns (CPU ms, ms off it) in requests and
    outside of them."""
    spans = run.spans(client, slow)
    sums = {"yes": [0.0, 0.0], "none": [0.0, 0.0]}
    for sample in run.under(function):
        where = sample.labels["request"]
        expect(where in sums, f"{function}: {where}")
        sums[where][0] += sample.values["cpu"] / 1e6
        sums[where][1] += sample.values["offcpu"] / 1e6
        if where == "yes":
            latency = sample.labels["latency"] / 1e6
            expect(any(low <= latency <= high for low, high in spans),
                   f"{function} is in a request of {latency:.1f} ms, not in one of {[(round(low, 1), round(high, 1)) for low, high in spans]}: {sample.labels}")
    return sums


def agrees(run):
    burnt = waited = burnt_aside = waited_aside = 0
    for client in range(CLIENTS):
        for function, slow in ((f"burn_{client}", True), (f"wait_{client}", True), (f"quick_{client}", False)):
            sums = own_requests_only(run, function, client, slow)
            burnt, waited = burnt + sums["yes"][0], waited + sums["yes"][1]
            burnt_aside, waited_aside = burnt_aside + sums["none"][0], waited_aside + sums["none"][1]
    cpu, off = run.total("burn_ms"), run.total("wait_ms")
    expect(abs(burnt - cpu) <= 0.1 * cpu + 20, f"{burnt:.0f} ms of CPU in requests, {cpu:.0f} by the service's clock: {run.summary}")
    # On a machine so busy that not all waits can be walked, whose they were is not known of all, and says so.
    if "too many to walk" not in run.summary:
        expect(burnt_aside + waited_aside <= 0.01 * (cpu + off), f"{burnt_aside:.0f} ms of CPU and {waited_aside:.0f} off it in no request")
        expect(abs(waited - off) <= 0.05 * off + 20, f"{waited:.0f} ms off the CPU in requests, {off:.0f} by the service's clock: {run.summary}")
    expect(0.5 * off <= waited <= 1.05 * off + 20, f"{waited:.0f} ms off the CPU in requests, {off:.0f} by the service's clock: {run.summary}")
    for function in ("burn_aside", "wait_aside"):
        others = [sample.labels for sample in run.under(function) if sample.labels["request"] != "none"]
        expect(run.under(function) and not others, f"{function} is in requests: {others[:3]}")


def commands_and_lines_agree(run):
    """Redis by command, in the middle of the latencies (all quick) and among the slowest."""
    count = CLIENTS * REQUESTS
    for command, slow in (("GET", True), ("EXISTS", False)):
        row = run.part("Redis", "mean", command)
        expect(row, f"no {command}: {run.report['spent']}")
        mean = run.total("commands", slow) / count
        expect(abs(row["round_trips"]["mean"] - mean) < 0.001, f"{command}: {row['round_trips']}, {mean} a request by the service")
        other = row["round_trips"]["p50" if slow else "max"]
        expect(other == 0, f"{command} in requests that sent none: {row['round_trips']}")
    sleep = run.part("sleep", "p50")
    expect(sleep is None or sleep["ms"]["p50"] < 0.5, f"quick requests stand still: {sleep}")
    for function, slow in (("log_slow", True), ("log_quick", False)):
        rows = [row for row in run.report["logs"] if row["call_site"] and row["call_site"]["function"].split(".")[-1] == function]
        wanted = run.total("lines", slow)
        lines = sum(row["lines"] for row in rows)
        inside = sum(row["lines_per_request"] for row in rows) * count
        expect(abs(inside - lines) < 0.01 and abs(lines - wanted) <= 0.01 * wanted,
               f"{function}: {lines} lines, {inside:.2f} inside requests, {wanted} by the service: {run.report['logs']}")


def told_apart(mode, python):
    run = Run(mode, python)
    expect(run.report["requests"]["observed"] == CLIENTS * REQUESTS == len(run.truths), f"{run.report['requests']}")
    agrees(run)
    commands_and_lines_agree(run)


@case
def threads_have_nothing_of_each_other():
    told_apart("threads", live.sys.executable)


@case
def greenlets_have_nothing_of_each_other():
    told_apart("greenlets", services.gevent_python())


@cpythons.on_pythons("3.8", "3.13", "3.14")
def tasks_of_protocols_have_nothing_of_each_other(python):
    told_apart("protocol", python.path)


@cpythons.on_pythons("3.11", "3.15")
def tasks_of_streams_have_nothing_of_each_other(python):
    told_apart("streams", python.path)


if __name__ == "__main__":
    live.main()

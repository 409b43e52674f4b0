#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many connections, counted to the unit: every one is in connprof's count, or in the number it says it lost.

usage: counting.py [CASE...]      (default: all; each prints one line of figures, the first failure ends it)
"""
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import live  # noqa: E402
import services  # noqa: E402
from live import expect  # noqa: E402

RATE = 20000
MANY = 100003    # a prime
FEWER = 20011    # another


def serve(where):
    """A server that takes everything; returns what to dial and how connprof calls it."""
    server, ready = live.workload("flood", "serve", where)
    expect(server.poll() is None, "the server")
    return (where, where) if where != "0" else (str(ready["port"]), f"127.0.0.1:{ready['port']}")


def flooded(process, timeout=60):
    """The workload's own count: made, failed, without a descriptor, and how many it made a second."""
    live.go(process)
    line = ""
    deadline = time.monotonic() + timeout
    while not line and time.monotonic() < deadline:
        line = process.stdout.readline()
    words = line.split()
    expect(words and words[0] == "done", f"the flood said {line!r}")
    made, failed, without, nanoseconds = (int(word) for word in words[1:])
    return made, failed, without, made / (nanoseconds / 1e9)


def traced(pids, *arguments):
    command = ["trace", "--json", *arguments]
    for pid in pids:
        command += ["-p", pid]
    return live.connprof_start(*command)


def report_of(command):
    return live.check_json(live.connprof_end(command, signal.SIGINT, timeout=60).expect_status(0))


def total(report, field, peer=None):
    return sum(site[field] for site in report["sites"] if peer is None or site["peer"] == peer)


def say(name, text):
    print(f"{name}: {text}", flush=True)


def every_one_is_counted_at_20000_a_second():
    for name, where in (("TCP", "0"), ("UNIX", str(live.folder() / "flood.sock"))):
        dial, peer = serve(where)
        process, _ = live.workload("flood", dial, MANY, RATE, 0)
        command = traced([process.pid])
        made, failed, _, rate = flooded(process)
        report = report_of(command)
        seen, lost = total(report, "connects", peer), report["lost"]
        expect(made == MANY and failed == 0, f"the workload made {made} and failed {failed}")
        expect(seen + lost["connects"] == MANY, f"{seen} seen and {lost} of {MANY}")
        expect(total(report, "failed_connects") == 0, f"{report['sites']}")
        expect(lost["events"] > 0 or total(report, "open_at_end") == 0, f"{report['sites']}")
        say(f"{name} at {rate:.0f} a second", f"{seen} of {MANY} counted, {lost['connects']} lost, {lost['events']} events lost")


def every_one_is_a_line():
    """trace as lines, into a file that takes them at once: two a connection."""
    dial, peer = serve("0")
    process, _ = live.workload("flood", dial, MANY, RATE, 0)
    with open(live.folder() / "lines", "w", encoding="utf-8") as out:
        command = live.connprof_start("trace", "-p", process.pid, stdout=out)
        made, _, _, rate = flooded(process)
        live.connprof_end(command, signal.SIGINT, timeout=60).expect_status(0)
    begun = ended = 0
    with open(live.folder() / "lines", encoding="utf-8") as lines:
        for line in lines:
            last = json.loads(line)
            ours = last.get("peer") == peer
            begun += ours and last["event"] == "opened"
            ended += ours and last["event"] == "closed"
    lost = last["lost"]["connects"]
    expect(made == MANY and begun + lost + last["lines_lost"] >= MANY and begun + lost <= MANY, f"{begun} lines: {last}")
    expect(last["lost"]["events"] > 0 or last["lines_lost"] > 0 or ended == begun, f"{ended} of {begun} have ended: {last}")
    say(f"lines at {rate:.0f} a second", f"{begun} of {MANY} opened, {ended} closed, {lost} connections and {last['lines_lost']} lines lost")


def what_cannot_be_told_is_counted():
    """connprof itself is stopped while they are made: the ring fills, and what it did not take is known to the unit."""
    dial, peer = serve("0")
    process, _ = live.workload("flood", dial, FEWER, 0, 0)
    command = traced([process.pid])
    os.kill(command.pid, signal.SIGSTOP)
    flooded(process)
    os.kill(command.pid, signal.SIGCONT)
    report = report_of(command)
    seen, lost = total(report, "connects", peer) + total(report, "failed_connects", peer), report["lost"]["connects"]
    unfinished = report["connections"]["seen"] - seen
    expect(report["connections"]["seen"] + lost == FEWER, f"{report['connections']} and {report['lost']} of {FEWER}")
    expect(lost > 0 and report["lost"]["events"] >= lost, f"{report['lost']}")
    say("ring overflow", f"{report['connections']['seen']} of {FEWER} counted ({unfinished} of them without their end), {lost} lost")


def tcpdump_sees_the_same():
    dial, peer = serve("0")
    capture = live.folder() / "syn.pcap"
    dump = live.start("tcpdump", "-i", "lo", "-n", "-B", 16384, "-s", 96, "-w", capture,
                      f"tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn and dst port {dial}", stderr=subprocess.PIPE)
    expect(any("listening on" in line for line in iter(dump.stderr.readline, "")), "tcpdump did not start")
    process, _ = live.workload("flood", dial, FEWER, 5000, 0)
    command = traced([process.pid])
    flooded(process)
    report = report_of(command)
    time.sleep(1)
    os.kill(dump.pid, signal.SIGINT)
    _, said = dump.communicate(timeout=20)
    captured, dropped = (int(re.search(rf"(\d+) packets {word}", said).group(1)) for word in ("captured", "dropped by kernel"))
    expect(total(report, "connects", peer) == FEWER and report["lost"]["connects"] == 0, f"{report['sites']}, {report['lost']}")
    expect(captured + dropped == FEWER and (captured == FEWER or dropped), f"tcpdump: {said}")
    say("tcpdump", f"connprof {total(report, 'connects', peer)}, SYNs {captured} (and {dropped} that tcpdump dropped)")


def ss_sees_the_same_open():
    dial, peer = serve("0")
    process, _ = live.workload("flood", dial, 4001, 0, 3001)
    command = traced([process.pid])
    flooded(process)
    time.sleep(0.5)
    listed = subprocess.run(["ss", "-Htn", "state", "established", f"( dport = :{dial} )"], capture_output=True, text=True, check=True)
    report = report_of(command)
    open_by_ss = len(listed.stdout.splitlines())
    expect(total(report, "connects", peer) == 4001 and total(report, "open_at_end", peer) == open_by_ss == 3001,
           f"{report['sites']}, ss: {open_by_ss}")
    say("ss", f"connprof {total(report, 'open_at_end', peer)} open at the end, ss {open_by_ss}")


def redis_sees_the_same():
    _, port = services.redis_server()
    process, _ = live.workload("dialler", port)
    command = traced([process.pid])
    before = services.redis_connections(port)
    process.stdin.write("10007\n")
    process.stdin.flush()
    process.stdout.readline()
    after = services.redis_connections(port)
    report = report_of(command)
    seen, made = total(report, "connects", f"127.0.0.1:{port}"), after - before - 1
    expect(seen == made == 10007 and report["lost"]["events"] == 0, f"connprof {seen}, Redis {made}, {report['lost']}")
    expect(total(report, "open_at_end") == 0, f"{report['sites']}")
    say("Redis", f"connprof {seen}, INFO {made}")


def a_service_out_of_descriptors():
    dial, peer = serve("0")
    process, _ = live.workload("flood", dial, 997, 0, 997,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (211, 211)))
    command = traced([process.pid])
    made, failed, without, _ = flooded(process)
    report = report_of(command)
    expect(made + without == 997 and failed == 0 and without > 700, f"{made}, {failed}, {without}")
    expect(total(report, "connects", peer) == total(report, "open_at_end", peer) == made, f"{report['sites']}")
    say("EMFILE", f"{made} of 997 made and counted, {without} without a descriptor never were connections")


def more_at_once_than_the_table_holds():
    """100,000 and some at once, by as many processes as it takes: the kernel's table has room for 65,536."""
    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100, 20000)
    each, rest = divmod(MANY, -(-MANY // limit))
    counts = [each + (i < rest) for i in range(-(-MANY // limit))]
    places = [serve(str(live.folder() / f"{i}.sock")) for i in range(len(counts))]
    processes = [live.workload("flood", place[0], count, 0, count)[0] for place, count in zip(places, counts)]
    command = traced([process.pid for process in processes])
    made = sum(flooded(process)[0] for process in processes)
    report = report_of(command)
    lost = report["lost"]
    expect(made == sum(counts) == MANY, f"{made} were made")
    expect(total(report, "connects") + lost["connects"] == MANY, f"{total(report, 'connects')} and {lost} of {MANY}")
    expect(total(report, "open_at_end") + lost["connects"] == MANY, f"{total(report, 'open_at_end')}")
    full = MANY - 65536
    expect(lost["events"] - lost["connects"] >= full, f"{lost}: {full} found no room in the table")
    say("100,000 open at once", f"{total(report, 'connects')} counted, {lost['connects']} lost, {lost['events']} events lost: "
        f"the ends of those that found no room in the table would not be seen")


CASES = [every_one_is_counted_at_20000_a_second, every_one_is_a_line, what_cannot_be_told_is_counted, tcpdump_sees_the_same, ss_sees_the_same_open,
         redis_sees_the_same, a_service_out_of_descriptors, more_at_once_than_the_table_holds]


def main():
    if os.geteuid() != 0:
        raise SystemExit("counting: must be root")
    for case in CASES:
        if sys.argv[1:] and case.__name__ not in sys.argv[1:]:
            continue
        try:
            case()
        except live.Failed as failure:
            raise SystemExit(f"FAILED {case.__name__}: {failure}") from None
        finally:
            live.clean_up()


if __name__ == "__main__":
    main()

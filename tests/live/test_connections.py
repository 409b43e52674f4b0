# SPDX-License-Identifier: BSD-2-Clause
"""Connections are counted exactly: a prime number over IPv4 and IPv6, failed, kept open, closed, by forked children, with
the stack that opened them."""
import os
import signal
import socket
import sys
import threading
import time

import cpythons
import live
import services
from live import bare, case, cases_for, expect

PRIME = 499


def traced(process, *arguments, before_end=lambda: None):
    """Traces a workload through its "go" to its "done"; returns the JSON of `trace`."""
    command = live.connprof_start("trace", "-p", process.pid, "--json", *arguments)
    live.go(process)
    expect(process.stdout.readline().strip() == "done", "the workload did not finish")
    before_end()
    time.sleep(0.3)
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    return live.check_json(result)


def sites_of(report, port):
    return [site for site in report["sites"] if site["peer"].endswith(f":{port}")]


def total(sites, field):
    return sum(site[field] for site in sites)


def stack_stands_at_each(report, acceptor, connects, wanted):
    sites = sites_of(report, acceptor.port)
    names = [[frame["function"] for frame in site["stack"] if frame["kind"] == "python"] for site in sites]
    expect(names == [wanted] and sites[0]["connects"] == connects, f"not {connects} at {wanted}: {names} {sites}")


@cases_for([4, 6])
def prime_number_of_connections_over_ip(family):
    acceptor = services.Acceptor(family)
    process, ready = live.workload("connects", family, acceptor.port, PRIME, 0, 0, 0)
    report = traced(process)
    sites = sites_of(report, acceptor.port)
    expect(total(sites, "connects") == PRIME, f"{total(sites, 'connects')} of {PRIME} were counted: {report}")
    expect(total(sites, "failed_connects") == 0 and total(sites, "open_at_end") == 0, f"{sites}")
    expect(len(sites) == 1, f"{len(sites)} sites for one line of code: {sites}")
    names = [bare(frame["function"]) for frame in sites[0]["stack"]]
    expect(ready["function"] in names and ready["caller"] in names[names.index(ready["function"]):], f"the stack: {names}")
    expect(names[-1] in ("main", "_start", "__libc_start_main", "__libc_start_call_main"), f"the stack is cut: {names}")
    expect(report["lost"]["events"] == 0, f"{report['lost']}")
    expect(live.answer(process)["opened"] == PRIME, "the workload's own count")


@case
def failed_connects_are_counted_apart():
    acceptor = services.Acceptor()
    process, _ = live.workload("connects", 4, acceptor.port, 31, 97, 0, 0)
    report = traced(process)
    expect(total(report["sites"], "failed_connects") == 97, f"{report['sites']}")
    expect(total(sites_of(report, acceptor.port), "connects") == 31, f"{report['sites']}")
    expect(total(sites_of(report, acceptor.port), "failed_connects") == 0, f"{report['sites']}")


@case
def connections_still_open_are_counted():
    acceptor = services.Acceptor()
    process, _ = live.workload("connects", 4, acceptor.port, 41, 0, 17, 0)
    report = traced(process)
    sites = sites_of(report, acceptor.port)
    expect(total(sites, "connects") == 41 and total(sites, "open_at_end") == 17, f"{sites}")


@case
def connections_of_forked_children_are_counted():
    acceptor = services.Acceptor()
    process, _ = live.workload("connects", 4, acceptor.port, 53, 7, 0, 5)
    report = traced(process)
    expect(total(sites_of(report, acceptor.port), "connects") == 53 * 6, f"{report['sites']}")
    expect(total(report["sites"], "failed_connects") == 7 * 6, f"{report['sites']}")
    expect(live.answer(process)["opened"] == 53 * 6, "the workload's own count")


@case
def connections_kept_by_an_exiting_process_are_not_open_at_the_end():
    acceptor = services.Acceptor()
    process, _ = live.workload("connects", 4, acceptor.port, 23, 0, 23, 0)

    def end():
        process.stdin.close()
        process.wait()
    command = live.connprof_start("trace", "-p", process.pid, "--json")
    live.go(process)
    process.stdout.readline()
    end()
    report = live.check_json(live.connprof_end(command).expect_status(0))
    sites = sites_of(report, acceptor.port)
    expect(total(sites, "connects") == 23 and total(sites, "open_at_end") == 0, f"{sites}")


@case
def data_read_after_the_connection_has_ended_makes_no_second_one():
    server = socket.create_server(("127.0.0.1", 0), backlog=64)

    def answer_and_close():
        for _ in range(17):
            connection, _ = server.accept()
            connection.sendall(b"late reading")
            connection.close()
    threading.Thread(target=answer_and_close, daemon=True).start()
    process, _ = live.workload("half_closed.py", server.getsockname()[1], 17)
    report = traced(process)
    counts = report["connections"]
    expect(counts == {"seen": 17, "open_before": 0, "accepted": 0}, f"{counts}")
    expect(live.answer(process)["bytes"] == 17 * 12, "what was read")


@case
def other_processes_connections_are_not_counted():
    acceptor = services.Acceptor()
    other, _ = live.workload("connects", 4, acceptor.port, 101, 0, 0, 0)
    process, _ = live.workload("connects", 4, acceptor.port, 11, 0, 0, 0)
    live.go(other)
    report = traced(process, before_end=lambda: live.answer(other))
    expect(total(sites_of(report, acceptor.port), "connects") == 11, f"{report['sites']}")


@cpythons.on_pythons(*cpythons.VERSIONS)
def python_stack_stands_at_each_connect(python):
    acceptor = services.Acceptor()
    process, ready = live.workload("caller.py", acceptor.port, PRIME, python=python.path)
    report = traced(process)
    sites = sites_of(report, acceptor.port)
    expect(total(sites, "connects") == PRIME and len(sites) == 1, f"{sites}")
    site = sites[0]["call_site"]
    expect(site and bare(site["function"]) == ready["function"] and site["line"] == ready["line"]
           and site["file"].endswith("caller.py"), f"the call site is {site}, not {ready}")
    names = [frame["function"] for frame in sites[0]["stack"] if frame["kind"] == "python"]
    expect(names == ["create_connection", "dial", "dial_all", "main", "<module>"], f"the stack: {names}")


@case
def a_child_that_has_gone_is_read_through_its_parent():
    """It is looked at while it lives; when its connect() is, it has gone, and its memory with it."""
    acceptor = services.Acceptor()
    process, _ = live.workload("gone.py", acceptor.port, "fork")
    command = live.connprof_start("trace", "-p", process.pid, "--json")
    live.go(process)
    expect(process.stdout.readline() == "forked\n", "the workload did not fork")
    time.sleep(0.5)
    os.kill(command.pid, signal.SIGSTOP)
    live.go(process)
    expect(process.stdout.readline() == "done\n", "the child did not come to its end")
    os.kill(command.pid, signal.SIGCONT)
    time.sleep(0.3)
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    live.answer(process)
    stack_stands_at_each(live.json.loads(result.out), acceptor, 1, ["create_connection", "dial", "child_dials", "main", "<module>"])


@case
def the_first_and_the_last_connection_of_a_script_have_their_call_site():
    """It connects before any event has told of its interpreter, and ends soon after the last: nobody waits for the reader."""
    acceptor = services.Acceptor()
    result = live.connprof("trace", "--json", "-o", "trace.json", "--", sys.executable, live.SCRIPTS / "script.py", acceptor.port, 3)
    result.expect_status(0)
    report = live.json.loads((live.folder() / "trace.json").read_text())
    stack_stands_at_each(report, acceptor, 3, ["create_connection", "<module>"])


@case
def what_was_named_of_a_process_that_has_gone_keeps_its_name():
    acceptor = services.Acceptor()
    process, _ = live.workload("gone.py", acceptor.port, "stay")
    command = live.connprof_start("trace", "-p", process.pid, "--json")
    live.go(process)
    expect(process.stdout.readline() == "done\n", "the workload did not connect")
    time.sleep(0.5)
    os.kill(command.pid, signal.SIGSTOP)
    live.go(process)
    expect(process.stdout.readline() == "done\n", "the workload did not connect again")
    live.go(process)
    process.wait(20)
    os.kill(command.pid, signal.SIGCONT)
    result = live.connprof_end(command, None).expect_status(0)
    stack_stands_at_each(live.json.loads(result.out), acceptor, 2, ["create_connection", "dial", "dials_twice", "main", "<module>"])


@case
def table_for_people_names_peer_and_call_site():
    acceptor = services.Acceptor()
    process, ready = live.workload("caller.py", acceptor.port, 13)
    command = live.connprof_start("trace", "-p", process.pid, "-f", "text")
    live.go(process)
    process.stdout.readline()
    time.sleep(0.2)
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    for wanted in (f"127.0.0.1:{acceptor.port}", "13", "dial", f"caller.py:{ready['line']}"):
        expect(wanted in result.out, f"{wanted!r} is not in the table: {result}")


@case
def trace_of_a_command_ends_with_it():
    acceptor = services.Acceptor()
    # Its stdin is empty: it begins, connects, and ends.
    result = live.connprof("trace", "--json", "-o", "trace.json", "--", live.WORKLOADS / "connects", 4, acceptor.port, 29, 0, 0, 0)
    result.expect_status(0)
    report = live.json.loads((live.folder() / "trace.json").read_text())
    expect(total(sites_of(report, acceptor.port), "connects") == 29, f"{report['sites']}")


if __name__ == "__main__":
    live.main()

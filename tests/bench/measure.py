# SPDX-License-Identifier: BSD-2-Clause
"""The instruments of the bench: run times of our BPF programs, CPU time of processes, interleaved pairs."""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))
import live  # noqa: E402  (the live cases' helpers: same targets, same command)

PAIRS = int(os.environ.get("BENCH_PAIRS", "5"))
STATS = "/proc/sys/kernel/bpf_stats_enabled"


class KernelStatistics:
    """Turns the kernel's own accounting of BPF programs on (off, for the whole bench: somebody may have left it on), and back to what it
    was. It adds 50-100 ns to each run itself."""

    def __init__(self, wanted="1"):
        self.wanted = wanted

    def __enter__(self):
        with open(STATS, encoding="ascii") as setting:
            self.before = setting.read()
        with open(STATS, "w", encoding="ascii") as setting:
            setting.write(self.wanted)
        return self

    def __exit__(self, *_):
        with open(STATS, "w", encoding="ascii") as setting:
            setting.write(self.before)


def programs(pid):
    """{program id: (name, run time ns, runs)} of the BPF programs that process pid holds, as the kernel accounts them."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
                ids |= {line.split()[1] for line in info if line.startswith("prog_id:")}
        except OSError:
            continue
    found = {}
    for number in ids:
        shown = subprocess.run(["/usr/sbin/bpftool", "prog", "show", "id", number, "-j"], capture_output=True, text=True, check=False)
        if shown.returncode == 0:
            entry = json.loads(shown.stdout)
            found[number] = (entry.get("name", "?"), entry.get("run_time_ns", 0), entry.get("run_cnt", 0))
    return found


def ran(before, after, name=None):
    """(ns, runs) between two calls of programs(); only of programs whose name contains `name`."""
    nanoseconds = runs = 0
    for number, (called, time_ns, count) in after.items():
        if name is None or name in called:
            first = before.get(number, (called, 0, 0))
            nanoseconds += time_ns - first[1]
            runs += count - first[2]
    return nanoseconds, runs


def cpu_seconds(pid):
    """CPU time used by a process and its children that live: the scheduler's own nanoseconds."""
    total = 0
    for process in [pid, *descendants(pid)]:
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/schedstat", encoding="ascii") as stat:
                    total += int(stat.read().split()[0])
        except OSError:
            continue
    return total / 1e9


def descendants(pid):
    found, frontier = [], [pid]
    while frontier:
        parent = frontier.pop()
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as listed:
                    children = [int(child) for child in listed.read().split()]
                found += children
                frontier += children
        except OSError:
            continue
    return found


class Connprof:
    """connprof beside a target: attached when __enter__ returns, ended by SIGINT. After it: own CPU, peak RSS, summary."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        self.process = live.connprof_start(*self.arguments)
        return self

    def __exit__(self, *_):
        os.kill(self.process.pid, signal.SIGINT)
        self.output, self.summary = self.process.stdout.read(), self.process.stderr.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.own_cpu = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024
        if self.process.returncode not in (0, 1, 4):
            raise SystemExit(f"connprof {self.arguments}: status {self.process.returncode}: {self.summary}")


class Nothing:
    """Stands in connprof's place in a null run: what differs then is noise. Waits as long as an attach takes."""

    def __init__(self, *_):
        self.own_cpu = self.peak_mb = float("nan")
        self.summary = self.output = ""

    def __enter__(self):
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        pass


class NotHere(Exception):
    """This machine cannot run it."""


class Tool:
    """Another tool beside the target, given some seconds to attach."""

    def __init__(self, *command, settle=1.5):
        self.command, self.settle = command, settle

    def __enter__(self):
        said = live.folder() / "tool.err"
        with open(said, "wb") as err:
            self.process = live.start(*self.command, stdout=subprocess.DEVNULL, stderr=err, stdin=subprocess.DEVNULL)
        time.sleep(self.settle)
        if self.process.poll() is not None:
            lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
            why = "; ".join(line.strip() for line in lines if "rror" in line or "nable" in line or "xception:" in line or "o such" in line)
            raise NotHere(f"ended at once with status {self.process.returncode}{': ' if why else ''}{why}")
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def ratios(measure, beside, pairs=PAIRS):
    """Interleaved runs without and with `beside` (a function that gives a context manager): the ratios with/without of
    what measure() returns (a dict of numbers), one list per key; the order within a pair alternates."""
    found = {}
    for number in range(pairs):
        values = {}
        for with_it in ((False, True) if number % 2 == 0 else (True, False)):
            context = beside() if with_it else Nothing()
            with context:
                values[with_it] = measure()
        for key, value in values[True].items():
            if values[False][key]:
                found.setdefault(key, []).append(value / values[False][key])
    return found


def spread(values, digits=3):
    """median [min..max]"""
    values = [value for value in values if value == value]
    if not values:
        return "not measured"
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}..{max(values):.{digits}f}]"

# SPDX-License-Identifier: BSD-2-Clause
"""What looking at waits costs: a switch of the target, a switch of anybody else, and a Redis server that switches all the time."""
import os
import shutil
import signal
import subprocess
import sys
import time

import measure
from measure import Connprof, KernelStatistics, NotHere, Nothing, Tool, live, ran, ratios, spread

sys.path.insert(0, str(measure.HERE.parent / "live"))
import services  # noqa: E402

# The nearest that bpftrace does without kprobes: the target's user stack when it leaves, its time when it is back.
BPFTRACE = """
tracepoint:sched:sched_switch {
    if (pid == PID) { @start[tid] = nsecs; @stack[tid] = ustack; }
    $start = @start[args->next_pid];
    if ($start) { @ns[@stack[args->next_pid]] = sum(nsecs - $start); delete(@start[args->next_pid]); }
}
"""


class Bpftrace:
    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        program = BPFTRACE.replace("PID", str(self.pid)) + 'BEGIN { printf("attached\\n"); }'
        self.process = live.start("bpftrace", "-e", program, stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        while line and "attached" not in line:
            line = self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        os.kill(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=60)


def switches_of(pid):
    """Context switches of a process so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            total += sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)
    return total


def per_switch(what, target, player):
    """Runs of our program at each switch of the host while `player` plays ping-pong, beside a recording of `target`."""
    with KernelStatistics(), Connprof("record", "--mode", "offcpu", "-p", target.pid, "-o", "x.folded") as running:
        before, switched = measure.programs(running.process.pid), switches_of(player.pid)
        live.go(player)
        player.stdout.readline()
        after, switched = measure.programs(running.process.pid), switches_of(player.pid) - switched
    ns, runs = ran(before, after, "switched")
    woken, wakings = ran(before, after, "waking")
    walked = [line for line in running.summary.splitlines() if "walked" in line]
    return [what, f"{switched}", f"{ns / runs:.0f}", f"{woken / wakings:.0f}", walked[0].split(" waits")[0] if walked else "0"]


def cost_rows():
    rows = []
    process, _ = live.workload("pingpong.py")
    rows.append(per_switch("the target's", process, process))
    live.clean_up()
    idle, _ = live.workload("threads")
    player, _ = live.workload("pingpong.py")
    rows.append(per_switch("anybody else's", idle, player))
    live.clean_up()
    return rows


def redis_rate(pid, port):
    cpu = measure.cpu_seconds(pid)
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "40000", "-c", "20", "-t", "get", "--csv"],
                          capture_output=True, text=True, check=True).stdout
    rate = float([line for line in done.splitlines() if line.startswith('"GET')][0].split(",")[1].strip('"'))
    return {"a second": rate, "a CPU second": 40000 / (measure.cpu_seconds(pid) - cpu)}


# Other tools that sum up the time off the CPU of one process by stack, kernel and user; the second compiles its program at each start.
OFFCPUTIMES = [("offcputime (libbpf-tools)", "offcputime", 1.5), ("offcputime (bcc)", "offcputime-bpfcc", 5)]


def companions(pid):
    choices = {"nothing (null)": Nothing,
               "record --mode offcpu": lambda: Connprof("record", "--mode", "offcpu", "-p", pid, "-o", "x.folded"),
               "record --mode wall --wakers": lambda: Connprof("record", "--mode", "wall", "--wakers", "-p", pid, "-o", "x.folded")}
    if shutil.which("bpftrace"):
        choices["bpftrace, user stacks at sched_switch"] = lambda: Bpftrace(pid)
    for name, command, settle in OFFCPUTIMES:
        path = shutil.which(command, path="/usr/sbin:/usr/share/bcc/tools")
        if path:
            choices[name] = lambda path=path, settle=settle: Tool(path, "-p", str(pid), settle=settle)
    return choices


def own_cpu(process, port, beside):
    with beside() as running:
        started = time.monotonic()
        redis_rate(process.pid, port)
        passed = time.monotonic() - started
    return f"{100 * running.own_cpu / passed:.1f} %"


def service_rows():
    """The table's rows, and why one of them could not be measured: name: reason."""
    process, port = services.redis_server()
    redis_rate(process.pid, port)
    rows, missing = [], {}
    for name, beside in companions(process.pid).items():
        try:
            found = ratios(lambda: redis_rate(process.pid, port), beside, min(measure.PAIRS, 4))
        except NotHere as why:
            missing[name] = str(why)
            rows.append([name] + ["does not run here"] * 2 + [""])
            continue
        own = own_cpu(process, port, beside) if name.startswith("record") else ""
        rows.append([name, spread(found["a second"]), spread(found["a CPU second"]), own])
    live.clean_up()
    return rows, missing

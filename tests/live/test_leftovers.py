# SPDX-License-Identifier: BSD-2-Clause
"""Nothing stays behind: no BPF program, map or link, no process, no file, however connprof ends."""
# LIMIT_SECONDS = 120
import os
import signal
import time

import live
import services
from live import case, expect


def nothing_new_since(before):
    """Waits for the kernel to let go of everything loaded since. What another living process holds is its own; what is there,
    held by nobody, at every look for five seconds is a leak."""
    suspects = None
    for _ in range(50):
        held = services.held_bpf_objects()
        loose = {key: name for key, name in services.bpf_objects().items() if key not in before and key not in held}
        suspects = loose if suspects is None else {key: name for key, name in suspects.items() if key in loose}
        if not suspects:
            return
        time.sleep(0.1)
    raise live.Failed(f"still loaded: {suspects}")


def commands(target):
    return (["record", "-p", target, "-d", "1", "-o", "x.folded"], ["trace", "-p", target, "-d", "1"],
            ["check", "-p", target, "-d", "1", "--min-requests", "0"], ["dump", "-p", target], ["doctor"])


@case
def bpf_objects_are_gone_after_each_command():
    target, _ = live.workload("split")
    before = services.bpf_objects()
    for command in commands(target.pid):
        live.connprof(*command).expect_status(0, 4)
        nothing_new_since(before)


@case
def bpf_objects_are_there_while_it_runs():
    # So that the other cases prove something.
    target, _ = live.workload("split")
    before = services.bpf_objects()
    process = live.connprof_start("record", "-p", target.pid, "-o", "x.folded")
    new = [key for key in services.bpf_objects() if key not in before]
    kinds = {kind for kind, _ in new}
    expect({"prog", "map"} <= kinds, f"bpftool shows {new} while connprof runs")
    live.connprof_end(process, signal.SIGINT).expect_status(0)
    nothing_new_since(before)


@case
def bpf_objects_are_gone_after_sigkill():
    target, _ = live.workload("split")
    before = services.bpf_objects()
    for delay in (0.02, 0.06, 0.1, 0.15, 0.25, 0.6):
        for command in ("record", "trace", "check"):
            extra = ["-o", "x.folded"] if command == "record" else []
            process = live.start(live.CONNPROF, command, "-p", target.pid, *extra, cwd=live.folder())
            time.sleep(delay)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    nothing_new_since(before)
    expect(target.poll() is None, "the target ended with it")


@case
def target_runs_on_unharmed_after_sigkill_of_connprof():
    target, _ = live.workload("split")
    process = live.connprof_start("record", "-p", target.pid, "-o", "x.folded", "-r", 999)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    first = live.subprocess.check_output(["cat", f"/proc/{target.pid}/schedstat"], text=True).split()[0]
    time.sleep(0.4)
    second = live.subprocess.check_output(["cat", f"/proc/{target.pid}/schedstat"], text=True).split()[0]
    expect(int(second) > int(first), "the target does not run")
    expect(live.answer(target)["alpha"] > 0, "the target's answer")


@case
def failed_attach_leaves_nothing():
    before = services.bpf_objects()
    child = live.subprocess.Popen(["true"])
    child.wait()
    live.connprof("record", "-p", child.pid, "-d", 1).expect_status(3)
    nothing_new_since(before)
    expect(not os.listdir(live.folder()), f"files: {os.listdir(live.folder())}")


@case
def nothing_is_pinned():
    target, _ = live.workload("split")
    process = live.connprof_start("check", "-p", target.pid)
    found = []
    for root, _, files in os.walk("/sys/fs/bpf"):
        found += [f"{root}/{name}" for name in files if "connprof" in name]
    live.connprof_end(process, signal.SIGINT)
    expect(not found, f"pinned: {found}")


@case
def system_settings_are_unchanged():
    names = ["kernel/perf_event_paranoid", "kernel/bpf_stats_enabled", "kernel/kptr_restrict", "kernel/perf_event_max_sample_rate",
             "kernel/unprivileged_bpf_disabled", "net/core/bpf_jit_enable"]
    def read():
        return {name: open(f"/proc/sys/{name}").read() for name in names if os.path.exists(f"/proc/sys/{name}")}
    target, _ = live.workload("split")
    before = read()
    for command in commands(target.pid):
        live.connprof(*command)
    expect(read() == before, f"{before} became {read()}")


@case
def memory_does_not_grow_with_time():
    target, _ = live.workload("threads.py")
    process = live.connprof_start("record", "-p", target.pid, "-o", "x.folded", "-r", 199)
    def rss():
        for line in open(f"/proc/{process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0
    time.sleep(2)
    early = rss()
    time.sleep(6)
    late = rss()
    live.connprof_end(process, signal.SIGINT).expect_status(0)
    expect(late - early < 3000, f"{early} KB became {late} KB in six seconds of the same stacks")


if __name__ == "__main__":
    live.main()

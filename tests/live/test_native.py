# SPDX-License-Identifier: BSD-2-Clause
"""Native programs built without frame pointers: shares of CPU time, complete stacks, signals, vdso, threads, several PIDs."""
import math
import time

import live
from live import bare, case, cases_for, expect

ROOTS = ("main", "_start", "__libc_start_main", "__libc_start_call_main", "clone", "clone3", "__clone3", "start_thread",
         "__libc_start_main_impl", "__libc_start_main@@GLIBC_2.34")


def shares_agree(folded, truth, others=0.0):
    """Each function's share of the samples lies within four standard deviations (and a half point) of its measured share
    of CPU time."""
    spent = sum(truth.values())
    found = {name: folded.with_frame(name) for name in truth}
    total = sum(found.values())
    expect(total >= folded.total * (1 - others) * 0.97, f"only {total} of {folded.total} samples are in {list(truth)}: {folded}")
    for name, nanoseconds in truth.items():
        wanted = nanoseconds / spent
        allowed = 4 * math.sqrt(wanted * (1 - wanted) / total) + 0.005
        share = found[name] / total
        expect(abs(share - wanted) <= allowed,
               f"{name}: {share:.3f} of the samples, {wanted:.3f} of the CPU time (±{allowed:.3f}, {total} samples)")


@case
def cpu_time_split_is_found_within_sampling_error():
    process, ready = live.workload("split")
    folded = live.record(process.pid, "-r", "499", seconds=4)
    truth = live.answer(process)
    shares_agree(folded, {name: truth[name] for name in ready["functions"]})


@case
def threads_and_processes_shorter_than_a_period_get_their_share():
    process, ready = live.workload("shortlived")
    folded = live.record(process.pid, "-r", "199", seconds=4)
    truth = live.answer(process)
    found = {name: folded.with_frame(name) for name in ready["functions"]}
    # The workload counts from its start to its end, the tool looks for most of that.
    expected = 199 * truth["burn_in_thread"] / 1e9
    expect(found["burn_in_thread"] > 0.6 * expected, f"threads are missed: {found} of {expected:.0f} {folded}")
    shares_agree(folded, {name: truth[name] for name in ready["functions"]}, others=0.3)


@case
def callers_stand_above_their_functions():
    process, _ = live.workload("split")
    folded = live.record(process.pid, "-r", "199", seconds=2)
    live.answer(process)
    for name, caller in (("alpha", "call_alpha"), ("beta", "call_beta"), ("gamma_work", "call_gamma")):
        for frames, count in folded.stacks:
            names = [bare(frame) for frame in frames]
            if name in names:
                at = names.index(name)
                expect(names[at - 1] == caller and "main" in names[:at], f"{count} samples of {name} under {names}")


@case
def samples_come_at_the_asked_rate():
    process, _ = live.workload("split")
    before = live.subprocess.run(["cat", f"/proc/{process.pid}/schedstat"], capture_output=True, text=True, check=True).stdout
    started = time.monotonic()
    folded = live.record(process.pid, "-r", "99", seconds=3)
    passed = time.monotonic() - started
    after = live.subprocess.run(["cat", f"/proc/{process.pid}/schedstat"], capture_output=True, text=True, check=True).stdout
    cpu = (int(after.split()[0]) - int(before.split()[0])) / 1e9
    # One sample per 1/99 s of CPU time while attached; the CPU time was read over a slightly longer window.
    low, high = 99 * cpu * (3 / passed) * 0.75, 99 * cpu * 1.05 + 3
    expect(low <= folded.total <= high, f"{folded.total} samples in {cpu:.2f} s of CPU time, {passed:.2f} s in all")


@cases_for([100, 300])
def deep_stack_is_complete(depth):
    process, _ = live.workload("deep", depth)
    folded = live.record(process.pid, seconds=2)
    exact = folded.count(lambda frames: sum(bare(f) == "recurse" for f in frames) == depth
                         and any(bare(f) == "main" for f in frames))
    # The loop at the bottom also asks poll() whether it is over: that is inside the deepest recurse.
    expect(exact == folded.total, f"{exact} of {folded.total} stacks hold {depth} calls and main: {str(folded)[:1500]}")


@case
def stack_deeper_than_the_limit_says_so():
    process, _ = live.workload("deep", 2000)
    folded = live.record(process.pid, seconds=1)
    expect(folded.share(lambda frames: "leaf" in map(bare, frames)) > 0.9, f"the leaf side was lost: {str(folded)[:500]}")
    expect(folded.count(lambda frames: frames[0].startswith("[cut") or frames[1].startswith("[cut")) == folded.total,
           f"a cut stack is not marked: {folded.stacks[0][0][:3]}")
    expect("deep" in folded.summary, f"the summary does not say why stacks are incomplete: {folded.summary}")


@case
def a_frame_only_an_expression_describes_is_finished_by_libunwind():
    process, ready = live.workload("expression", 12)
    folded = live.record(process.pid, "-r", "199", seconds=2)
    shape = ["main"] + ["above"] * (ready["depth"] + 1) + ["realigned"] + ["below"] * 11 + ["burn"]
    good = folded.count(lambda frames: any([bare(f) for f in frames][i:i + len(shape)] == shape for i in range(6)))
    expect(good >= folded.total * 0.99, f"{good} of {folded.total} stacks go through the expression exactly: {folded}")
    expect("100.0 % complete" in folded.summary, f"not complete: {folded.summary}")


@case
def signal_handler_stack_continues_into_the_interrupted_code():
    process, ready = live.workload("signals")
    folded = live.record(process.pid, "-r", "199", seconds=2)
    inside = folded.with_frame(ready["handler"])
    expect(inside > folded.total * 0.2, f"hardly any sample in the handler: {folded}")
    through = folded.count(lambda frames: ready["handler"] in map(bare, frames) and "main" in map(bare, frames))
    expect(through == inside, f"{through} of {inside} handler stacks reach main: {folded}")


@case
def vdso_stacks_reach_main():
    process, ready = live.workload("vdso")
    folded = live.record(process.pid, seconds=2)
    # Now and then main() asks by poll() whether it is over: a slow machine sees that too.
    good = folded.count(lambda frames: {ready["caller"], "workload_over"} & set(map(bare, frames)) and "main" in map(bare, frames))
    expect(good >= folded.total * 0.99, f"{good} of {folded.total} stacks hold the caller and main: {folded}")
    expect(folded.share(lambda frames: bare(frames[-1]) != ready["caller"]) > 0.3, f"no sample inside the vdso: {folded}")


@case
def every_thread_of_500_is_sampled():
    process, _ = live.workload("threads", 500, 40)
    folded = live.record(process.pid, "-t", "-r", "199", seconds=3)
    spinning = {frame for frames, _ in folded.stacks for frame in frames if "spin-" in frame}
    expect(len(spinning) >= 36, f"{len(spinning)} of 40 spinning threads were seen: {folded}")
    expect(folded.share(lambda frames: "thread_spin" in map(bare, frames)) > 0.8, f"not in thread_spin: {folded}")
    live.answer(process)


@case
def threads_started_after_the_attach_are_sampled():
    process = live.start(live.CONNPROF, "record", "-d", 3, "-o", live.folder() / "out.folded", "--",
                         live.WORKLOADS / "threads", 6, 6, stdin=live.open_stdin(), stderr=live.subprocess.PIPE)
    live.connprof_end(process, timeout=40).expect_status(0)
    folded = live.Folded((live.folder() / "out.folded").read_text())
    expect(folded.with_frame("thread_spin") > 50, f"new threads were not sampled: {folded}")


@case
def two_pids_are_both_recorded():
    first, _ = live.workload("deep", 3)
    second, _ = live.workload("split")
    folded = live.record([first.pid, second.pid], seconds=2)
    expect(folded.with_frame("recurse") > 10, f"the first is missing: {folded}")
    expect(folded.with_frame("alpha") > 10, f"the second is missing: {folded}")
    mixed = folded.count(lambda frames: "recurse" in map(bare, frames) and "alpha" in map(bare, frames))
    expect(mixed == 0, "frames of the two processes are in one stack")


@case
def a_process_not_named_is_not_recorded():
    other, _ = live.workload("deep", 3)
    named, _ = live.workload("split")
    folded = live.record(named.pid, seconds=1)
    expect(folded.with_frame("recurse") == 0, f"samples of another process: {folded}")
    expect(other.poll() is None, "the bystander ended")


@case
def second_connprof_on_the_same_target_sees_the_same():
    process, _ = live.workload("split")
    first = live.connprof_start("record", "-p", process.pid, "-d", 4, "-r", 99, "-o", "first.folded")
    second = live.connprof_start("record", "-p", process.pid, "-d", 2, "-r", 99, "-o", "second.folded")
    live.connprof_end(second).expect_status(0)
    live.connprof_end(first).expect_status(0)
    for name in ("first.folded", "second.folded"):
        folded = live.Folded((live.folder() / name).read_text())
        expect(folded.with_frame("alpha") > 20, f"{name}: {folded}")


if __name__ == "__main__":
    live.main()

# SPDX-License-Identifier: BSD-2-Clause
"""Time off the CPU: how long, where, and for what, against workloads that know it by their own clocks."""
import json
import pathlib
import re
import signal
import time

import cpythons
import live
import pprof
from live import bare, case, expect

LIMIT_SECONDS = 60

# What each function of the workload waits for. The rest of its time off the CPU may be the run queue and the GIL.
REASONS = {
    "in_sleep": r"waiting: sleep", "in_lock": "waiting: lock", "in_pipe": "waiting: pipe", "in_epoll": "waiting: epoll",
    "in_child": "waiting: child", "in_fsync": "waiting: disk synced.log", "in_run_queue": "run queue",
}


def leaf(frames):
    return frames[-1][1:-1] if frames[-1].startswith("[") else ""


def times(folded, function):
    """Microseconds by what the stacks under a function wait for."""
    found = {}
    for frames, count in folded.stacks:
        if any(bare(frame) == function for frame in frames):
            found[leaf(frames)] = found.get(leaf(frames), 0) + count
    return found


def watch(workload, *arguments):
    """Records while the workload runs its functions, and a little longer; the folded stacks, with the summary."""
    path = live.folder() / "out.folded"
    recorder = live.connprof_start("record", "-p", workload.pid, "-o", path, *arguments)
    begun = time.monotonic()
    live.go(workload)
    line = workload.stdout.readline()
    expect(line == "done\n", f"the workload said {line!r}")
    seconds = time.monotonic() - begun
    result = live.connprof_end(recorder, signal.SIGINT).expect_status(0)
    folded = live.Folded(path.read_text(encoding="utf-8"))
    folded.summary, folded.seconds = result.err, seconds
    return folded


def agrees(folded, function, truth, reason, tolerance=0.04):
    """All the time a function was off the CPU is there, and at least 95 % of what it was blocked has the right reason."""
    found = times(folded, function)
    micros, wanted = sum(found.values()), truth / 1000
    expect(abs(micros - wanted) <= tolerance * wanted + 3000, f"{function}: {micros} us off the CPU, {wanted:.0f} by its own clock: {found} {folded.summary}")
    blocked = sum(count for name, count in found.items() if name not in ("run queue", "waiting: GIL") or name == reason)
    expect(blocked and found.get(reason, 0) >= 0.95 * blocked, f"{function}: not '{reason}' but {found}")


@case
def each_reason_has_its_true_time():
    process, ready = live.workload("waits.py", live.folder())
    folded = watch(process, "--mode", "offcpu")
    truth = live.answer(process)
    for function, reason in REASONS.items():
        if function == "in_fsync" and truth[function] < 5e5:  # a file system in memory has nothing to wait for
            continue
        agrees(folded, function, truth[function], reason)
    agrees(folded, "in_socket", truth["in_socket"], f"waiting: socket 127.0.0.1:{ready['peer']}")
    agrees(folded, "in_polled_socket", truth["in_polled_socket"], f"waiting: socket 127.0.0.1:{ready['polled']}")
    agrees(folded, "doomed", truth["doomed"], "waiting: sleep")
    # A thread that stands still all along is there for the whole window.
    still = times(folded, "forever_in_pipe")
    expect(still.get("waiting: pipe", 0) >= folded.seconds * 1e6 * 0.97, f"blocked over the whole window: {still}, {folded.seconds:.2f} s")
    expect("off the CPU" in folded.summary, folded.summary)


@cpythons.on_pythons(*cpythons.VERSIONS[2:])  # the workload is written for 3.8
def the_gil_is_told_from_other_locks(python):
    process, _ = live.workload("waits.py", live.folder(), "gil", "lock", python=python.path)
    folded = watch(process, "--mode", "offcpu")
    truth = live.answer(process)
    found = times(folded, "in_gil")
    micros, wanted = sum(found.values()), truth["in_gil"] / 1000
    expect(abs(micros - wanted) <= 0.04 * wanted + 3000, f"in_gil: {micros} us, {wanted:.0f} by its own clock: {found} {folded.summary}")
    blocked = micros - found.get("run queue", 0) - found.get("waiting: sleep", 0)
    expect(blocked > 0 and found.get("waiting: GIL", 0) >= 0.95 * blocked, f"not the GIL: {found}")
    agrees(folded, "in_lock", truth["in_lock"], "waiting: lock")


@cpythons.on_pythons(*(f"3.{minor}" for minor in range(8, 16)))
def who_waits_for_the_gil_who_holds_it_and_how_long(python):
    process, _ = live.workload("waits.py", live.folder(), "gil", python=python.path)
    path = live.folder() / "gil.pb.gz"
    recorder = live.connprof_start("record", "-p", process.pid, "-o", path, "--gil-wait", "-r", "499")
    live.go(process)
    expect(process.stdout.readline() == "done\n", "the workload did not end its work")
    live.connprof_end(recorder, signal.SIGINT).expect_status(0)
    truth = live.answer(process)
    by_wait, by_holder = {}, {}
    for sample in pprof.read(path):
        names = [name.rpartition(".")[2] for name in sample.functions]  # innermost first: the holder's before what waits for it
        if "in_gil" not in names:
            continue
        kind, ms = sample.labels.get("wait"), sample.values["offcpu"] / 1e6
        by_wait[kind] = by_wait.get(kind, 0) + ms
        if kind == "GIL":
            holds = names[:names.index("--")]
            who = "hold" if "hold" in holds else holds[0]
            by_holder[who] = by_holder.get(who, 0) + ms
    wanted = truth["in_gil"] / 1e6
    expect(abs(sum(by_wait.values()) - wanted) <= 0.04 * wanted + 3, f"{by_wait} ms, {wanted:.1f} by its own clock")
    # Besides it sleeps for 1 ms each time, and may wait for a CPU.
    blocked = sum(by_wait.values()) - by_wait.get("run queue", 0) - by_wait.get("sleep", 0)
    expect(by_wait.get("GIL", 0) >= 0.95 * blocked >= 20, f"not the GIL: {by_wait}")
    # Where the holder itself waits for a CPU it cannot be sampled, and nothing is guessed.
    sampled = sum(by_holder.values()) - by_holder.get("[holder not sampled]", 0)
    expect(by_holder.get("hold", 0) >= 0.9 * sampled > 0, f"not what holds it meanwhile: {by_holder}")
    summary = live.connprof("report", path).expect_status(0).out
    rows = re.findall(r"GIL held by thread (\d+) of (\d+) when (\d+) waits began: ([\d.]+) s, the longest ([\d.]+) ms", summary)
    by_thread = {int(tid): float(seconds) * 1e3 for tid, pid, _, seconds, _ in rows if int(pid) == process.pid}
    expect(by_thread.get(truth["holder"], 0) >= 0.8 * by_wait["GIL"], f"thread {truth['holder']} holds it: {summary}")
    # As a flame graph: only these waits, the holder's stack on top.
    folded = live.Folded(live.connprof("report", path, "-f", "folded", "--wait", "GIL").expect_status(0).out)
    expect(folded.total and all("[waiting: GIL]" in frames and "--" in frames for frames, _ in folded.stacks), f"{folded}")


@case
def wakers_stand_behind_the_wait_that_they_ended():
    process, _ = live.workload("waits.py", live.folder(), "sleep", "lock", "pipe", "child")
    folded = watch(process, "--mode", "offcpu", "--wakers")
    live.answer(process)

    def by_waker(function):
        found = {}
        for frames, count in folded.stacks:
            names = [bare(frame) for frame in frames]
            if function in names and "--" in names:
                behind = names[names.index("--") + 1:]
                who = next((name for name in ("hold", "write") if name in "".join(behind[-4:]) and len(behind) > 2), behind[0])
                found[who] = found.get(who, 0) + count
        return found

    for function, waker in (("in_sleep", "[timer]"), ("in_lock", "hold"), ("in_pipe", "write"), ("in_child", "[woken by sleep]")):
        found = by_waker(function)
        expect(found.get(waker, 0) >= 0.9 * sum(found.values()) > 0, f"{function} was woken by {found}: {folded}")


@case
def wall_is_both_in_one_unit():
    process, _ = live.workload("threads")
    path = live.folder() / "wall.pb.gz"
    recorded = live.connprof("record", "--mode", "wall", "-p", process.pid, "-d", "1", "-o", path).expect_status(0)
    parts = {}
    for mode in ("wall", "cpu", "offcpu"):
        out = live.folder() / f"{mode}.folded"
        live.connprof("report", path, "--mode", mode, "-o", out).expect_status(0)
        parts[mode] = live.Folded(out.read_text(encoding="utf-8"))
    expect(parts["wall"].total == parts["cpu"].total + parts["offcpu"].total, f"{[str(p.total) for p in parts.values()]}")
    threads = len(list(pathlib.Path(f"/proc/{process.pid}/task").iterdir()))
    seconds = float(re.search(r"samples in ([\d.]+) s", recorded.err).group(1))  # a slow machine is late to end it
    wanted = threads * seconds * 1e6
    # On the CPU it is sampled, off it measured: together about what passed in each thread.
    expect(abs(parts["wall"].total - wanted) <= 0.15 * wanted, f"{ {mode: part.total for mode, part in parts.items()} } us in {threads} threads in {seconds} s: {recorded.err}")


@case
def what_is_left_out_keeps_the_sum():
    process, _ = live.workload("pingpong.py", "300")  # the kernel's clock is wrong by 5 to 9 us a switch: 3 % of this, 9 % of 100 us
    folded = watch(process, "--mode", "offcpu")
    truth = live.answer(process)
    found = times(folded, "pong")
    wanted = truth["pong"] / 1000
    expect("too many to walk" in folded.summary, f"{truth['switches']} switches were all walked: {folded.summary}")
    expect(abs(sum(found.values()) - wanted) <= 0.05 * wanted + 3000, f"{found} us, {wanted:.0f} by its own clock: {folded.summary}")


@cpythons.on_pythons("3.8", "3.11", "3.14")
def long_waits_that_are_not_walked_are_their_own_functions(python):
    """They are told of, with what was walked before in the same place: of the interpreter's functions, too."""
    process, _ = live.workload("places.py", python=python.path)
    folded = watch(process, "--mode", "offcpu")
    truth = live.answer(process)
    expect("too many to walk" in folded.summary, f"all were walked: {folded.summary}")
    for function, nanoseconds in truth.items():
        found = sum(times(folded, function).values())
        expect(abs(found - nanoseconds / 1000) <= 0.1 * nanoseconds / 1000, f"{function}: {found} us, by its own clock {nanoseconds // 1000}")


@case
def no_wait_is_lost_on_a_busy_machine():
    """Each of two hundred is there, one by one: in a sum a lost one would not show. Shorter ones than 10 ms may be in their thread's
    sums only."""
    process, _ = live.workload("waits.py", live.folder(), "children")
    events = live.folder() / "out.events.jsonl"
    folded = watch(process, "--mode", "offcpu", "--no-children", "--events", events)
    spans = live.answer(process)["spans"]
    lines = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    start = lines[0]["start_ns"]
    waits = [(start + line["t"] - line["ns"], start + line["t"]) for line in lines
             if line.get("event") == "offcpu" and line["tid"] == process.pid]
    short = []
    for begun, ended in spans:
        found = sum(max(0, min(to, ended) - max(since, begun)) for since, to in waits)
        if ended - begun > 11e6 and ended - begun - found > 3e6:
            short.append(((ended - begun) / 1e6, found / 1e6))
    expect(len(spans) == 200 and not short, f"{len(short)} of {len(spans)} waits are not there in full (ms, found): {short} {folded.summary[-600:]}")


@case
def short_waits_are_left_out_when_asked():
    process, ready = live.workload("waits.py", live.folder(), "sleep", "child")
    folded = watch(process, "--mode", "offcpu", "--min-block", "20ms")
    live.answer(process)
    expect(not times(folded, "in_sleep") or max(times(folded, "in_sleep").values()) < 100000, f"{times(folded, 'in_sleep')} {ready}")
    expect(times(folded, "in_child").get("waiting: child", 0) > 100000, f"{folded}")
    expect("left out as shorter than 20.000 ms" in folded.summary, folded.summary)


if __name__ == "__main__":
    live.main()

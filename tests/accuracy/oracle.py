# SPDX-License-Identifier: BSD-2-Clause
"""Recordings of tree.py in many interpreters at once, each stack judged by what that process said is legal."""
import collections
import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import legal  # noqa: E402
import live  # noqa: E402


class Verdict:
    """How the stacks of one interpreter were judged: samples by what legal.judge says, the worst examples of each."""

    def __init__(self):
        self.counts, self.examples = collections.Counter(), {}

    def add(self, judged, frames, count):
        self.counts[judged] += count
        if judged != "right":
            shown = self.examples.setdefault(judged, [])
            shown.append((count, ";".join(frames)))

    @property
    def samples(self):
        return sum(self.counts.values())

    @property
    def impossible(self):
        return sum(count for judged, count in self.counts.items() if judged.startswith("impossible"))

    def worst(self, judged):
        """Lines for a person: the commonest stacks that were judged so."""
        return [f"  {count} {stack[-900:]}" for count, stack in sorted(self.examples.get(judged, []), reverse=True)[:3]]


def record_held(processes, arguments, seconds):
    """Records to a folded file: (its path, connprof's summary). The targets run only meanwhile, and stand still then until
    live.clean_up: they would take all of the CPU from connprof and from us."""
    path = live.folder() / "out.folded"
    command = ["record", "-o", path, "-d", seconds, *arguments]
    for process in processes:
        command += ["-p", process.pid]
    recorder = live.connprof_start(*command)
    for process in processes:
        live.go(process)
    time.sleep(seconds)
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    result = live.connprof_end(recorder, timeout=60).expect_status(0)
    return path, "\n".join(line for line in result.err.splitlines() if not line.startswith("connprof: "))


def stacks(path):
    """(frames root first, count) line by line: a recording of a minute at 10 kHz has hundreds of thousands of different ones."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            frames, _, count = line.rstrip("\n").rpartition(" ")
            yield frames.split(";"), int(count)


def record(pythons, rate, seconds, *arguments):
    """Runs tree.py with these arguments in each of (version, path) and records them all at once: ({version: Verdict}, connprof's summary)."""
    targets = {}
    for version, path in pythons:
        process, said = live.workload("tree.py", *(arguments or [7]), python=path)
        targets[process.pid] = (version, legal.Legal(said), process)
    path, summary = record_held([process for _, _, process in targets.values()], ["-n", "-t", "-r", rate, "--no-children"], seconds)
    verdicts = {version: Verdict() for version, _, _ in targets.values()}
    for frames, count in stacks(path):
        # The process and the thread stand first: "python3 (812)", with one process the thread alone.
        if len(targets) > 1:
            pid, frames = int(re.search(r"\((\d+)\)$", frames[0]).group(1)), frames[2:]
        else:
            pid, frames = next(iter(targets)), frames[1:]
        version, judge, _ = targets[pid]
        verdicts[version].add(judge.judge(frames), frames, count)
    return verdicts, summary

# SPDX-License-Identifier: BSD-2-Clause
"""Are the shares of functions those of their CPU time? Programs that measure it themselves, and a chi-square test."""
import math
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import live  # noqa: E402


def chance(statistic, freedom):
    """The probability of a chi-square this large or larger; freedom is even, so it is a finite sum."""
    term = total = 1.0
    for i in range(1, freedom // 2):
        term *= statistic / 2 / i
        total += term
    return math.exp(-statistic / 2) * total


def record(start, rate, seconds):
    """[(label, {function: CPU ns}, {function: samples})] of the programs that start() gives: [(label, process)], waiting to begin."""
    processes = start()
    path = live.folder() / "shares.folded"
    recorder = live.connprof_start("record", "-o", path, "-r", rate, "-t", "--no-children",
                                   *(word for _, process in processes for word in ("-p", process.pid)))
    for _, process in processes:
        live.go(process)
    time.sleep(seconds)
    answers = [live.answer(process) for _, process in processes]
    if recorder.poll() is None:
        os.kill(recorder.pid, signal.SIGINT)
    live.connprof_end(recorder, timeout=60).expect_status(0)
    folded = live.Folded(path.read_text(encoding="utf-8"))
    results = []
    for (label, process), answer in zip(processes, answers):
        seen = dict.fromkeys(answer, 0)
        for frames, count in folded.stacks:
            if len(processes) > 1 and not frames[0].endswith(f"({process.pid})"):
                continue
            inside = [name for name in map(live.bare, frames) if name in seen]
            if inside:
                seen[inside[0]] += count
        results.append((label, answer, seen))
    live.clean_up()
    return results


def judge(answer, seen):
    """(samples, chi-square, probability, "a 50.1/50.0 %, …" measured by itself / seen)."""
    samples, total = sum(seen.values()), sum(answer.values())
    statistic = sum((seen[name] - samples * spent / total) ** 2 / (samples * spent / total) for name, spent in answer.items())
    shares = ", ".join(f"{name} {100 * spent / total:.2f} / {100 * seen[name] / samples:.2f}" for name, spent in answer.items())
    return samples, statistic, chance(statistic, len(answer) - 1), shares

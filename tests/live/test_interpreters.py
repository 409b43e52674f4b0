# SPDX-License-Identifier: BSD-2-Clause
"""Subinterpreters: a thread that runs in another interpreter shows its frames there, and below them those that led there."""
import re

import cpythons
import live
from live import bare, expect


def names_of(frames):
    return [bare(frame).rpartition(".")[2] for frame in frames if not re.search(r"_\[[ni]\]$", frame)]


@cpythons.on_pythons("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
def frames_of_every_interpreter_of_a_thread(python):
    process, ready = live.workload("subinterpreters.py", python=python.path)
    dump = live.connprof("dump", "-p", process.pid).expect_status(0).out
    idle = next((part for part in dump.split("Thread ") if "idle_run" in part), None)
    expect(idle and idle.index("idle_run") < idle.index("host ("), f"the idle one is not below host(): {dump}")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    live.answer(process)
    seen = dict.fromkeys(ready["busy"], 0)
    for frames, count in folded.stacks:
        names = names_of(frames)
        for name in seen:
            if f"{name}_leaf" in names:
                at = names.index("host") if "host" in names else -1
                expect(at >= 0 and names[at:] == ["host", "<module>", f"{name}_run", f"{name}_leaf"], ";".join(frames))
                seen[name] += count
    expect(all(count > folded.total * 0.1 for count in seen.values()), f"{seen} of {folded.total}: {folded}")
    alone = folded.count(lambda frames: names_of(frames)[-1:] == ["host"])
    expect(alone <= folded.total * 0.03, f"{alone} stacks end in host(), which only waits: {folded}")


if __name__ == "__main__":
    live.main()

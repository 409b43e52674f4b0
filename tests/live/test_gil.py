# SPDX-License-Identifier: BSD-2-Clause
"""record --gil: only samples of the thread that holds the interpreter's lock, in each way that interpreters keep it."""
import re

import cpythons
import live
from live import bare, case, expect


@cpythons.on_pythons(*cpythons.VERSIONS)
def only_the_holder_is_sampled(python):
    process, _ = live.workload("threads.py", python=python.path)
    folded = live.record(process.pid, "-g", "-r", "199", seconds=1)
    live.answer(process)
    computing = folded.with_frame("compute")
    # Hashing lets go of the GIL; only what happens between two hashes may show.
    hashing = folded.count(lambda frames: "hash_without_gil" in map(bare, frames))
    expect(computing >= folded.total * 0.9, f"compute() holds the GIL: {computing} of {folded.total}: {folded}")
    expect(hashing <= folded.total * 0.05, f"hashing holds no GIL: {hashing} of {folded.total}: {folded}")
    left_out = re.search(r"left out as asked: (\d+) samples", folded.summary)
    expect(left_out and int(left_out.group(1)) > folded.total * 0.1, f"the hashing thread was not seen at all: {folded.summary}")


@case
def what_has_no_gil_is_left_out_and_that_is_said():
    process, _ = live.workload("split")
    folded = live.record(process.pid, "--gil", seconds=1, expect_samples=False)
    expect(folded.total == 0 and re.search(r"left out as asked: [1-9]\d* samples", folded.summary), folded.summary)


@case
def dump_says_which_running_thread_holds_it():
    process, _ = live.workload("threads.py")
    for _ in range(5):
        text = live.connprof("dump", "-p", process.pid).expect_status(0).out
        holders = [part for part in text.split("Thread ") if "holds the GIL" in part.partition("\n")[0]]
        expect(len(holders) <= 1 or "ran while being read" in text, f"two holders: {text}")
        if holders and "compute" in holders[0]:
            return
    raise live.Failed(f"the computing thread never holds the GIL: {text}")


@case
def idle_threads_are_shown_with_i():
    process, ready = live.workload("threads.py")
    folded = live.record(process.pid, "-i", seconds=1)
    for name in ready["busy"] + ready["idle"]:
        expect(folded.with_frame(name), f"{name} is not there: {folded}")


@cpythons.on_pythons("3.8", "3.13")
def threads_that_wait_for_the_gil_have_their_frames(python):
    process, _ = live.workload("blocked.py", "waiting", python=python.path)
    text = live.connprof("dump", "-p", process.pid).expect_status(0).out
    threads = [part for part in text.split("Thread ")[1:] if "compute (" in part]
    expect(len(threads) == 3 and all("_bootstrap" in part for part in threads), f"{len(threads)} of 3 compute: {text}")
    expect(sum("holds the GIL" in part.partition("\n")[0] for part in threads) <= 1 or "ran while" in text, text)


if __name__ == "__main__":
    live.main()

# SPDX-License-Identifier: BSD-2-Clause
"""gevent: each greenlet's stack is its own from where it was started, and says so; nothing of whom it was started by."""
import re

import live
import services
from live import bare, case, expect


def names_of(frames):
    return [bare(frame) for frame in frames if not frame.endswith("_[n]")]


@case
def greenlet_stacks_end_where_they_were_started():
    process, ready = live.workload("greenlets.py", python=services.gevent_python())
    folded = live.record(process.pid, "-r", "499", seconds=2)
    live.answer(process)
    legal = {
        "red_run": r"red_run( red){2} red_leaf burn|red_run( red){8} red_leaf burn",
        "blue_run": r"blue_run( blue){3} blue_leaf burn|blue_run( blue){12} blue_leaf burn",
        "main": r"<module> main( green){1} green_leaf burn|<module> main( green){4} green_leaf burn|"
                r"<module> main( green){21} green_leaf burn",
    }
    seen = dict.fromkeys(ready["runs"], 0)
    for frames, count in folded.stacks:
        names = names_of(frames)
        if "burn" not in names:
            continue
        run = next((name for name in legal if name in names), None)
        expect(run and re.fullmatch(legal[run], " ".join(names)), f"no such stack: {';'.join(frames)}")
        seen[run] += count
    expect(all(count > folded.total * 0.1 for count in seen.values()), f"{seen} of {folded.total}: {folded}")
    cut = folded.count(lambda frames: frames[0].startswith("[cut"))
    expect(cut <= folded.total * 0.003, f"{cut} of {folded.total} are cut: {folded.summary}")


@case
def native_frames_end_at_the_greenlet_s_start():
    process, _ = live.workload("greenlets.py", python=services.gevent_python())
    folded = live.record(process.pid, "-n", "-r", "499", seconds=1)
    live.answer(process)
    bad = 0
    for frames, count in folded.stacks:
        names = [bare(frame) for frame in frames]
        if "blue_run" in names and "burn" in names:
            # The root is in the greenlet module; the module's other frames and the eval calls of who started it are gone.
            outer = frames[:names.index("blue_run")]
            good = re.search("greenlet", outer[0]) and not any(re.search("start_blue|_start|main", name) for name in outer)
            bad += 0 if good else count
    expect(not bad, f"{bad} of {folded.total} go on past their start: {folded}")


@case
def dump_of_a_greenlet_is_its_own_too():
    process, _ = live.workload("greenlets.py", python=services.gevent_python())
    for _ in range(20):
        text = live.connprof("dump", "-p", process.pid).expect_status(0).out
        if "blue_run" in text or "red_run" in text:
            expect("<module>" not in text and "start_blue" not in text and "[cut" not in text, text)
            return
    raise live.Failed(f"no greenlet in 20 dumps: {text}")


if __name__ == "__main__":
    live.main()

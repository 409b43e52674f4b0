# SPDX-License-Identifier: BSD-2-Clause
"""asyncio: the running task's name stands right outside its coroutine's own frame, where the interpreter publishes it (3.14)."""
import cpythons
import live
from live import bare, expect


@cpythons.on_pythons("3.14", "3.15")
def running_task_is_a_frame_under_the_loop(python):
    process, ready = live.workload("named_tasks.py", python=python.path)
    folded = live.record(process.pid, "-r", "499", seconds=2)
    live.answer(process)
    seen = dict.fromkeys(ready["tasks"], 0)
    for frames, count in folded.stacks:
        names = [bare(frame) for frame in frames]
        task = [frame for frame in frames if frame.startswith("[task ")]
        for function, name in ready["tasks"].items():
            if function not in names:
                continue
            at = frames.index(name) if name in frames else -1
            expect(task == [name] and names[at + 1] == function, f"{function} is not right under {name}: {';'.join(frames)}")
            expect(any(bare(frame).rpartition(".")[2] == "_run_once" for frame in frames[:at]),
                   f"not under the loop: {';'.join(frames)}")
            seen[function] += count
    expect(all(count > folded.total * 0.1 for count in seen.values()), f"{seen} of {folded.total}: {folded}")


@cpythons.on_pythons("3.13")
def no_task_is_guessed_before_3_14(python):
    process, _ = live.workload("named_tasks.py", python=python.path)
    folded = live.record(process.pid, seconds=1)
    live.answer(process)
    expect(folded.with_frame("alpha") and not folded.count(lambda frames: any(f.startswith("[task") for f in frames)), str(folded))


if __name__ == "__main__":
    live.main()

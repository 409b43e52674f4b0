# SPDX-License-Identifier: BSD-2-Clause
"""Every form of Python code has the stack that the language gives it; recursion as deep as it goes by default is whole."""
import re

import cpythons
import live
from live import bare, case, expect


def names_of(frames):
    """Python functions without their classes, from main() on; names with a space or a dot in them are taken whole."""
    names = [bare(frame) for frame in frames if not re.search(r"_\[[ni]\]$", frame)]
    names = [name if " " in name else name.rpartition(".")[2] for name in names]
    return names[names.index("main"):] if "main" in names else names


@cpythons.on_pythons(*cpythons.VERSIONS)
def each_form_has_its_stack(python):
    process, ready = live.workload("forms.py", python=python.path)
    folded = live.record(process.pid, "-r", "1999", seconds=1)
    live.answer(process)
    legal = [tuple(stack) for stack in ready["stacks"]]
    seen = set()
    for frames, _ in folded.stacks:
        names = tuple(names_of(frames))
        if names and names[-1] == "burn":
            expect(names in legal, f"no such stack: {names}: {';'.join(frames)}")
            seen.add(names)
    expect(len(seen) == len(legal), f"not seen: {[stack for stack in legal if stack not in seen]}: {folded}")


@cpythons.on_pythons("3.6", "3.8", "3.10", "3.12", "3.13", "3.15")
def a_thousand_python_frames_are_whole(python):
    process, ready = live.workload("layers.py", 985, 0, python=python.path)
    folded = live.record(process.pid, "-r", "199", seconds=1)
    live.answer(process)
    whole = deep = 0
    for frames, count in folded.stacks:
        names = [bare(frame) for frame in frames if not re.search(r"_\[[ni]\]$|^\[cut", frame)]
        if names[-1] == "burn":
            deep += count
            whole += count * (len(names) == ready["python_frames"] and names[0] == "<module>")
    expect(deep > folded.total * 0.5 and whole == deep, f"{whole} whole stacks of {deep} in burn(): {folded.summary}")


@case
def code_that_does_not_live_long_is_read_at_once():
    process, _ = live.workload("compiling.py")
    folded = live.record(process.pid, "-v", "-r", "199", seconds=2)
    live.answer(process)
    # What could not be named in time is said: as many as there are.
    lost, said = folded.with_frame("[unreadable frame]"), re.search(r"frames whose code was gone (\d+)", folded.summary)
    expect(bool(lost) == bool(said and int(said.group(1))), f"{lost} samples with unreadable frames, but said: {folded.summary}")
    expect(not lost or "each sample is read at once" in folded.summary, folded.summary)  # what comes to lie in its place is named alike
    expect(folded.with_frame("generated"), f"none of it was named: {folded}")


if __name__ == "__main__":
    live.main()

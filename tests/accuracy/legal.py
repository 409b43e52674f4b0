# SPDX-License-Identifier: BSD-2-Clause
"""Judges stacks against what tree.py says is legal. A stack is (frames root first, count), a frame (function, line or None,
native)."""
import functools
import re

INTERIOR = {"_bootstrap", "_bootstrap_inner", "run"}  # of threading.py: their lines are not this test's business


@functools.lru_cache(maxsize=None)
def frame_of(text):
    """A frame as a folded file shows it; None for a note such as [cut: …]."""
    if text.startswith("[") and text != "[unreadable frame]" and not text.endswith("_[n]"):
        return None
    found = re.fullmatch(r"(.+) \((?:[^()]*?(?:\.py|\.tree))(?::(\d+))?\)", text)
    if found:
        return found.group(1).rpartition(".")[2], int(found.group(2)) if found.group(2) else None, False
    return text, None, text != "[unreadable frame]"


class Legal:
    def __init__(self, said):
        self.lines, self.through = said["lines"], said["through"]
        self.edges = {name: {tuple(caller) for caller in callers} for name, callers in said["edges"].items()}
        self.anywhere, self.roots = set(said["anywhere"]), set(said["roots"])
        self.inlines = tuple(said["version"][:2]) >= (3, 11)  # a Python call does not nest C frames

    def stands_in(self, frame):
        """Is the frame's line one of its function's?"""
        name, line, _ = frame
        if name in INTERIOR or name == "<module>":
            return True
        first, last = self.lines.get(name, (1, 0))
        # What an interpreter adds of its own (making cells, say) has no line; nothing is called by name from there.
        return line is None and last > 0 or line is not None and first <= line <= last

    def entered(self, caller, callee, native):
        """None, or what is wrong with callee's being entered by caller with `native` native frames between (None: not known)."""
        name = callee[0]
        if not self.stands_in(caller):
            return "a caller on a line that is not its own"
        if name in self.anywhere:
            return "an asynchronous call without C between" if native == 0 else None
        edges = self.edges.get(name, ())
        if (caller[0], None) not in edges and (caller[0], caller[1]) not in edges:
            return "a caller on the wrong line" if any(caller[0] == who for who, _ in edges) else "a wrong caller"
        through = self.through.get(name) if native is not None else None
        if through == "c" and not native:
            return "no C between"
        if through == "python" and bool(native) == self.inlines:
            return "C between" if native else "no C between"
        return None

    def judge(self, frames):
        """The verdict on a stack of a folded file: judge_frames'. A cut stack is told by its note; native frames are missing then."""
        cut = any(frame.startswith("[cut: ") for frame in frames[:3])
        return self.judge_frames([frame for frame in map(frame_of, frames) if frame], not cut)

    def judge_frames(self, frames, native_known):
        """What a stack is: "right", "no Python", "unreadable", "rootless" (the outermost frame is no root), or what is impossible
        in it: "impossible: …". Native frames are asked for only where they are known."""
        seen, native, caller = [], 0, None
        for frame in frames:
            if frame[2]:
                native += 1
                continue
            if frame[0] == "[unreadable frame]":
                return "unreadable"
            wrong = self.entered(caller, frame, native if native_known else None) if caller else None
            if wrong:
                return f"impossible: {wrong}"
            seen.append(frame)
            native, caller = 0, frame
        if not seen:
            return "no Python"
        if not self.stands_in(seen[-1]):
            return "impossible: innermost frame on a line that is not its own"
        return "right" if seen[0][0] in self.roots else "rootless"

# SPDX-License-Identifier: BSD-2-Clause
"""What several tools say of a program that stands still (held.py), each as {thread id: [(function, file, line), …] innermost first},
and where two of them differ."""
import collections
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import live  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = live.BUILD / "accuracy" / "bin"


def bare(name):
    """Without class and <locals>: not every tool, and no version before 3.11, knows them."""
    return name.rpartition(".")[2] if not name.startswith("<") else name


def place(function, path, line):
    return bare(function), os.path.basename(path or ""), line


def plain(name):
    """Without what the compiler adds to a function that it has split or specialised."""
    return re.sub(r"\.(constprop|part|isra|cold|localalias|lto_priv).*", "", name)


def start(python):
    """The program standing still: (process, {thread id: frames} by faulthandler, which knows pthread ids only)."""
    words = live.folder() / "faulthandler"
    with open(words, "w", encoding="utf-8") as file:
        process = live.start(*live.python_command(python, "held.py"), stderr=file)
    live.ready_line(process)
    live.wait_for(lambda: "in main" in words.read_text(encoding="utf-8"), "faulthandler")
    time.sleep(0.3)
    found, frames = {}, None
    for line in words.read_text(encoding="utf-8").splitlines():
        thread = re.match(r"(?:Current t|T)hread (0x[0-9a-f]+)", line)
        frame = re.match(r'  File "(.*)", line (\d+) in (.*)', line)
        if thread:
            frames = found[int(thread.group(1), 16)] = []
        elif frame and frames is not None:
            frames.append(place(frame.group(3), frame.group(1), int(frame.group(2))))
    return process, found


def connprof_dump(pid):
    """(Python frames, all frames) by thread."""
    said = json.loads(live.connprof("dump", "-p", pid, "-n", "--json").expect_status(0).out)
    python, everything = {}, {}
    for thread in said["processes"][0]["threads"]:
        stack = thread["stack"]
        python[thread["tid"]] = [place(f["function"], f.get("file"), f.get("line")) for f in stack if f["kind"] == "python"]
        everything[thread["tid"]] = [(plain(f["function"]), os.path.basename(f["file"]) if f.get("line") else "", f.get("line"))
                                     for f in stack if f["kind"] != "python"]
    return python, everything


def connprof_record(pid):
    """The kernel walker's Python frames of the thread that runs: in each of its samples the same, or it is no opinion."""
    folded = live.record(pid, "-t", "-r", 499, "--no-children", seconds=1)
    found = {}
    for frames, _ in folded.stacks:
        thread = next(int(m.group(1)) for m in (re.match(r"thread (?:\()?(\d+)", frame) for frame in frames) if m)
        stack = []
        for frame in reversed(frames):
            shown = re.fullmatch(r"(.+) \((.+\.py):(\d+)\)", frame)
            if shown:
                stack.append(place(shown.group(1), shown.group(2), int(shown.group(3))))
        found.setdefault(thread, []).append(stack)
    return {thread: stacks[0] for thread, stacks in found.items() if all(stack == stacks[0] for stack in stacks)}


def py_spy(pid):
    """({thread id: frames}, {pthread id: thread id}); None: it cannot."""
    done = subprocess.run([TOOLS / "py-spy", "dump", "-p", str(pid), "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["?"])[-1]
    threads = json.loads(done.stdout)
    return ({t["os_thread_id"]: [place(f["name"], f["filename"], f["line"]) for f in t["frames"]] for t in threads},
            {t["thread_id"]: t["os_thread_id"] for t in threads})


def gdb(pid):
    """Native frames, inlined ones too; {pthread id: thread id}; how many frames it inferred for tail calls: they are left out."""
    done = subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-x", HERE / "backtraces.gdb.py"], capture_output=True, text=True, check=False)
    said = re.search(r"^threads (.*)$", done.stdout, re.M)
    live.expect(said, f"gdb: {done.stderr[-2000:]}")
    threads = json.loads(said.group(1))
    found = {tid: [(plain(name), path, line) for name, path, line, tail in frames if not tail] for tid, _, frames in threads}
    return found, {pthread: tid for tid, pthread, _ in threads}, sum(frame[3] for thread in threads for frame in thread[2])


class Difference:
    """Frame by frame: how many are the same, and how the others differ."""

    def __init__(self):
        self.counts, self.examples, self.threads = collections.Counter(), {}, 0

    def note(self, kind, example):
        self.counts[kind] += 1
        self.examples.setdefault(kind, example)

    def add(self, one, other):
        self.threads += 1
        matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            if tag == "equal":
                self.counts["same"] += b - a
                continue
            for left, right in zip(one[a:b], other[c:d]):
                kind = ("other name" if left[1:] == right[1:] else "other line" if left[:2] == right[:2] else
                        "no file or line in one" if left[0] == right[0] else "another frame")
                self.note(kind, (left, right))
            for left in one[a + min(b - a, d - c):b]:
                self.note("only in the first", left)
            for right in other[c + min(b - a, d - c):d]:
                self.note("only in the second", right)

    def __str__(self):
        others = "; ".join(f"{kind} {count} (such as {self.examples[kind]})" for kind, count in self.counts.most_common() if kind != "same")
        return others or "none"

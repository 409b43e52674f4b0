# SPDX-License-Identifier: BSD-2-Clause
"""Other profilers on the same process as connprof, one after the other: each stack judged by what the process says is legal."""
import collections
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import legal  # noqa: E402
import cpythons  # noqa: E402
import live  # noqa: E402
import oracle  # noqa: E402

TOOLS = live.BUILD / "accuracy" / "bin"
HZ, SECONDS = 999, 4
NATIVE_ROOTS = ("_start", "clone3", "__clone3", "start_thread")


def run(*command, timeout=90):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=timeout)


def last_words(done):
    return ((done.stderr + done.stdout).strip().splitlines() or [f"status {done.returncode}"])[-1].replace("|", "/")


class Seen:
    """What one tool brought: stacks as (frames of legal.frame_of, count), and what it says that it missed, of how many."""

    def __init__(self, stacks=(), missed=0, native=False, error=None):
        self.stacks, self.missed, self.native, self.error = list(stacks), missed, native, error


def folded(path, frame_of, skip=0):
    for frames, count in oracle.stacks(path):
        yield [frame for frame in map(frame_of, filter(None, frames[skip:])) if frame], count


def connprof(pid, _):
    path = live.folder() / "side.folded"
    result = live.connprof("record", "-p", pid, "-n", "-r", HZ, "-d", SECONDS, "--no-children", "-o", path, timeout=90).expect_status(0)
    found = re.search(r"^lost: (.*)$", result.err, re.M)
    missed = sum(int(number) for number in re.findall(r" (\d+)(?:,|$)", found.group(1))) if found else 0
    return Seen([(frames, count) for frames, count in oracle.stacks(path)], missed, native=True)


def py_spy(*mode):
    def record(pid, _):
        path = live.folder() / "side.raw"
        path.unlink(missing_ok=True)
        done = run(TOOLS / "py-spy", "record", "-p", pid, "-d", SECONDS, "-r", HZ, "-f", "raw", "-o", path, *mode)
        found = re.search(r"Samples: (\d+) Errors: (\d+)", done.stderr + done.stdout)
        if not path.exists() or not found:
            return Seen(error=last_words(done))
        return Seen(folded(path, legal.frame_of), int(found.group(2)))
    return record


def austin_frame(text):
    found = re.fullmatch(r".*?:?([^:/]+):(\d+)", text)
    return (found.group(1).rpartition(".")[2], int(found.group(2)), False) if found else None


def austin(pid, _):
    """Its binary needs a newer libc than Debian 12's: that of the root file system with the newer CPythons."""
    root = next(iter(sorted(cpythons.ROOTS.glob("*/lib64/ld-linux-x86-64.so.2"))), None)
    command = [root, "--library-path", root.parent.parent / "lib" / "x86_64-linux-gnu"] if root else []
    raw, path = live.folder() / "austin.mojo", live.folder() / "austin.folded"
    done = run(*command, TOOLS / "austin", "-i", f"{1000000 // HZ}us", "-x", SECONDS, "-o", raw, "-p", pid)
    if not raw.exists() or run(TOOLS / "mojo2austin", raw, path).returncode:
        return Seen(error=last_words(done))
    with open(path, encoding="utf-8") as lines:
        stacks = [([f for f in map(austin_frame, line.rpartition(" ")[0].split(";")[2:]) if f], 1) for line in lines if line[0] != "#"]
    found = re.search(r"Error rate.*?(\d+)/(\d+)", re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr))
    return Seen(stacks, int(found.group(1)) if found else 0)


def sampling_frame(text):
    found = re.fullmatch(r"[^:]*:(.+):(\d+)", text)
    return (found.group(1).rpartition(".")[2], int(found.group(2)), False) if found else None


def profiling_sampling(*mode):
    def record(pid, inside):
        if not inside:
            return Seen(error="needs the target's own 3.15")
        inner = "/tmp/connprof-side.collapsed"
        done = run("nsenter", "-t", pid, "-m", "--root", inside, "-m", "profiling.sampling", "attach", "-d", SECONDS, "-r", HZ, "-a", *mode,
                   "--collapsed", "-o", inner, pid)
        path = pathlib.Path(f"/proc/{pid}/root{inner}")
        captured = re.search(r"Captured ([0-9,]+) samples", done.stdout + done.stderr)
        if not path.exists() or not captured:
            return Seen(error=last_words(done))
        stacks = list(folded(path, sampling_frame, 1))
        path.unlink()
        rate = re.search(r"Error rate:? ([0-9.]+)", done.stdout + done.stderr)
        ticks = int(captured.group(1).replace(",", ""))
        # Its samples are looks at all threads; the error rate is of looks.
        return Seen(stacks, (ticks * float(rate.group(1)) / 100, ticks) if rate else 0)
    return record


def perf(pid, _):
    data = live.folder() / "perf.data"
    run("perf", "record", "-q", "-F", HZ, "--call-graph", "dwarf,16384", "-o", data, "-p", pid, "--", "sleep", SECONDS)
    text = run("perf", "script", "-i", data, "--no-inline", "-F", "ip,sym", timeout=300).stdout
    stacks = []
    for block in text.split("\n\n"):
        names = [line.split(None, 1)[1] for line in block.splitlines() if len(line.split(None, 1)) == 2]
        if names:
            stacks.append(([(name, None, True) for name in reversed(names)], 1))
    return Seen(stacks)


PROFILERS = [("connprof", connprof), ("py-spy", py_spy()), ("py-spy --nonblocking", py_spy("--nonblocking")), ("py-spy --native", py_spy("--native")),
             ("py-spy --gil", py_spy("--gil")), ("austin", austin), ("profiling.sampling of 3.15", profiling_sampling()),
             ("profiling.sampling of 3.15 --blocking", profiling_sampling("--blocking")), ("perf --call-graph dwarf", perf)]


def start(version, path):
    """tree.py under this interpreter: (process id, what is legal, the interpreter inside a root of its own or None)."""
    root = live.root_of(path)
    command = live.python_command(path, "tree.py")
    inside = path[len(root):] if root else None
    if inside:  # profiling.sampling needs /proc there
        command = ["unshare", "-m", "sh", "-c", f"mount --bind /proc {root}/proc && exec {' '.join(map(str, command))} 7"]
    process = live.start(*command, *([] if inside else [7]))
    said = live.ready_line(process)
    live.go(process)
    time.sleep(0.3)
    return process.pid, legal.Legal(said), inside


def judge(seen, judge_of):
    """Samples by verdict; stacks without any Python frame are judged by their native root."""
    counts, examples = collections.Counter(), {}
    for frames, count in seen.stacks:
        if seen.native:
            verdict = judge_of.judge(frames)
            if any(frame.startswith("[cut: ") for frame in frames[:3]):
                verdict = "cut"
        else:
            verdict = judge_of.judge_frames(frames, native_known=False)
            if verdict == "no Python" and frames and frames[0][2]:
                verdict = "native only" if frames[0][0] in NATIVE_ROOTS or "(libc" in frames[0][0] else "cut"
        counts[verdict] += count
        examples.setdefault(verdict, frames)
    return counts, examples

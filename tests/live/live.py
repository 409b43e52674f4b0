# SPDX-License-Identifier: BSD-2-Clause
"""What every live case needs: targets, the command, its outputs taken apart, and ways to say no.

A case is a function marked @case. It returns when all is well, raises through expect() when not, and calls missing() or
unable() to be skipped. Everything it starts is ended by pid when it is over.
"""
import atexit
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("CONNPROF_BUILD", ROOT / "build"))
CONNPROF = str(os.environ.get("CONNPROF", BUILD / "connprof"))
WORKLOADS = BUILD / "tests" / "workloads"
SCRIPTS = ROOT / "tests" / "workloads"
VENV_PYTHON = BUILD / "venv" / "bin" / "python"

_cases = {}
_started = []
_kept = []  # ends of pipes, open until the case is over
_folder = None


# ---- cases --------------------------------------------------------------------------------------------------------

def case(function):
    _cases[function.__name__] = function
    return function


def cases_for(values, label=str):
    """Marks one function as one case per value: name_LABEL."""
    def mark(function):
        for value in values:
            name = f"{function.__name__}_{label(value)}"
            _cases[name] = lambda value=value: function(value)
        return function
    return mark


class Failed(AssertionError):
    """An expectation that was not met: its text is the whole report."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def missing(what):
    """Skips: something is not installed. No skip on a machine that is able (CI)."""
    print(f"skip: missing: {what}", flush=True)
    sys.exit(77)


def unable(why):
    """Skips: this kernel or machine cannot do it at all."""
    print(f"skip: unable: {why}", flush=True)
    sys.exit(77)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(_cases))
        return
    for number in (signal.SIGINT, signal.SIGHUP):  # ignored where we run behind nohup or '&', and so in all we start
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for name in sys.argv[1:] or list(_cases):
        if os.geteuid() != 0:
            unable("not root")
        if not os.access(CONNPROF, os.X_OK):
            missing(f"{CONNPROF} (make build)")
        try:
            _cases[name]()
        except Failed as failure:
            print(f"FAILED {name}: {failure}", flush=True)
            trace = traceback.extract_tb(failure.__traceback__)
            print("  at " + " < ".join(f"{f.name}:{f.lineno}" for f in reversed(trace[:-1])), flush=True)
            sys.exit(1)
        finally:
            clean_up()


def clean_up():
    global _folder
    for process in reversed(_started):
        if process.poll() is None:
            for number in (signal.SIGCONT, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                except (ProcessLookupError, PermissionError):
                    pass
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
    _started.clear()
    while _kept:
        os.close(_kept.pop())
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = None


atexit.register(clean_up)


def folder():
    """This case's own scratch folder, readable by everyone (targets may be other users)."""
    global _folder
    if not _folder:
        _folder = pathlib.Path(tempfile.mkdtemp(prefix="connprof-live-"))
        _folder.chmod(0o755)
    return _folder


# ---- targets --------------------------------------------------------------------------------------------------------

def start(*command, **options):
    """Starts a process in a session of its own; its stdin and stdout are pipes unless told otherwise."""
    options.setdefault("stdin", subprocess.PIPE)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.DEVNULL)
    process = subprocess.Popen([str(part) for part in command], start_new_session=True, text=True, **options)
    _started.append(process)
    return process


def open_stdin():
    """A stdin that nobody writes to or closes while the case runs: for commands that connprof starts itself."""
    reader, writer = os.pipe()
    _kept.append(writer)
    return reader


def workload(name, *arguments, **options):
    """Starts a C workload (or a .py under the interpreter given as python=) and waits for its "ready" line: returns the
    process and that line's JSON."""
    python = options.pop("python", None)
    if name.endswith(".py"):
        command = python_command(python or sys.executable, name)
    else:
        command = [WORKLOADS / name]
        if not command[0].exists():
            missing(f"{command[0]} (make {command[0]})")
    process = start(*command, *arguments, **options)
    return process, ready_line(process)


def root_of(python):
    """The root file system of its own that an interpreter has; "": none."""
    root, marker, _ = str(python).partition("/usr/bin/")
    return root if marker else ""


def python_command(python, name):
    """How a script of the workloads is started; an interpreter in a root file system of its own gets a copy there."""
    root = root_of(python)
    if not root:
        return [python, SCRIPTS / name]
    inside = f"/tmp/connprof-{name}"
    shutil.copy(SCRIPTS / name, f"{root}{inside}")
    return ["chroot", root, str(python)[len(root):], inside]


def ready_line(process):
    line = process.stdout.readline()
    expect(line.startswith("ready "), f"the workload said {line!r} instead of ready")
    return json.loads(line[6:])


def go(process):
    """Lets a waiting workload begin."""
    process.stdin.write("go\n")
    process.stdin.flush()


def answer(process, seconds=20):
    """Ends a workload's work by closing its stdin; its last line is its own right answer, as JSON."""
    if process.stdin and not process.stdin.closed:
        process.stdin.close()
    deadline = time.monotonic() + seconds
    text = ""
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    expect(process.poll() is not None, "the workload did not end")
    text = process.stdout.read()
    lines = [line for line in text.splitlines() if line.startswith("answer ")]
    expect(lines, f"the workload gave no answer: {text!r}")
    return json.loads(lines[-1][7:])


# ---- the command --------------------------------------------------------------------------------------------------------

class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return f"status {self.status}\n--- stdout\n{self.out[-3000:]}\n--- stderr\n{self.err[-3000:]}"

    def expect_status(self, *wanted):
        expect(self.status in wanted, f"exit status {self.status}, not {wanted}: {self}")
        return self

    def expect_error(self, status, *patterns):
        """One line "connprof: …" on standard error, matching each pattern; nothing else there."""
        self.expect_status(*(status if isinstance(status, tuple) else (status,)))
        lines = self.err.strip().splitlines()
        expect(len(lines) == 1, f"{len(lines)} lines on standard error, not 1: {self}")
        expect(lines[0].startswith("connprof: "), f"does not begin with the command's name: {self}")
        for pattern in patterns:
            expect(re.search(pattern, lines[0], re.I), f"/{pattern}/ is not in: {lines[0]}")
        return self


def connprof(*arguments, timeout=40, **options):
    """Runs the command to its end."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("cwd", folder())
    process = start(CONNPROF, *arguments, stderr=subprocess.PIPE, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise Failed(f"connprof {' '.join(map(str, arguments))} did not end in {timeout} s: {err}") from None
    return Result(process.returncode, out or "", err or "")


def connprof_start(command, *arguments, **options):
    """Starts the command with -v and returns once it says that it is attached (or is over)."""
    options.setdefault("cwd", folder())
    options.setdefault("stdin", subprocess.DEVNULL)
    process = start(CONNPROF, command, "-v", *arguments, stderr=subprocess.PIPE, **options)
    deadline = time.monotonic() + 20
    process.early = b""
    while not re.search(rb"^connprof: attached ", process.early, re.M):
        expect(select.select([process.stderr], [], [], max(0, deadline - time.monotonic()))[0], "connprof did not attach in 20 s")
        # Not through the buffered stream: communicate() reads on from the descriptor.
        chunk = os.read(process.stderr.fileno(), 65536)
        if not chunk:
            break
        process.early += chunk
    return process


def connprof_end(process, number=None, timeout=30):
    """Waits for a started command, after signal `number` if one is given."""
    if number is not None and process.poll() is None:
        os.kill(process.pid, number)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"connprof did not end in {timeout} s") from None
    return Result(process.returncode, out or "", getattr(process, "early", b"").decode("utf-8", "replace") + (err or ""))


def attachments(pid):
    """How many perf events and BPF links a process holds open."""
    count = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            count += link.startswith(("anon_inode:bpf_link", "anon_inode:bpf-link", "anon_inode:[perf_event]"))
    except OSError:
        pass
    return count


# ---- outputs --------------------------------------------------------------------------------------------------------

class Folded:
    """A folded file taken apart: (frames root first, count) per line."""

    def __init__(self, text):
        self.stacks = []
        for line in text.splitlines():
            found = re.fullmatch(r"(.+) (\d+)", line)
            expect(found, f"not a folded line: {line!r}")
            self.stacks.append((found.group(1).split(";"), int(found.group(2))))
        self.total = sum(count for _, count in self.stacks)

    def count(self, wanted):
        return sum(count for frames, count in self.stacks if wanted(frames))

    def share(self, wanted):
        return self.count(wanted) / self.total if self.total else 0.0

    def with_frame(self, name):
        """Samples in whose stack the function is, whatever line."""
        return self.count(lambda frames: any(bare(frame) == name for frame in frames))

    def complete(self, root):
        return self.share(lambda frames: any(bare(frame) in root for frame in frames[:4]))

    def __str__(self):
        top = sorted(self.stacks, key=lambda item: -item[1])[:8]
        return f"{self.total} samples\n" + "\n".join(f"  {count} {';'.join(frames)[-600:]}" for frames, count in top)


def bare(frame):
    """A displayed frame's function: without (file:line), [module] and a kind's suffix."""
    frame = re.sub(r"_\[[kni]\]$", "", frame)
    return re.sub(r" (\(.*\)|\[.*\])$", "", frame)


def record(pids, *arguments, seconds=2, expect_samples=True):
    """Records to a folded file and takes it apart."""
    pids = pids if isinstance(pids, (list, tuple)) else [pids]
    path = folder() / "out.folded"
    command = ["record", "-o", path, "-d", seconds]
    for pid in pids:
        command += ["-p", pid]
    result = connprof(*command, *arguments, timeout=seconds + 30).expect_status(0)
    folded = Folded(path.read_text(encoding="utf-8"))
    if expect_samples:
        expect(folded.total > 0, f"no samples: {result}")
    folded.summary = result.err
    return folded


def check_json(result):
    """The JSON of check or trace, its schema's name verified."""
    try:
        report = json.loads(result.out)
    except ValueError as error:
        raise Failed(f"not JSON ({error}): {result}") from None
    expect(report.get("schema", "").startswith("connprof."), f"no schema: {result}")
    return report


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failed(f"waited {seconds} s for {what}")

# SPDX-License-Identifier: BSD-2-Clause
"""What goes wrong, and what then must happen: one line (what, on what, why, what to do), the right exit status."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import live
from live import case, expect

CANNOT_OBSERVE = 3
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@case
def no_such_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    for command in ("record", "trace", "check", "dump"):
        extra = [] if command == "dump" else ["-d", 1]
        live.connprof(command, "-p", child.pid, *extra).expect_error(CANNOT_OBSERVE, str(child.pid), "no such process")
    expect(not os.path.exists(live.folder() / "profile.svg"), "an output was written")


@case
def pid_that_cannot_be():
    live.connprof("record", "-p", "0", "-d", 1).expect_status(2)
    live.connprof("record", "-p", "-5", "-d", 1).expect_status(2)
    live.connprof("record", "-p", "99999999999999999999", "-d", 1).expect_status(2, 3)
    live.connprof("record", "-p", "12abc", "-d", 1).expect_status(2)


@case
def pid_gone_while_attaching():
    # Sweeps the moment of death over the attach: each run ends with status 0 (it was seen, however little) or 3, at once,
    # and never with half an output.
    for delay in range(0, 400, 40):
        target, _ = live.workload("split")
        output = live.folder() / f"gone-{delay}.folded"
        process = live.start(live.CONNPROF, "record", "-p", target.pid, "-o", output, "-d", 20, stderr=subprocess.PIPE)
        time.sleep(delay / 1000)
        os.kill(target.pid, signal.SIGKILL)
        target.wait()
        result = live.connprof_end(process, timeout=15)
        result.expect_status(0, CANNOT_OBSERVE)
        expect(output.exists() == (result.status == 0), f"output {output.exists()}: {result}")
        if result.status:
            result.expect_error(CANNOT_OBSERVE, str(target.pid))
        else:
            live.Folded(output.read_text())


@case
def kernel_thread():
    found = None
    for entry in sorted((e for e in os.listdir("/proc") if e.isdigit()), key=int):
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                flags = int(stat.read().rpartition(b")")[2].split()[6])
        except OSError:
            continue
        if flags & 0x00200000:  # PF_KTHREAD
            found = entry
            break
    if not found:
        live.unable("no kernel thread is visible in this pid namespace")
    live.connprof("record", "-p", found, "-d", 1).expect_error(CANNOT_OBSERVE, found, "kernel thread")
    live.connprof("dump", "-p", found).expect_error(CANNOT_OBSERVE, found, "kernel thread")


@case
def zombie():
    code = "import os,time,sys\npid=os.fork()\nif pid==0: os._exit(0)\nprint('ready {\"pid\": %d}' % pid, flush=True)\nsys.stdin.read()"
    parent = live.start(sys.executable, "-c", code)
    pid = live.ready_line(parent)["pid"]
    live.wait_for(lambda: re.search(r"\) Z ", open(f"/proc/{pid}/stat").read()), "the zombie")
    live.connprof("record", "-p", pid, "-d", 1).expect_error(CANNOT_OBSERVE, str(pid), "zombie|exited|ended")
    live.connprof("dump", "-p", pid).expect_error(CANNOT_OBSERVE, str(pid), "zombie|exited|ended")


@case
def program_of_32_bits():
    program = live.WORKLOADS / "pause32"
    if not program.exists():
        live.missing(str(program))
    try:
        process = live.start(program)
    except OSError as error:
        live.unable(f"the kernel runs no 32-bit programs: {error}")
    live.ready_line(process)
    live.connprof("record", "-p", process.pid, "-d", 1).expect_error(CANNOT_OBSERVE, str(process.pid), "32-bit")
    live.connprof("dump", "-p", process.pid).expect_error(CANNOT_OBSERVE, str(process.pid), "32-bit")


@case
def own_pid():
    # exec keeps the PID: the shell's becomes connprof's.
    for command in ("record -d 1", "dump"):
        process = live.start("sh", "-c", f'exec "$0" {command} -p $$', live.CONNPROF, stderr=subprocess.PIPE,
                             cwd=live.folder())
        live.connprof_end(process).expect_error(CANNOT_OBSERVE, r"own|itself|connprof")


@case
def not_root():
    if not shutil.which("setpriv"):
        live.missing("setpriv (util-linux)")
    binary = live.folder() / "connprof"
    shutil.copy(live.CONNPROF, binary)
    binary.chmod(0o755)
    target, _ = live.workload("split")
    for command in (["record", "-d", "1", "-o", "-"], ["trace", "-d", "1"], ["check", "-d", "1"], ["dump"]):
        process = live.start(*NOBODY, binary, command[0], "-p", target.pid, *command[1:], stderr=subprocess.PIPE, cwd="/")
        live.connprof_end(process).expect_error(CANNOT_OBSERVE, "permi|root", "root|setcap|cap_")


@case
def not_root_doctor_still_answers():
    binary = live.folder() / "connprof"
    shutil.copy(live.CONNPROF, binary)
    binary.chmod(0o755)
    process = live.start(*NOBODY, binary, "doctor", stderr=subprocess.PIPE, cwd="/")
    result = live.connprof_end(process).expect_status(CANNOT_OBSERVE)
    expect(re.search(r"root|setcap|cap_", result.out), f"doctor does not say what to do: {result}")


@case
def doctor_says_what_makes_programs_dear():
    setting = "/proc/sys/kernel/bpf_stats_enabled"
    def ask():
        [found] = [entry for entry in json.loads(live.connprof("doctor", "--json").expect_status(0).out)["findings"] if entry["name"] == "programs"]
        return found
    with open(setting, encoding="ascii") as file:
        before = file.read()
    try:
        for value, works in (("1", False), ("0", True)):
            with open(setting, "w", encoding="ascii") as file:
                file.write(value)
            found = ask()
            expect(found["works"] == works, f"with {value}: {found}")
            expect(works or found["remedy"] == "sysctl kernel.bpf_stats_enabled=0", f"what to do: {found}")
    finally:
        with open(setting, "w", encoding="ascii") as file:
            file.write(before)


@case
def report_needs_no_root():
    target, _ = live.workload("split")
    recording = live.folder() / "recording.pb.gz"
    live.connprof("record", "-p", target.pid, "-d", 1, "-o", recording).expect_status(0)
    recording.chmod(0o644)
    binary = live.folder() / "connprof"
    shutil.copy(live.CONNPROF, binary)
    binary.chmod(0o755)
    process = live.start(*NOBODY, binary, "report", recording, "-f", "folded", "-o", "-", stderr=subprocess.PIPE, cwd="/")
    result = live.connprof_end(process).expect_status(0)
    expect(live.Folded(result.out).with_frame("alpha") > 5, str(result))


@case
def kernel_without_btf():
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        live.unable("this kernel has no BTF: every other case says what then happens")
    target, _ = live.workload("split")
    empty = live.folder() / "empty"
    empty.write_bytes(b"")
    script = f'mount --bind "{empty}" /sys/kernel/btf/vmlinux && exec "$0" "$@"'
    process = live.start("unshare", "-m", "--propagation", "private", "sh", "-c", script, live.CONNPROF, "record", "-p", target.pid,
                         "-d", 1, "-o", "-", stderr=subprocess.PIPE, cwd=live.folder())
    live.connprof_end(process).expect_error(CANNOT_OBSERVE, "BTF")


@case
def stopped_target_gives_zero_samples_and_stays_stopped():
    target, _ = live.workload("split")
    os.kill(target.pid, signal.SIGSTOP)
    live.wait_for(lambda: ") T " in open(f"/proc/{target.pid}/stat").read(), "the stop")
    folded = live.record(target.pid, seconds=1, expect_samples=False)
    expect(folded.total == 0, f"a stopped process was sampled: {folded}")
    expect(") T " in open(f"/proc/{target.pid}/stat").read(), "the target was set going")
    dump = live.connprof("dump", "-p", target.pid).expect_status(0)
    expect("main" in dump.out, f"dump of a stopped process: {dump}")


@case
def idle_target_is_an_answer_in_every_format():
    target, _ = live.workload("idle.py")
    import xml.etree.ElementTree as tree
    for name in ("profile.svg", "p.folded", "p.speedscope.json", "p.pb.gz"):
        path = live.folder() / name
        result = live.connprof("record", "-p", target.pid, "-d", 1, "-o", path).expect_status(0)
        expect(path.exists(), f"no {name}: {result}")
        expect(re.search(r"\b(0|no) samples", result.err), f"the summary does not say that there were none: {result}")
        if name.endswith(".svg"):
            expect(tree.parse(path).getroot().tag.endswith("svg"), "not an SVG")


@case
def unknown_format_is_refused_before_anything_is_attached():
    target, _ = live.workload("split")
    started = time.monotonic()
    live.connprof("record", "-p", target.pid, "-d", 5, "-f", "gif").expect_status(2)
    live.connprof("record", "-p", target.pid, "-d", 5, "-o", "x.gif").expect_status(2)
    expect(time.monotonic() - started < 4, "it recorded first")


@case
def exec_of_a_missing_command():
    result = live.connprof("record", "-o", "-", "--", "/nonexistent/program")
    expect(result.status not in (0, 1), f"{result}")
    expect("/nonexistent/program" in result.err and "connprof:" in result.err, str(result))


@case
def target_of_another_user_is_left_unchanged():
    # Nothing is written to it, it is not ptraced, its memory and registers stay: here, by what can be seen from outside.
    target, _ = live.workload("split")
    process = live.connprof_start("record", "-p", target.pid, "-d", 2, "-o", "x.folded")
    status = open(f"/proc/{target.pid}/status").read()
    expect("TracerPid:\t0" in status, "the target is being traced with ptrace")
    live.connprof_end(process).expect_status(0)
    expect(target.poll() is None, "the target ended")
    truth = live.answer(target)
    expect(truth["alpha"] > 0, "the target did not go on")


if __name__ == "__main__":
    live.main()

# SPDX-License-Identifier: BSD-2-Clause
"""dump and doctor: every thread now, running or blocked, with Python and native frames; what this host permits."""
import json
import os
import re
import signal
import subprocess

import cpythons
import live
from live import bare, case, expect


def threads_of(text):
    """{thread id: [frame, …] innermost first} of a dump's text."""
    found, name = {}, None
    for line in text.splitlines():
        head = re.match(r"Thread (\d+)", line)
        if head:
            name = head.group(1)
            found[name] = []
        elif name and line.startswith((" ", "\t")) and line.strip():
            found[name].append(line.strip())
    return found


def thread_with(threads, function):
    for name, frames in threads.items():
        if any(bare(frame).rpartition(".")[2] == function for frame in frames):
            return frames
    raise live.Failed(f"no thread in {function}: {json.dumps(threads, indent=1)[:3000]}")


@cpythons.on_pythons(*cpythons.VERSIONS)
def every_thread_blocked_or_not_has_its_python_stack(python):
    process, ready = live.workload("blocked.py", python=python.path)
    result = live.connprof("dump", "-p", process.pid).expect_status(0)
    threads = threads_of(result.out)
    expect(len(threads) == len(ready["threads"]) + 1, f"{len(threads)} threads: {result}")
    for function in ready["threads"]:
        frames = thread_with(threads, function)
        names = [bare(frame).rpartition(".")[2] for frame in frames]
        expect("run" in names[names.index(function):] and "_bootstrap" in names, f"{function}: {names}")
        expect(re.search(r"blocked\.py:\d+", " ".join(frames)), f"no file and line: {frames}")
    main = thread_with(threads, "main")
    expect(bare(main[[bare(f) for f in main].index("main") + 1]) == "<module>", f"main is not below <module>: {main}")


@case
def blocked_threads_show_the_native_call_they_wait_in():
    process, _ = live.workload("blocked.py")
    threads = threads_of(live.connprof("dump", "-n", "-p", process.pid).expect_status(0).out)
    recv = " ".join(thread_with(threads, "wait_in_recv")[:6])
    expect(re.search(r"recv", recv), f"not in recv: {recv}")
    lock = " ".join(thread_with(threads, "wait_for_lock")[:8])
    expect(re.search(r"sem_|futex|lock|pthread_cond", lock), f"not waiting for a lock: {lock}")


@case
def running_thread_is_dumped_too():
    process, _ = live.workload("blocked.py", "busy")
    for _ in range(5):
        threads = threads_of(live.connprof("dump", "-p", process.pid).expect_status(0).out)
        if any("compute" in " ".join(frames) for frames in threads.values()):
            return
    raise live.Failed(f"the computing thread has no Python stack in 5 dumps: {threads}")


@case
def native_stack_of_a_blocked_c_program_is_complete():
    process, _ = live.workload("threads", 12, 0)
    result = live.connprof("dump", "-p", process.pid).expect_status(0)
    threads = result.out.split("Thread ")[1:]
    expect(len(threads) == 13, f"{len(threads)} threads, not 13: {result}")
    sleeping = [text for text in threads if "sleeper" in text]
    # Without debug symbols the C library's two frames below have no name.
    expect(len(sleeping) == 12 and "[cut" not in result.out and all(
        re.search(r"sleeper .*\n.*(start_thread|libc).*\n.*(clone|libc)", text) for text in sleeping),
           f"{len(sleeping)} sleepers, or cut stacks: {result}")


@case
def json_has_threads_and_frames():
    process, ready = live.workload("blocked.py")
    document = json.loads(live.connprof("dump", "-p", process.pid, "--json").expect_status(0).out)
    text = json.dumps(document)
    for function in ready["threads"]:
        expect(function in text, f"{function} is not in {text[:2000]}")


@case
def dump_neither_stops_nor_changes_the_target():
    process, _ = live.workload("blocked.py")
    before = open(f"/proc/{process.pid}/status").read()
    started = live.start("sh", "-c", 'for i in 1 2 3; do "$0" dump -p "$1" >/dev/null; done', live.CONNPROF, process.pid)
    states = set()
    while started.poll() is None:
        states.add(re.search(r"State:\t(\S)", open(f"/proc/{process.pid}/status").read()).group(1))
        expect("TracerPid:\t0" in open(f"/proc/{process.pid}/status").read(), "ptrace was used")
    expect(not states & {"T", "t"}, f"the target was stopped: {states}")
    after = open(f"/proc/{process.pid}/status").read()
    field = lambda text, name: re.search(rf"{name}:\s+(\d+)", text).group(1)
    expect(field(before, "nonvoluntary_ctxt_switches").isdigit() and field(after, "Threads") == field(before, "Threads"), after)
    expect(live.answer(process)["done"], "the target's work was disturbed")


@case
def dump_of_a_gone_thread_group_leader():
    # main() has ended by pthread_exit, its threads go on: the process is alive though its leader is a zombie.
    code = ("import ctypes, threading, time, sys\n"
            "def go_on():\n    while True:\n        time.sleep(0.2)\n"
            "threading.Thread(target=go_on).start()\nprint('ready {}', flush=True)\n"
            "ctypes.CDLL(None).syscall(60, 0)\n")
    process = live.start(live.sys.executable, "-c", code)
    live.ready_line(process)
    live.wait_for(lambda: ") Z " in open(f"/proc/{process.pid}/stat").read(), "the leader's end")
    result = live.connprof("dump", "-p", process.pid)
    expect(result.status in (0, 3), str(result))
    if result.status == 0:
        expect("go_on" in result.out, str(result))
    else:
        result.expect_error(3, str(process.pid))


@case
def doctor_says_what_works_here():
    result = live.connprof("doctor").expect_status(0)
    for wanted in ("BTF", "profil"):
        expect(re.search(wanted, result.out, re.I), f"no word on {wanted}: {result}")
    document = json.loads(live.connprof("doctor", "--json").expect_status(0).out)
    expect(document, "an empty JSON")


@case
def doctor_without_btf_says_so():
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        live.unable("this kernel has no BTF")
    empty = live.folder() / "empty"
    empty.write_bytes(b"")
    process = live.start("unshare", "-m", "--propagation", "private", "sh", "-c",
                         f'mount --bind "{empty}" /sys/kernel/btf/vmlinux && exec "$0" doctor', live.CONNPROF,
                         stderr=subprocess.PIPE)
    result = live.connprof_end(process).expect_status(3)
    expect(re.search(r"BTF.*(no|missing|not|absent)", result.out, re.I | re.S), str(result))


@case
def dump_is_not_hurt_by_a_target_that_dies():
    for _ in range(6):
        process, _ = live.workload("blocked.py", "busy")
        command = live.start(live.CONNPROF, "dump", "-p", process.pid, stderr=subprocess.PIPE)
        os.kill(process.pid, signal.SIGKILL)
        result = live.connprof_end(command)
        expect(result.status in (0, 3), str(result))
        if result.status:
            result.expect_error(3, str(process.pid))


if __name__ == "__main__":
    live.main()

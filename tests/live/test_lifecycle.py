# SPDX-License-Identifier: BSD-2-Clause
"""Targets that change while they are recorded: exit, exec, fork, dlopen, upgraded files, many short children, Ctrl-C."""
import os
import re
import shutil
import signal
import time

import cpythons
import live
from live import bare, case, expect


def recording_while(process, change, seconds=3, arguments=()):
    """Records process, lets `change` happen once attached, and returns (Folded, Result)."""
    path = live.folder() / "out.folded"
    command = live.connprof_start("record", "-p", process.pid, "-d", seconds, "-r", 199, "-o", path, *arguments)
    time.sleep(0.5)
    change()
    result = live.connprof_end(command, timeout=seconds + 15).expect_status(0)
    return live.Folded(path.read_text()), result


@case
def target_exits():
    process, _ = live.workload("changing", "exit")
    started = time.monotonic()
    folded, _ = recording_while(process, lambda: live.go(process), seconds=25)
    expect(time.monotonic() - started < 10, "the recording went on without a target")
    expect(process.wait() == 7, "the target's exit status changed")
    expect(folded.with_frame("before_burn") > 20, f"what was sampled is not written: {folded}")


@case
def target_is_killed():
    process, _ = live.workload("split")
    folded, _ = recording_while(process, lambda: os.kill(process.pid, signal.SIGKILL), seconds=25)
    expect(folded.with_frame("alpha") > 10, f"what was sampled is not written: {folded}")


@case
def target_execs_another_program():
    process, _ = live.workload("changing", "exec", live.WORKLOADS / "deep", 30)
    folded, _ = recording_while(process, lambda: live.go(process))
    expect(folded.with_frame("before_burn") > 20, f"before the exec: {folded}")
    good = folded.count(lambda frames: sum(bare(f) == "recurse" for f in frames) == 30 and "main" in map(bare, frames))
    expect(good > 50 and good >= folded.with_frame("recurse") * 0.95, f"after the exec, {good} complete stacks: {folded}")


@case
def target_execs_python():
    process, _ = live.workload("changing", "exec", cpythons.python("system").path, live.SCRIPTS / "mixed.py")
    folded, _ = recording_while(process, lambda: live.go(process), seconds=4)
    expect(folded.with_frame("leaf") > 50, f"Python frames after the exec: {folded}")


@case
def forked_child_is_followed():
    process, _ = live.workload("changing", "fork")
    folded, _ = recording_while(process, lambda: live.go(process))
    expect(folded.with_frame("child_burn") > 50, f"the child is missing: {folded}")


@case
def no_children_leaves_the_child_out():
    process, _ = live.workload("changing", "fork")
    folded, _ = recording_while(process, lambda: live.go(process), arguments=["--no-children"])
    expect(folded.with_frame("child_burn") == 0, f"the child is there: {folded}")
    expect(folded.with_frame("before_burn") > 20, f"the parent is missing: {folded}")


@case
def children_that_exist_already_are_followed():
    process, _ = live.workload("changing", "fork")
    live.go(process)
    live.wait_for(lambda: open(f"/proc/{process.pid}/task/{process.pid}/children").read(), "the child")
    folded = live.record(process.pid)
    expect(folded.with_frame("child_burn") > 50, f"the child is missing: {folded}")


@case
def loaded_object_is_unwound_and_named():
    process, _ = live.workload("changing", "dlopen", live.WORKLOADS / "plugin.so")
    folded, _ = recording_while(process, lambda: live.go(process))
    inside = folded.with_frame("plugin_inner")
    good = folded.count(lambda frames: [bare(f) for f in frames][-3:] == ["plugin_burn", "plugin_inner", "workload_burn"]
                        and "main" in map(bare, frames))
    expect(inside > 50 and good >= inside * 0.9, f"{good} of {inside} stacks from the new object are complete: {folded}")


@case
def files_replaced_on_disk_do_not_matter():
    # As a package upgrade does it: the old file is gone, another of the same name is there.
    binary, plugin = live.folder() / "changing", live.folder() / "plugin.so"
    shutil.copy(live.WORKLOADS / "changing", binary)
    shutil.copy(live.WORKLOADS / "plugin.so", plugin)
    process = live.start(binary, "dlopen", plugin)
    live.ready_line(process)
    live.go(process)
    live.wait_for(lambda: "plugin.so" in open(f"/proc/{process.pid}/maps").read(), "the plugin")
    for path in (binary, plugin):
        path.unlink()
        path.write_bytes(b"\x7fELF not the old one\n" * 400)
    folded = live.record(process.pid)
    inside = folded.with_frame("plugin_inner")
    expect(inside > folded.total * 0.8, f"names of deleted files: {folded}")
    expect(folded.count(lambda frames: "main" in map(bare, frames)) >= folded.total * 0.99, f"stacks of deleted files: {folded}")


@case
def files_vanish_while_recording():
    binary = live.folder() / "deep"
    shutil.copy(live.WORKLOADS / "deep", binary)
    process = live.start(binary, 20)
    live.ready_line(process)
    folded, _ = recording_while(process, binary.unlink)
    good = folded.count(lambda frames: sum(bare(f) == "recurse" for f in frames) == 20)
    expect(good >= folded.total * 0.99, f"{good} of {folded.total}: {folded}")


@case
def many_short_lived_children():
    script = "i=0; while [ $i -lt 150 ]; do /bin/true; i=$((i+1)); done; read x"
    process = live.start("sh", "-c", script)
    path = live.folder() / "out.folded"
    live.connprof("record", "-p", process.pid, "-d", 3, "-o", path, timeout=30).expect_status(0)
    live.Folded(path.read_text())


@case
def command_is_recorded_from_its_start_and_ended_with_the_recording():
    started = time.monotonic()
    result = live.connprof("record", "-d", 2, "-o", "out.folded", "--", live.WORKLOADS / "split",
                           stdin=live.open_stdin()).expect_status(0)
    expect(time.monotonic() - started < 12, "the command was not ended at the end of -d")
    expect("ready" in result.out, f"the command's own output did not pass through: {result}")
    folded = live.Folded((live.folder() / "out.folded").read_text())
    expect(folded.with_frame("alpha") > 20, str(folded))


@case
def signals_are_passed_on_to_the_command():
    process = live.connprof_start("record", "-o", "out.folded", "--", live.WORKLOADS / "split", stdin=live.open_stdin())
    children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
    result = live.connprof_end(process, signal.SIGTERM)
    result.expect_status(0)
    for child in children:
        expect(not os.path.exists(f"/proc/{child}"), "the command goes on")
    live.Folded((live.folder() / "out.folded").read_text())


@case
def duration_is_kept():
    process, _ = live.workload("split")
    for duration, seconds in (("500ms", 0.5), ("2s", 2.0)):
        started = time.monotonic()
        result = live.connprof("record", "-p", process.pid, "-d", duration, "-o", "x.folded").expect_status(0)
        took = time.monotonic() - started
        expect(seconds <= took < seconds + 3, f"-d {duration} took {took:.1f} s: {result}")
    expect(re.search(r"\d+ samples", result.err), f"no summary: {result}")


if __name__ == "__main__":
    live.main()

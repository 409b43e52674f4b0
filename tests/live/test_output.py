# SPDX-License-Identifier: BSD-2-Clause
"""Output files are written whole or not at all, whatever interrupts: signals at every stage, full disk, closed pipes."""
# LIMIT_SECONDS = 120
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as tree

import live
from live import case, cases_for, expect


def leftovers():
    """Files in the scratch folder that are no output anybody asked for."""
    return [name for name in os.listdir(live.folder()) if not name.startswith("out")]


@cases_for([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], lambda number: number.name.lower())
def signal_at_every_stage_leaves_a_whole_output_or_none(number):
    target, _ = live.workload("split")
    for delay in range(0, 500, 45):
        path = live.folder() / f"out-{delay}.folded"
        process = live.start(live.CONNPROF, "record", "-p", target.pid, "-o", path, "-d", 20, stderr=subprocess.PIPE)
        time.sleep(delay / 1000)
        result = live.connprof_end(process, number, timeout=10)
        if result.status == 0:
            expect(path.exists(), f"status 0, and no output after {delay} ms: {result}")
        if path.exists():
            live.Folded(path.read_text())
        expect(result.status in (0, 3, -number, 128 + number), f"after {delay} ms: {result}")
        expect(not leftovers(), f"left behind after {delay} ms: {leftovers()}")
    # Whoever lets it work for a second gets what was sampled.
    path = live.folder() / "out-late.folded"
    process = live.connprof_start("record", "-p", target.pid, "-o", path)
    time.sleep(1)
    live.connprof_end(process, number).expect_status(0)
    expect(live.Folded(path.read_text()).total > 20, "what was sampled before the signal is not written")


@case
def what_could_not_be_written_is_kept_beside_what_was_kept_before():
    target, _ = live.workload("split")
    for name in ("connprof-rescue.pb.gz", "connprof-rescue-2.pb.gz"):
        result = live.connprof("record", "-p", target.pid, "-d", "0.5", "-f", "folded", "-o", "/dev/full").expect_status(3)
        expect(f"the samples are kept in {name}" in result.err, f"{result}")
        out = live.connprof("report", live.folder() / name, "-f", "folded", "-o", "-").expect_status(0).out
        expect(live.Folded(out).total > 10, f"{name} holds next to nothing: {out}")


@case
def second_interrupt_ends_at_once_without_half_a_file():
    target, _ = live.workload("split")
    path = live.folder() / "out.svg"
    process = live.connprof_start("record", "-p", target.pid, "-o", path)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.005)
    result = live.connprof_end(process, signal.SIGINT, timeout=5)
    if path.exists():
        tree.parse(path)
    expect(not leftovers(), f"left behind: {leftovers()} {result}")


@case
def killed_connprof_leaves_the_old_file_whole():
    target, _ = live.workload("split")
    path = live.folder() / "out.svg"
    path.write_text("the old file")
    for delay in (0.1, 0.6, 1.05):
        process = live.start(live.CONNPROF, "record", "-p", target.pid, "-o", path, "-d", 1, stderr=subprocess.PIPE)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        text = path.read_text()
        if text != "the old file":
            tree.fromstring(text)


@case
def output_in_a_missing_folder_is_refused_early():
    target, _ = live.workload("split")
    started = time.monotonic()
    live.connprof("record", "-p", target.pid, "-d", 10, "-o", "no/such/folder/x.svg").expect_error(3, "no/such/folder", "No such file")
    expect(time.monotonic() - started < 5, "it recorded first")


@case
def output_that_is_a_folder_is_refused():
    target, _ = live.workload("split")
    (live.folder() / "out.svg").mkdir()
    live.connprof("record", "-p", target.pid, "-d", 1, "-o", "out.svg").expect_error(3, "out.svg", "directory")


def in_private_mounts(script, *arguments):
    """Runs the command after `script` in a mount namespace of its own; "$0" "$@" in the script is the command."""
    return live.start("unshare", "-m", "--propagation", "private", "sh", "-c", script, live.CONNPROF, *arguments,
                      stderr=subprocess.PIPE, cwd=live.folder())


@case
def read_only_output_is_refused():
    target, _ = live.workload("split")
    (live.folder() / "out").mkdir()
    process = in_private_mounts('mount -t tmpfs -o ro none out && exec "$0" "$@"', "record", "-p", target.pid, "-d", 1,
                                "-o", "out/x.svg")
    live.connprof_end(process).expect_error(3, "out/x.svg", "read-only")


@case
def full_disk_keeps_the_old_file_whole():
    target, _ = live.workload("deep", 300)
    (live.folder() / "out").mkdir()
    script = """mount -t tmpfs -o size=64k none out && printf 'the old file' > out/x.svg && dd if=/dev/zero of=out/fill bs=1k count=48 \
2>/dev/null && "$0" "$@"; status=$?; ls out; cat out/x.svg; exit $status"""
    process = in_private_mounts(script, "record", "-p", target.pid, "-d", 1, "-o", "out/x.svg")
    result = live.connprof_end(process).expect_status(3)
    expect(re.search(r"connprof: .*out/x\.svg.*No space", result.err), str(result))
    expect(result.out.endswith("the old file"), f"the old file is not whole: {result}")
    expect(result.out.splitlines()[0] == "fill" and result.out.splitlines()[1].startswith("x.svg"), f"left behind: {result}")


@case
def full_standard_output_is_an_error():
    target, _ = live.workload("split")
    with open("/dev/full", "w", encoding="ascii") as full:
        process = live.start(live.CONNPROF, "record", "-p", target.pid, "-d", 1, "-f", "folded", "-o", "-", stdout=full,
                             stderr=subprocess.PIPE)
        result = live.connprof_end(process).expect_status(3)
    expect("No space" in result.err, str(result))


@case
def closed_pipe_is_one_line_and_no_crash():
    target, _ = live.workload("deep", 300)
    script = '"$0" record -p "$1" -d 1 -f folded -o - 2>err | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}'
    process = live.start("bash", "-c", script, live.CONNPROF, target.pid, cwd=live.folder())
    result = live.connprof_end(process)
    errors = (live.folder() / "err").read_text()
    expect(result.out.strip() in ("0", "3"), f"status {result.out}: {errors}")
    complaints = [line for line in errors.splitlines() if line.startswith("connprof: ")]
    expect(len(complaints) <= 1, errors)


@case
def closed_standard_output_is_an_error():
    target, _ = live.workload("split")
    process = live.start("sh", "-c", '"$0" dump -p "$1" >&-', live.CONNPROF, target.pid, stderr=subprocess.PIPE)
    result = live.connprof_end(process).expect_status(3)
    expect(result.err.startswith("connprof: "), str(result))


@case
def standard_output_holds_only_the_report():
    target, _ = live.workload("split")
    result = live.connprof("record", "-p", target.pid, "-d", 1, "-f", "folded", "-o", "-").expect_status(0)
    expect(live.Folded(result.out).with_frame("alpha") > 10, str(result))
    expect("samples" in result.err, f"no summary on standard error: {result}")


@case
def fifo_and_null_are_written_in_place():
    target, _ = live.workload("split")
    live.connprof("record", "-p", target.pid, "-d", 1, "-f", "folded", "-o", "/dev/null").expect_status(0)
    expect(not os.path.isfile("/dev/null"), "/dev/null was replaced by a file")


@case
def every_format_is_whole_after_an_interrupt():
    target, _ = live.workload("split")
    for name in ("out.svg", "out.speedscope.json", "out.pb.gz"):
        process = live.connprof_start("record", "-p", target.pid, "-o", name)
        time.sleep(0.6)
        live.connprof_end(process, signal.SIGINT).expect_status(0)
        path = live.folder() / name
        if name.endswith(".svg"):
            tree.parse(path)
        elif name.endswith(".json"):
            json.loads(path.read_text())
        else:
            expect(gzip.open(path).read(), "an empty recording")


@case
def no_flamegraph_script_names_the_package():
    if shutil.which("flamegraph.pl"):
        live.unable("flamegraph.pl is on the PATH of this machine")
    target, _ = live.workload("split")
    found = "/usr/share/perl5/Devel/NYTProf"
    if not os.path.isdir(found):
        live.missing("libdevel-nytprof-perl")
    process = in_private_mounts(f'mount -t tmpfs none {found} && exec "$0" "$@"', "record", "-p", target.pid, "-d", 1)
    live.connprof_end(process).expect_error(3, "flamegraph.pl", "libdevel-nytprof-perl")


if __name__ == "__main__":
    live.main()

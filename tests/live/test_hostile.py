# SPDX-License-Identifier: BSD-2-Clause
"""Targets that lie: connprof runs as root on what the target owns, and must neither hang, grow, crash nor believe."""
import json
import os
import re
import shutil
import socket
import stat
import xml.etree.ElementTree

import cpythons
import live
from live import bare, case, expect


def perf_map(pid):
    return f"/tmp/perf-{pid}.map"


def with_map(make):
    """Records a program that runs code of its own making while its perf map is whatever `make` puts there."""
    process, ready = live.workload("jit")
    path = perf_map(process.pid)
    try:
        make(path, ready)
        folded = live.record(process.pid, seconds=1)
        live.connprof("dump", "-p", process.pid, timeout=15).expect_status(0)
    finally:
        if os.path.lexists(path):
            os.unlink(path)
    good = folded.count(lambda frames: ready["caller"] in map(bare, frames) and "main" in map(bare, frames))
    expect(good > folded.total * 0.95, f"{good} of {folded.total} stacks go through the made code to main: {folded}")
    return folded


@case
def perf_map_names_made_code():
    def make(path, ready):
        with open(path, "w", encoding="ascii") as out:
            out.write(f"{ready['address']:x} {ready['size']:x} jitted_function\n")
    folded = with_map(make)
    expect(folded.with_frame("jitted_function") > folded.total * 0.9, f"{folded}")


@case
def perf_map_that_is_a_fifo_does_not_hang():
    expect("perf map" in with_map(lambda path, _ready: os.mkfifo(path)).summary, "nothing says that the map was not read")


@case
def perf_map_that_is_a_socket_is_told():
    def make(path, _ready):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
    expect("not a regular file" in with_map(make).summary, "nothing says that the map was not read")


@case
def perf_map_of_ten_gigabytes_is_not_read():
    def make(path, _ready):
        with open(path, "wb") as sparse:
            sparse.truncate(10 << 30)
    expect("larger than 64 MiB" in with_map(make).summary, "nothing says that the map was not read")


@case
def perf_map_that_is_a_link_does_no_harm():
    def make(path, ready):
        secret = live.folder() / "secret"
        secret.write_text(f"{ready['address']:x} {ready['size']:x} secret_line\n")
        secret.chmod(0o600)
        os.symlink(secret, path)
    folded = with_map(make)
    # Its own link to a file of its own is harmless; what matters is that nothing hangs and the stacks stay whole.
    expect(folded.total > 10, str(folded))


@case
def program_that_pretends_to_be_python_goes_on_natively():
    liar = live.folder() / "python3.11"
    shutil.copy(live.WORKLOADS / "liar", liar)
    process = live.start(liar)
    live.ready_line(process)
    folded = live.record(process.pid, seconds=2)
    good = folded.count(lambda frames: "liar_burn" in map(bare, frames) and "main" in map(bare, frames))
    expect(good > folded.total * 0.95, f"{good} of {folded.total} native stacks: {folded}")
    live.connprof("dump", "-p", process.pid, timeout=15).expect_status(0)


@case
def output_is_not_written_through_a_symlink_that_someone_planted():
    # The temporary file's name must not be one that others can guess and lay a link at.
    process, _ = live.workload("split")
    victim = live.folder() / "victim"
    victim.write_text("precious")
    out = live.folder() / "shared"
    out.mkdir(mode=0o777)
    for name in ("x.folded.tmp", "x.folded~", ".x.folded.tmp", "x.folded.new", ".x.folded.swp"):
        (out / name).symlink_to(victim)
    live.connprof("record", "-p", process.pid, "-d", 1, "-o", out / "x.folded").expect_status(0)
    expect(victim.read_text() == "precious", "written through a link")
    mode = (out / "x.folded").stat().st_mode
    expect(stat.S_ISREG(mode) and not mode & 0o002, f"mode {oct(mode)}")


@case
def endless_execs_and_forks_do_not_stop_the_recording():
    loop = 'while :; do /bin/true & /bin/true; wait; done'
    process = live.start("sh", "-c", loop)
    result = live.connprof("record", "-p", process.pid, "-d", 2, "-o", "x.folded", timeout=20).expect_status(0)
    live.Folded((live.folder() / "x.folded").read_text())
    expect("samples" in result.err, str(result))


def lying_python(python, lie):
    process, ready = live.workload("hostile.py", lie, python=python.path)
    folded = live.record(process.pid, "-r", "199", seconds=1)
    dump = live.connprof("dump", "-p", process.pid, timeout=20).expect_status(0)
    expect(process.poll() is None, "the target did not survive")
    expect(folded.total > 20, f"{folded}: {folded.summary}")
    return process, ready, folded, dump


@cpythons.on_pythons("3.13", "system")
def frames_in_a_circle_are_cut_and_counted(python):
    _, _, folded, dump = lying_python(python, "circle")
    expect(re.search(r"Python frames cut: (too deep|caught in the middle of a change) \d+", folded.summary), folded.summary)
    expect(len(dump.out.splitlines()) < 3000, f"{len(dump.out.splitlines())} lines of dump")


@cpythons.on_pythons("3.13")
def thread_states_in_a_circle_are_refused_in_words(python):
    _, _, folded, dump = lying_python(python, "states")
    expect(re.search("does not keep its threads and frames where that version does", folded.summary), folded.summary)


@cpythons.on_pythons("3.13")
def names_of_any_length_are_cut_or_refused(python):
    _, _, folded, dump = lying_python(python, "lengths")
    names = [bare(frame) for frames, _ in folded.stacks for frame in frames]
    expect(any(name.startswith("two_gigabytes") or name == "[unreadable frame]" for name in names), str(folded))
    expect("[unreadable frame]" in names, f"a name of 2^60 characters: {folded}")
    expect(max(map(len, names)) < 1000 and "burn" in names, f"a name of {max(map(len, names))} characters")


@case
def names_that_end_lines_fields_and_sections_are_data_in_every_format():
    process, _ = live.workload("hostile.py", "text")
    for name in ("x.folded", "x.svg", "x.html", "x.speedscope.json", "x.pb.gz"):
        live.connprof("record", "-p", process.pid, "-d", "500ms", "-r", "499", "-o", name).expect_status(0)
    folded = live.Folded((live.folder() / "x.folded").read_text(encoding="utf-8"))
    shown = "evil?[31m:?]]></script><b>??'\"& 12"
    expect(any(bare(frame) == shown for frames, _ in folded.stacks for frame in frames), str(folded))
    svg = (live.folder() / "x.svg").read_text(encoding="utf-8")
    texts = "".join(xml.etree.ElementTree.fromstring(svg).itertext())
    expect("evil?[31m" in texts and "\x1b" not in svg, "the name is not in the picture, or is more than text there")
    page = (live.folder() / "x.html").read_text(encoding="utf-8")
    expect("evil?[31m" in page and "</script><b>" not in page, "the page takes the name for markup")
    speedscope = json.loads((live.folder() / "x.speedscope.json").read_text(encoding="utf-8"))
    expect(any("evil" in frame["name"] for frame in speedscope["shared"]["frames"]), "not in speedscope's frames")
    again = live.connprof("report", "x.pb.gz", "-f", "folded", "-o", "-").expect_status(0)
    expect("evil?[31m:?]]>" in again.out, again.out[:500])
    dump = live.connprof("dump", "-p", process.pid).expect_status(0).out
    expect("\x1b" not in dump and "\r" not in dump and "\x9b" not in dump and "evil" in dump, repr(dump[:500]))


if __name__ == "__main__":
    live.main()

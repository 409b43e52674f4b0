# SPDX-License-Identifier: BSD-2-Clause
"""Targets that lie: connprof runs as root on what the target owns, and must neither hang, grow, crash nor believe."""
import os
import shutil
import stat

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
    with_map(lambda path, _ready: os.mkfifo(path))


@case
def perf_map_of_ten_gigabytes_is_not_read():
    def make(path, _ready):
        with open(path, "wb") as sparse:
            sparse.truncate(10 << 30)
    with_map(make)


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


if __name__ == "__main__":
    live.main()

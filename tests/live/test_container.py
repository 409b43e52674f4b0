# SPDX-License-Identifier: BSD-2-Clause
"""Targets in namespaces of their own: other process ids, another root, files that only they see."""
import os
import pathlib
import re
import shutil
import subprocess

import live
from live import bare, case, expect


def small_root(*programs):
    """A root with these workloads and the libraries they need, nothing else."""
    root = live.folder() / "root"
    for name in ("tmp", "proc"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o777)
    for program in programs:
        shutil.copy(live.WORKLOADS / program, root / program)
        listed = subprocess.run(["ldd", live.WORKLOADS / program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    return root


def contained(root, *command):
    """Starts a command in new pid, mount and user namespaces with another root: its process id as we see it, and its ready line."""
    unshare = shutil.which("unshare") or live.missing("unshare (util-linux)")
    if subprocess.run([unshare, "--user", "true"], capture_output=True, check=False).returncode:
        live.unable("the kernel makes no user namespace for us here (in a chroot it never does)")
    outer = live.start(unshare, "--user", "--map-root-user", "--pid", "--mount", "--fork", "--kill-child",
                       "chroot", root, *command)
    ready = live.ready_line(outer)
    children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
    expect(len(children) == 1, f"unshare has {children} for children")
    return int(children[0]), ready


def ids_in_namespaces(pid):
    return re.search(r"^NSpid:\s*(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1).split()


@case
def perf_map_is_the_containers_own():
    root = small_root("jit")
    pid, ready = contained(root, "/jit")
    inner = ids_in_namespaces(pid)[-1]
    expect(inner == "1", f"the target is {inner} in its namespace")
    entry = f"{ready['address']:x} {ready['size']:x} "
    (root / "tmp" / f"perf-{inner}.map").write_text(entry + "right_name\n")
    wrong = [pathlib.Path(f"/tmp/perf-{pid}.map"), root / "tmp" / f"perf-{pid}.map"]
    try:
        for path in wrong:
            path.write_text(entry + "wrong_name\n")
        folded = live.record(pid, "-r", "199", seconds=1)
        dump = live.connprof("dump", "-p", pid).expect_status(0)
    finally:
        for path in wrong:
            path.unlink(missing_ok=True)
    good = folded.count(lambda frames: {"main", ready["caller"], "right_name"} <= set(map(bare, frames)))
    expect(good > folded.total * 0.9, f"{good} of {folded.total} stacks are named by the container's map: {folded}")
    expect("wrong_name" not in str(folded.stacks) and "right_name" in dump.out, f"{dump}")


@case
def objects_are_read_through_the_containers_root():
    root = small_root("split")
    pid, ready = contained(root, "/split")
    # Where its path leads outside there is other code; and the file it runs is gone.
    shutil.copy(root / "split", root / "split.old")
    (root / "split").unlink()
    folded = live.record(pid, "-r", "199", seconds=1)
    good = folded.count(lambda frames: set(ready["functions"]) & set(map(bare, frames)) and "main" in map(bare, frames))
    expect(good > folded.total * 0.9, f"{good} of {folded.total}: {folded}")
    expect("100.0 % complete" in folded.summary, folded.summary)


@case
def debug_file_is_found_in_the_containers_root():
    root = small_root("split")
    subprocess.run(["objcopy", "--only-keep-debug", root / "split", root / "split.debug"], check=True)
    subprocess.run(["strip", "-s", root / "split"], check=True)
    subprocess.run(["objcopy", f"--add-gnu-debuglink={root / 'split.debug'}", root / "split"], check=True)
    pid, ready = contained(root, "/split")
    folded = live.record(pid, "-r", "199", seconds=1)
    good = folded.count(lambda frames: any(re.search(r"^(alpha|beta|gamma_work) \(\S*split\.c:\d+\)", frame) for frame in frames))
    expect(good > folded.total * 0.9, f"{good} of {folded.total} stacks are named by the debug file ({ready}): {folded}")


@case
def descriptor_of_our_own_is_not_a_way_out_of_the_containers_root():
    # A perf map that is a symbolic link out of the root: inside it leads nowhere.
    root = small_root("jit")
    pid, ready = contained(root, "/jit")
    outside = live.folder() / "outside.map"
    outside.write_text(f"{ready['address']:x} {ready['size']:x} outside_name\n")
    os.symlink(f"../../../../../../../../../..{outside}", root / "tmp" / "perf-1.map")
    folded = live.record(pid, "-r", "199", seconds=1)
    expect("outside_name" not in str(folded.stacks), f"read through a link out of the root: {folded}")
    expect(folded.total > 5, str(folded))


if __name__ == "__main__":
    live.main()

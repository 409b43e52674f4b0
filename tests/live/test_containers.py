# SPDX-License-Identifier: BSD-2-Clause
"""Targets in pid and mount namespaces of their own, under another root: read by their own files, threads by the kernel's ids."""
import json
import os
import re
import subprocess

import cpythons
import live
from live import bare, expect

# A root made of mounts, that only the target's mount namespace has: its Python lies where this one has nothing.
ROOT = r"""
set -e
root=$1 prefix=$2 script=$3
mount -t tmpfs -o size=1m none "$root"
mkdir "$root/usr" "$root/proc" "$root/srv" "$root/nowhere-else" "$root/tmp"
mount --bind /usr "$root/usr"
mount -t proc proc "$root/proc"
for link in bin lib lib64; do ln -s usr/$link "$root/$link"; done
mount --bind "$prefix" "$root/nowhere-else"
cp "$script" "$root/srv/"
shift 3
export LD_LIBRARY_PATH=/nowhere-else/lib PYTHONHOME=/nowhere-else
exec chroot "$root" /nowhere-else/bin/python3 "/srv/$(basename "$script")" "$@"
"""


def contained(python, script, *arguments):
    """The workload in a container, and its pid as the kernel has it: inside it is 1."""
    root = live.folder() / "root"
    root.mkdir()
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(python.path)))
    process = live.start("unshare", "--pid", "--fork", "--mount", "--propagation", "private", "sh", "-c", ROOT, "sh", root,
                         prefix, live.SCRIPTS / script, *arguments)
    ready = live.ready_line(process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
    expect(len(children) == 1, f"children {children}")
    status = open(f"/proc/{children[0]}/status").read()
    expect(re.search(r"NSpid:\t\d+\t1\n", status), f"no pid namespace of its own: {status}")
    return process, int(children[0]), ready


@cpythons.on_pythons("3.8", "3.13")
def python_in_a_container_is_read_through_its_own_root(python):
    process, pid, ready = contained(python, "mixed.py")
    folded = live.record(pid, "-r", "199", seconds=1)
    whole = folded.count(lambda frames: [bare(f).rpartition(".")[2] for f in frames if not re.search(r"_\[[ni]\]$", f)]
                         == ready["order"])
    expect(whole > folded.total * 0.9, f"{whole} of {folded.total} stacks are {ready['order']}: {folded}")
    expect(not folded.count(lambda frames: frames[0].startswith("[cut")), folded.summary)
    process.stdin.close()


@cpythons.on_pythons("3.8", "3.13")
def threads_of_a_container_are_told_apart(python):
    target, pid, ready = contained(python, "blocked.py")
    document = json.loads(live.connprof("dump", "-p", pid, "--json").expect_status(0).out)
    found = {}
    for thread in (thread for process in document["processes"] for thread in process["threads"]):
        names = [frame["function"].rpartition(".")[2] for frame in thread["stack"] if frame["kind"] == "python"]
        found.update({name: thread["tid"] for name in names if name in ready["threads"]})
    expect(set(found) == set(ready["threads"]) and len(set(found.values())) == len(found), f"{found}: {document}")
    inside = {tid: open(f"/proc/{pid}/task/{tid}/status").read() for tid in found.values()}
    expect(all("NSpid" in status for status in inside.values()), "thread ids are not the kernel's")
    target.stdin.close()


if __name__ == "__main__":
    live.main()

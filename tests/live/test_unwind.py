# SPDX-License-Identifier: BSD-2-Clause
"""Native stacks where unwinding is hard: each program knows which chain of calls is right, and no other may show."""
import os
import re
import shutil
import struct

import live
from live import bare, case, expect


def names(frames):
    return [bare(frame) for frame in frames]


def has_chain(frames, chain):
    """Do these functions follow each other, with nothing between?"""
    found = names(frames)
    return any(found[at:at + len(chain)] == list(chain) for at in range(len(found) - len(chain) + 1))


def under(folded, function):
    return folded.count(lambda frames: function in names(frames))


def reaching_root(folded):
    """The share of stacks that are whole. A process that ends has no stack any more."""
    cut = folded.count(lambda frames: any(frame.startswith("[cut") and "no user registers" not in frame for frame in frames[:3]))
    return (folded.total - cut) / max(folded.total, 1)


def complete(folded, share=1.0):
    """At least this share reaches the root; the summary names the reasons of the rest."""
    expect(reaching_root(folded) >= share, f"{1 - reaching_root(folded):.2%} of {folded.total} stacks are cut: {folded.summary} {folded}")


@case
def calls_through_the_plt_are_complete():
    process, ready = live.workload("plt")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    complete(folded)
    for frames, count in folded.stacks:
        expect(has_chain(frames, ["main"]) and ({ready["caller"], "poll", "workload_over", "puts"} & set(names(frames))),
               f"{count} samples of {frames}")


@case
def vfork_and_its_child_are_complete():
    process, ready = live.workload("vforks")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    complete(folded, 0.99)
    inside = under(folded, ready["child"])
    good = folded.count(lambda frames: has_chain(frames, ["main", ready["caller"], ready["child"]]))
    expect(inside > 5 and good == inside, f"{good} of {inside} stacks of children hold their caller: {folded}")
    expect(folded.count(lambda frames: has_chain(frames, ["main", "spawn_many", "vfork"])) > 0, f"none is in vfork: {folded}")


@case
def time_in_the_dynamic_linker_is_complete():
    process, ready = live.workload("loader", live.WORKLOADS / "liblazy.so")
    # Now and then the object is gone again when a stack through it is looked at, oftener on a busy machine: the middle one of three.
    folded = sorted((live.record(process.pid, "-r", "997", seconds=1) for _ in range(3)), key=reaching_root)[1]
    complete(folded, 0.97)
    binding = folded.count(lambda frames: has_chain(frames, ["main", ready["caller"], ready["lazy"]])
                           and any("_dl_fixup" in frame or "_dl_runtime_resolve" in frame for frame in frames))
    expect(binding > 1, f"no stack goes through lazy binding to its caller: {folded}")
    expect(folded.share(lambda frames: has_chain(frames, ["main", ready["caller"]])) > 0.9, f"not under load: {folded}")


@case
def threads_being_made_are_complete():
    # The C library's clone() has no unwind information around its system call.
    process, ready = live.workload("threadlets")
    folded = live.record(process.pid, "-r", "997", seconds=1)
    complete(folded, 0.99)
    making = folded.count(lambda frames: re.match(r"(__)?clone", bare(frames[-1])) is not None and has_chain(frames, ["main", ready["caller"]]))
    expect(making > 0, f"no stack ends in clone, called from main: {folded}")


@case
def realigned_frame_is_stepped_by_rows():
    process, ready = live.workload("realigned")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    complete(folded)
    good = folded.count(lambda frames: has_chain(frames, ready["chain"]) or "workload_over" in names(frames))
    expect(good >= folded.total - 2, f"{good} of {folded.total} stacks are right: {folded}")


@case
def assembler_without_call_frame_information_is_read_by_its_instructions():
    process, ready = live.workload("kernel")
    folded = live.record(process.pid, "-r", "999", seconds=1)
    complete(folded)
    inside = under(folded, "kernel")
    good = folded.count(lambda frames: has_chain(frames, ready["chain"]))
    expect(inside > folded.total * 0.5 and good == inside, f"{good} of {inside} stacks in the kernel are right: {folded}")
    handled = under(folded, ready["handler"])
    through = folded.count(lambda frames: ready["handler"] in names(frames) and "main" in names(frames))
    expect(handled > 10 and through == handled, f"{through} of {handled} stacks in the handler go through: {folded}")


@case
def static_pie_is_complete():
    process, _ = live.workload("deep_static", 50)
    folded = live.record(process.pid, seconds=1)
    complete(folded)
    good = folded.count(lambda frames: has_chain(frames, ["main"] + ["recurse"] * 50))
    expect(good == folded.total, f"{good} of {folded.total}: {str(folded)[:900]}")


@case
def five_hundred_frames_are_complete():
    process, _ = live.workload("deep", 500)
    folded = live.record(process.pid, seconds=1)
    complete(folded)
    good = folded.count(lambda frames: names(frames).count("recurse") == 500 and "main" in names(frames))
    expect(good == folded.total, f"{good} of {folded.total}: {str(folded)[:900]}")


@case
def debug_frame_alone_is_enough():
    process, ready = live.workload("split_debug_frame")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    complete(folded)
    for function, caller in (("alpha", "call_alpha"), ("beta", "call_beta"), ("gamma_work", "call_gamma")):
        inside = under(folded, function)
        good = folded.count(lambda frames: has_chain(frames, ["main", caller, function]))
        expect(inside > 5 and good == inside, f"{good} of {inside} stacks of {function} are right ({ready}): {folded}")


def without_section_headers(source, target):
    shutil.copy(source, target)
    with open(target, "r+b") as file:
        head = bytearray(file.read(64))
        struct.pack_into("<Q", head, 40, 0)        # e_shoff
        struct.pack_into("<HH", head, 60, 0, 0)    # e_shnum, e_shstrndx
        file.seek(0)
        file.write(head)


@case
def object_without_section_headers_is_complete():
    program = live.folder() / "bare"
    without_section_headers(live.WORKLOADS / "deep", program)
    process = live.start(program, 20)
    live.ready_line(process)
    folded = live.record(process.pid, seconds=1)
    complete(folded)
    # Without a symbol table the object is what a frame shows: main, 20 calls, leaf (and poll, in libc).
    good = folded.count(lambda frames: names(frames).count("[bare]") >= 22)
    expect(good == folded.total, f"{good} of {folded.total}: {folded}")


@case
def deleted_and_replaced_program_is_complete_and_named():
    program = live.folder() / "service"
    shutil.copy(live.WORKLOADS / "deep", program)
    process = live.start(program, 20)
    live.ready_line(process)
    program.unlink()
    shutil.copy(live.WORKLOADS / "split", program)  # the upgrade: the same name, other code
    folded = live.record(process.pid, seconds=1)
    complete(folded)
    good = folded.count(lambda frames: has_chain(frames, ["main"] + ["recurse"] * 20))
    expect(good == folded.total, f"{good} of {folded.total}: {folded}")


@case
def handler_on_a_stack_of_its_own_continues_into_the_interrupted_code():
    process, ready = live.workload("signals", "alternate")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    inside = under(folded, ready["handler"])
    good = folded.count(lambda frames: ready["handler"] in names(frames) and has_chain(frames, ["main", ready["under"]]))
    expect(inside > 5 and good >= inside * 0.9, f"{good} of {inside} stacks of the handler go on: {folded}")
    complete(folded, 0.99)


@case
def libcrypto_is_complete():
    # Assembler whose frames are found by rsp kept on the stack, by r9, r11, rax; most of it has no symbols.
    openssl = shutil.which("openssl") or live.missing("openssl")
    for algorithm in ("sha512", "-evp aes-256-ctr", "-evp chacha20-poly1305", "-decrypt -evp aes-128-cbc"):
        path = live.folder() / "out.folded"
        command = [openssl, "speed", "-seconds", 1, "-bytes", 1024, *algorithm.split()]
        result = live.connprof("record", "-r", "997", "-d", 1, "-o", path, "--", *command).expect_status(0, 5)
        folded = live.Folded(path.read_text())
        folded.summary = result.err
        expect(folded.share(lambda frames: any("libcrypto" in frame for frame in frames)) > 0.5, f"{algorithm}: {folded}")
        complete(folded, 0.99)


@case
def inlined_functions_are_frames_of_their_own_with_file_and_line():
    process, _ = live.workload("split")
    folded = live.record(process.pid, "-r", "499", seconds=1)
    good = folded.count(lambda frames: re.fullmatch(r"workload_burn \(\S*workload\.h:\d+\)_\[i\]", frames[-1])
                        and re.fullmatch(r"(alpha|beta|gamma_work) \(\S*split\.c:\d+\)", frames[-2]))
    expect(good > folded.total * 0.9, f"{good} of {folded.total} stacks end in the inlined function: {folded}")
    folded = live.record(process.pid, "-F", seconds=1)  # by function: where each begins, the same for all its lines
    seen = {frame for frames, _ in folded.stacks for frame in frames if bare(frame) == "alpha"}
    expect(len(seen) == 1 and re.search(r"split\.c:\d+\)$", seen.pop()), f"alpha is not one frame: {folded}")


@case
def kernel_frames_stand_above_the_call_that_entered_it():
    process = live.start("dd", "if=/dev/zero", "of=/dev/null", "bs=64k", stdin=live.subprocess.DEVNULL)
    folded = live.record(process.pid, "--kernel", "-r", "499", seconds=1)
    inside = folded.count(lambda frames: frames[-1].endswith("_[k]"))
    # The kernel's functions come last, without a gap, above the C library's that called it.
    good = folded.count(lambda frames: frames[-1].endswith("_[k]") and any(re.match(r"_*(libc_)?(read|write)\b", f) for f in frames))
    expect(inside > 5 and good >= inside * 0.9, f"{good} of {inside} kernel stacks stand on read or write: {folded}")
    expect(folded.count(lambda frames: any(a.endswith("_[k]") and not b.endswith("_[k]") for a, b in zip(frames, frames[1:]))) == 0,
           f"user frames above the kernel's: {folded}")


@case
def go_shows_every_caller():
    if not (live.WORKLOADS / "goburn").exists():
        live.missing("goburn (golang-go)")
    process, ready = live.workload("goburn")
    folded = live.record(process.pid, "-r", "199", seconds=1)
    inside = under(folded, "main.inner")
    wanted = ["main.outer", "main.inner"]  # main.work may have been put into what calls it
    good = folded.count(lambda frames: has_chain(frames, wanted) and "main.work" in names(frames))
    expect(inside > 5 and good == inside, f"{good} of {inside} stacks hold {ready['chain']}: {folded}")


@case
def node_names_its_own_code():
    node = shutil.which("node") or live.missing("node (nodejs)")
    script = live.folder() / "burn.js"
    script.write_text("""
function innermost(n) { let x = n; for (let i = 0; i < 3e5; i++) x = (x * 1103515245 + 12345) & 0x7fffffff; return x; }
function middle(n) { return innermost(n) + 1; }
console.log('ready {}');
let sum = 0; const until = Date.now() + 20000;
(function run() { for (let i = 0; i < 50; i++) sum += middle(i); if (Date.now() < until) setImmediate(run); })();
process.stdin.on('end', () => process.exit()); process.stdin.resume();
""")
    process = live.start(node, "--perf-basic-prof", "--interpreted-frames-native-stack", "--no-opt", script, cwd=live.folder())
    names_file = f"/tmp/perf-{process.pid}.map"
    try:
        live.ready_line(process)
        live.wait_for(lambda: "middle" in open(names_file, encoding="utf-8", errors="replace").read(), "node to name middle")
        folded = live.record(process.pid, "-r", "199", seconds=1)
    finally:
        if os.path.exists(names_file):
            os.unlink(names_file)
    inside = folded.count(lambda frames: any("innermost" in frame for frame in frames))
    good = folded.count(lambda frames: any("innermost" in inner and "middle" in outer for outer, inner in zip(frames, frames[1:])))
    expect(inside > 5 and good >= inside * 0.9, f"{good} of {inside} stacks of node's code hold the caller: {folded}")


if __name__ == "__main__":
    live.main()

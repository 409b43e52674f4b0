/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime.h - language runtimes: find one in a process, tell the kernel walker where its frames are, and turn what the
 * walker brings back into names and lines.
 *
 * A runtime is one file with one const struct runtime_ops and one row in runtimes.c. All calls read the target with
 * process_read and take everything read as hostile.
 *
 * The walk, the same in the kernel (bpf/cpython.bpf.c) and from outside (ops->walk). T is the thread's state, L the
 * layout; [x] is the 8-byte word at x:
 *
 *   T      = [fsbase + tstate_at_fsbase] if tstate_at_fsbase is not 0 (0 found there: PYTHON_NO_STATE), else the T of the
 *            list I = [interpreters_head], T = [I + interp_threads_head], T = [T + L.tstate_next] … with
 *            [T + L.tstate_thread_id] == fsbase (none: PYTHON_NO_STATE). A calibrated T may be checked with the same
 *            thread_id test.
 *   cframe = [T + L.tstate_cframe]                                    (ANCHOR_CFRAME only)
 *   frame  = L.frame_in_cframe ? [[T + L.tstate_frame] + L.cframe_frame] : [T + L.tstate_frame]
 *   while frame:
 *     ANCHOR_SHIM, owner byte >= L.owner_shim: put {0, frame}         (the shim's address is the anchor)
 *     else:  put {[frame + L.frame_code] & ~L.code_tag_mask, instr}   instr: [frame + L.frame_instr] if
 *              L.instr_is_pointer, else the u32 there (f_lasti, read as an s32; -1: not started); in its 16 high bits, while code
 *              does not live long here, code_mark() of the code object
 *            ANCHOR_CFRAME, and L.frame_is_entry is 0xffff or the byte at frame + L.frame_is_entry is not 0:
 *              put {0, cframe}; cframe = cframe ? [cframe + L.cframe_previous] : 0
 *                (0xffff: end slots for the innermost PYTHON_CALL_ENDS_MAX only)
 *            ANCHOR_NONE: no end slots
 *     frame  = [frame + L.frame_previous]
 *     frame is the coroutine's own of the asyncio task the thread runs (state.tstate_task is not 0): put {SLOT_TASK, task}
 *     the kernel, of a connect(), after each of the innermost SELF_FRAMES_MAX frames: put {SLOT_SELF, [frame + L.frame_self]}
 *   frame == 0: PYTHON_ROOT. A top frame of 0 is PYTHON_ROOT with no slots (a thread in no Python code).
 *
 * So the slots are runs: frames innermost first, each run closed by an end slot {0, anchor}. A run cut by a fault or a
 * limit has no end slot. A run may be empty (two end slots in a row, or an end slot first): an eval call that has no
 * frame yet, or 3.15's base frame.
 */
#ifndef CONNPROF_RUNTIME_RUNTIME_H
#define CONNPROF_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strings.h"
#include "bpf/events.h"
#include "frame.h"
#include "process/process.h"

enum runtime_found {
	RUNTIME_ABSENT = 0,     /* not in this process */
	RUNTIME_READY = 1,
	RUNTIME_NOT_YET = 2,    /* there, but not initialised: ask again soon */
	RUNTIME_REFUSED = 3,    /* there, but not one we can read (unknown version, free-threaded): why is in note; native stacks go on */
};

struct runtime;  /* one runtime in one process image (not shared, not kept over exec) */

struct runtime_ops {
	const char *name;       /* "cpython" */
	/* Looks for the runtime. On READY *out is owned by the caller (ops->free) and *state is what the walker needs; on
	 * REFUSED and NOT_YET note (size bytes) says why, for a person. */
	enum runtime_found (*detect)(const struct process_identity *process, const struct process_maps *maps,
				     struct runtime **out, struct python_state *state, char *note, size_t size);
	void (*free)(struct runtime *runtime);
	/* "CPython 3.11.7" (borrowed, lives as long as the runtime). */
	const char *(*describe)(const struct runtime *runtime);
	/* Is pc inside the interpreter's eval loop (the frame Python frames belong to)? Only where the version has no anchors. */
	bool (*is_eval)(const struct runtime *runtime, uint64_t pc);
	/* Is pc in the interpreter's own object (libpython, or the executable that contains it)? */
	bool (*in_interpreter)(const struct runtime *runtime, uint64_t pc);
	/* Marks the start of a batch of events: what was cached from the target's memory is checked again once per batch. */
	void (*batch)(struct runtime *runtime);
	/* Names one frame: slot.a, slot.b as the walker brought them. Fills function, file, line, first_line, kind. 0; 1: a
	 * frame of the interpreter's own, not to be shown; or a negative errno (memory gone, freed, or not that code object any more):
	 * the caller writes "[unreadable frame]". */
	int (*name_frame)(struct runtime *runtime, const struct slot *slot, struct strings *strings, struct frame *out);
	/* Is what a SLOT_SELF says of the frame before it that method's self? Not where the variable lies in a cell. */
	bool (*self_known)(struct runtime *runtime, const struct slot *slot);
	/* True if something of *state has changed: an interpreter more or less; with maps (what is mapped has changed) also a module
	 * that came whose data the walker can use. */
	bool (*look_again)(struct runtime *runtime, const struct process_maps *maps, struct python_state *state);
	/* Names a SLOT_TASK: a FRAME_NOTE. name: the head of the object that is the task's name, as the kernel copied it; NULL: it
	 * is read from the target now. 0, or a negative errno: it has none that can be told, and no frame stands for it. */
	int (*name_task)(struct runtime *runtime, uint64_t task, const void *name, size_t size, struct strings *strings,
			 struct frame *out);
	/* Reads a whole chain from outside, for dump: the thread whose fsbase (0: not known) or tid it is. Writes slots as the
	 * walker does; returns the count, *end says how it ended; *holds_gil may be NULL. */
	int (*walk)(struct runtime *runtime, pid_t tid, uint64_t fsbase, struct slot *slots, size_t limit,
		    enum python_end *end, bool *holds_gil);
};

extern const struct runtime_ops cpython_ops;

/* The rows, NULL-ended. */
extern const struct runtime_ops *const runtimes[];

/* ---- merge.c: native and interpreter frames into one stack, by stack address ---- */

struct merge_input {
	const struct slot *python; size_t python_count; /* frames and run ends, innermost first */
	const struct slot *native; size_t native_count; /* innermost first */
	uint64_t sp;                                    /* of the innermost native frame */
	enum python_anchor anchor;
	bool (*is_eval)(const void *context, uint64_t pc);  /* may be NULL; ANCHOR_NONE needs it, else it only helps place misses */
	const void *context;
};

struct merge_item {
	const struct slot *slot; /* into the input */
	bool python;
	bool eval;               /* native, and Python frames belong to it */
};

/* Writes the merged order, innermost first: a run of Python frames comes just before (inside) the native frame whose
 * [sp, CFA) holds the run's anchor. Returns how many items. *misses counts Python runs that no native frame holds: they are
 * placed by order among the eval frames between their placed neighbours (from the outermost side; from the innermost where
 * there are more runs than eval frames, since it is the root side of a native stack that gets cut), what then is left over
 * just inside the outer neighbour or at the root side. Never dropped. Output needs python_count + native_count items at
 * most. Pure: no memory but its arguments. */
size_t merge_stacks(const struct merge_input *input, struct merge_item *out, size_t *misses);

/* A thread in several interpreters has a chain in each, one after the other: puts their runs into one order, by stack address. Returns
 * false, with nothing written, if they are in order already or cannot be put so. out: python_count slots. */
bool merge_order_runs(const struct merge_input *input, struct slot *out);

/* For a thread whose Python frames were read to their end: how many of its native frames are the running greenlet's own; 0: it is
 * in none, or that cannot be told. A greenlet's stack ends at the frame in the greenlet module that called its first function.
 * What the walk finds past it was left there by others, and may have changed a hundred times since. */
size_t merge_greenlet(const struct merge_input *input, bool (*is_module)(const void *context, uint64_t pc));

/* For a native stack that is cut: how many of its frames are a switch between greenlets under way; 0: it is none. While the module copies
 * one C stack away and another in its place, there is nothing yet outside of its own frames: what the walk finds there is neither. */
size_t merge_switch(const struct merge_input *input, bool (*is_module)(const void *context, uint64_t pc));

#endif

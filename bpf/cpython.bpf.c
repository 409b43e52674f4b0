/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * cpython.bpf.c - the interpreter's frame chain of the current thread, as slots: frames innermost first, and after the
 * frames of each eval call an end slot with that call's anchor, its entry record on the C stack.
 *
 * Where things lie comes as data (struct python_layout). Nothing read is trusted: offsets are masked into the frame
 * buffer, pointers are only ever read through, and the number of steps is bounded.
 */
#include "state.h"

#define PYTHON_THREADS_SEARCHED 128
#define FIELD_NONE 0xffff
#define FRAME_BYTES_SHORT 80 /* holds all that is read of a frame from 3.11 on */

static __always_inline u64 frame_u64(const struct walk *walk, u16 offset)
{
	return *(const u64 *)&walk->frame[offset & (PYTHON_FRAME_BYTES - 1)];
}

static __always_inline u8 frame_u8(const struct walk *walk, u16 offset)
{
	return walk->frame[offset & (PYTHON_FRAME_BYTES - 1)];
}

static __always_inline void slot_put(struct scratch *scratch, u64 a, u64 b)
{
	u32 at = scratch->walk.slots;

	if (at >= STACK_SLOTS)
		return;
	scratch->slots[at].a = a;
	scratch->slots[at].b = b;
	scratch->walk.slots = at + 1;
	scratch->walk.python++;
}

/* The thread's own state through its thread block, proved by the thread id it carries; 0: not there. */
static __always_inline u64 state_by_block(const struct walk *walk)
{
	u64 state = 0, thread_id = 0;

	if (!walk->state.tstate_at_fsbase ||
	    read_user(&state, sizeof(state), walk->fsbase + walk->state.tstate_at_fsbase) || !state)
		return 0;
	if (read_user(&thread_id, sizeof(thread_id), state + walk->state.layout.tstate_thread_id) ||
	    thread_id != walk->fsbase)
		return 0;
	return state;
}

/* The slow way: the interpreter's list of thread states. */
static __always_inline u64 state_by_list(const struct walk *walk)
{
	u64 interpreter = 0, state = 0, thread_id;

	if (read_user(&interpreter, sizeof(interpreter), walk->state.interpreters_head) || !interpreter ||
	    read_user(&state, sizeof(state), interpreter + walk->state.interp_threads_head))
		return 0;
	for (int i = 0; i < PYTHON_THREADS_SEARCHED && state; i++) {
		thread_id = 0;
		if (read_user(&thread_id, sizeof(thread_id), state + walk->state.layout.tstate_thread_id))
			return 0;
		if (thread_id == walk->fsbase)
			return state;
		if (read_user(&state, sizeof(state), state + walk->state.layout.tstate_next))
			return 0;
	}
	return 0;
}

/* Does this thread hold its interpreter's lock now? Its own writes are seen here in their order: it is stopped on this CPU. */
static __always_inline bool holds_gil(const struct walk *walk, u64 state)
{
	u64 interpreter = 0, gil = 0, holder = 0;
	u32 locked = 0;

	if (walk->state.gil_holder)
		return !read_user(&holder, sizeof(holder), walk->state.gil_holder) && holder == state;
	return walk->state.interp_gil &&
	       !read_user(&interpreter, sizeof(interpreter), state + walk->state.layout.tstate_interp) &&
	       !read_user(&gil, sizeof(gil), interpreter + walk->state.interp_gil) &&
	       !read_user(&holder, sizeof(holder), gil + walk->state.gil_last_holder) && holder == state &&
	       !read_user(&locked, sizeof(locked), gil + walk->state.gil_locked) && locked == 1;
}

WALKER_GLOBAL int python_begin(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);
	struct python_layout *layout;
	struct walk *walk;
	u64 state;

	if (!scratch)
		return 1;
	walk = &scratch->walk;
	layout = &walk->state.layout;
	walk->python_end = PYTHON_NONE;
	walk->holds_gil = 0;
	if (!walk->state.enabled)
		return 1;
	walk->python_end = PYTHON_NO_STATE;
	if (!walk->fsbase)
		return 1;
	state = state_by_block(walk);
	if (!state)
		state = state_by_list(walk);
	if (!state)
		return 1;
	if (walk->gil)
		walk->holds_gil = holds_gil(walk, state);
	walk->python_end = PYTHON_FAULT;
	walk->python_frame = walk->python_cframe = 0;
	if ((layout->anchor == ANCHOR_CFRAME || layout->frame_in_cframe) &&
	    read_user(&walk->python_cframe, sizeof(u64),
		      state + (layout->frame_in_cframe ? layout->tstate_frame : layout->tstate_cframe)))
		return 1;
	if (layout->frame_in_cframe) {
		if (!walk->python_cframe ||
		    read_user(&walk->python_frame, sizeof(u64), walk->python_cframe + layout->cframe_frame))
			return 1;
	} else if (read_user(&walk->python_frame, sizeof(u64), state + layout->tstate_frame)) {
		return 1;
	}
	return 0;
}

/* After the last frame of an eval call: its anchor, and on to the caller's entry record. 1: unreadable. */
static __always_inline int python_call_ends(struct scratch *scratch)
{
	struct walk *walk = &scratch->walk;

	slot_put(scratch, 0, walk->python_cframe);
	return walk->python_cframe && read_user(&walk->python_cframe, sizeof(u64),
						walk->python_cframe + walk->state.layout.cframe_previous);
}

static __always_inline int ends(struct walk *walk, u8 how)
{
	walk->python_end = how;
	return 1;
}

WALKER_GLOBAL int python_step(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);
	struct python_layout *layout;
	struct walk *walk;
	u64 previous, code, instr;
	bool is_entry;

	if (!scratch)
		return 1;
	walk = &scratch->walk;
	layout = &walk->state.layout;
	if (!walk->python_frame)
		return ends(walk, PYTHON_ROOT);
	if (walk->python + 2 > PYTHON_SLOTS_MAX)
		return ends(walk, PYTHON_TOO_DEEP);
	if (walk->python_frame & 7)
		return ends(walk, PYTHON_BROKEN);
	/* Until 3.10 a frame's fields lie further apart. It may be the last thing before unmapped memory. */
	if ((layout->frame_instr < FRAME_BYTES_SHORT || read_user(walk->frame, PYTHON_FRAME_BYTES, walk->python_frame)) &&
	    read_user(walk->frame, FRAME_BYTES_SHORT, walk->python_frame))
		return ends(walk, PYTHON_FAULT);
	previous = frame_u64(walk, layout->frame_previous);
	if (previous == walk->python_frame)
		return ends(walk, PYTHON_BROKEN);
	if (layout->anchor == ANCHOR_SHIM && frame_u8(walk, layout->frame_owner) >= layout->owner_shim) {
		slot_put(scratch, 0, walk->python_frame);
		walk->python_frame = previous;
		return 0;
	}
	code = frame_u64(walk, layout->frame_code) & ~(u64)layout->code_tag_mask;
	if (!code) /* would read as the end of a run */
		return ends(walk, PYTHON_BROKEN);
	instr = frame_u64(walk, layout->frame_instr);
	if (!layout->instr_is_pointer)
		instr = (u32)instr;
	slot_put(scratch, code, instr);
	is_entry = layout->frame_is_entry == FIELD_NONE || frame_u8(walk, layout->frame_is_entry);
	if (layout->anchor == ANCHOR_CFRAME && is_entry && python_call_ends(scratch))
		return ends(walk, PYTHON_FAULT);
	walk->python_frame = previous;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * cpython.bpf.c - the interpreter's frame chain of the current thread, as slots: frames innermost first, and after the
 * frames of each eval call an end slot with that call's anchor, its entry record on the C stack. After a frame may come a mark.
 *
 * In 3.11 and 3.12 a CFrame is linked a few instructions before it is filled in, and shows what its place on the stack held
 * before. There each CFrame also says which frame its call is in (frame_in_cframe), so every call is checked: it must end
 * where its caller's CFrame says the caller is. One that does not is left out, and the walk goes on with its caller.
 *
 * Where things lie comes as data (struct python_layout). Nothing read is trusted: offsets are masked into the frame
 * buffer, pointers are only ever read through, and the number of steps is bounded.
 */
#include "state.h"

#define PYTHON_THREADS_SEARCHED 128
#define FIELD_NONE 0xffff
#define TASK_NAME_BYTES_LEAST 32 /* a small int */
#define FRAME_BYTES_SHORT 88 /* holds all that is read of a frame from 3.11 on, */
_Static_assert(FRAME_BYTES_SHORT == FRAME_BYTES_LEAST + sizeof(u64), "frame_read clears what lies between");
#define THREAD_STATE_BYTES 1024 /* at least that of 3.11 and 3.12, at most what lies together */
#define STR_LENGTH 16        /* in a str object, in every version; its hash is next */
#define CFRAME_BYTES 24      /* holds both that is read of a CFrame that has its call's frame */

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

/* The slow way, and the only one that finds each interpreter a thread is in: the lists of thread states. */
static __always_inline void search_begin(struct walk *walk)
{
	walk->search_state = walk->search_interp = 0;
	walk->search_left = PYTHON_THREADS_SEARCHED;
	read_user(&walk->search_interp, sizeof(u64), walk->state.interpreters_head);
}

/* Looks at one thread state, or goes on to one interpreter's list: 1: this was the end of them. */
static __always_inline int search_step(struct walk *walk)
{
	u64 interpreter = walk->search_interp, state = walk->search_state, thread_id = 0;

	walk->search_left--;
	walk->search_state = 0;
	if (state) {
		if (read_user(&thread_id, sizeof(thread_id), state + walk->state.layout.tstate_thread_id) ||
		    read_user(&walk->search_state, sizeof(u64), state + walk->state.layout.tstate_next))
			return 1;
		walk->python_thread = thread_id == walk->fsbase ? state : 0;
		return 0;
	}
	walk->search_interp = 0;
	if (!interpreter || read_user(&walk->search_state, sizeof(u64), interpreter + walk->state.interp_threads_head))
		return 1;
	return walk->state.interpreters > 1 &&
	       read_user(&walk->search_interp, sizeof(u64), interpreter + walk->state.interp_next);
}

WALKER_GLOBAL int python_find(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);
	struct walk *walk;

	if (!scratch)
		return 1;
	walk = &scratch->walk;
	walk->python_thread = 0;
	for (int i = 0; i < PYTHON_THREADS_SEARCHED && walk->search_left; i++) {
		if (search_step(walk))
			return 1;
		if (walk->python_thread)
			return 0;
	}
	return 1;
}

/* Does this thread hold its interpreter's lock now? Its own writes are seen here in their order: it is stopped on this CPU. */
static __always_inline bool holds_gil(const struct walk *walk, u64 state)
{
	u64 interpreter = 0, gil = 0, holder = 0, thread_id = 0;
	u32 locked = 0;

	if (walk->state.gil_holder) /* any of its states may be the one */
		return !read_user(&holder, sizeof(holder), walk->state.gil_holder) && holder &&
		       !read_user(&thread_id, sizeof(thread_id), holder + walk->state.layout.tstate_thread_id) &&
		       thread_id == walk->fsbase;
	return walk->state.interp_gil &&
	       !read_user(&interpreter, sizeof(interpreter), state + walk->state.layout.tstate_interp) &&
	       !read_user(&gil, sizeof(gil), interpreter + walk->state.interp_gil) &&
	       !read_user(&holder, sizeof(holder), gil + walk->state.gil_last_holder) && holder == state &&
	       !read_user(&locked, sizeof(locked), gil + walk->state.gil_locked) && locked == 1;
}

static __always_inline int ends(struct walk *walk, u8 how)
{
	walk->python_end = how;
	return 1;
}

/* On to an eval call by its CFrame: its top frame and its caller. 1: it cannot be one. A call's CFrame lies above those of
 * the calls that it makes; the outermost one lies in the thread state, and has no frame. */
static __always_inline int call_begin(struct walk *walk, u64 cframe)
{
	const struct python_layout *layout = &walk->state.layout;
	bool outermost = cframe - walk->python_thread < THREAD_STATE_BYTES;

	if ((cframe <= walk->python_cframe && !outermost) || read_user(walk->frame, CFRAME_BYTES, cframe))
		return 1;
	walk->python_cframe = cframe;
	walk->python_frame = frame_u64(walk, layout->cframe_frame);
	walk->python_caller = frame_u64(walk, layout->cframe_previous);
	walk->call_slots = walk->slots;
	walk->call_python = walk->python;
	return !walk->python_caller && walk->python_frame;
}

/* From an eval call to its caller, which must be in the frame that the call's last frame says. Anchor 0: the call makes no
 * sense already. Such a call is left without frames. */
static __always_inline int call_leave(struct scratch *scratch, u64 anchor, u64 caller_is_in)
{
	struct walk *walk = &scratch->walk;
	u32 slots = walk->call_slots, python = walk->call_python;
	u64 cframe = walk->python_cframe;
	bool unreadable;

	if (anchor)
		slot_put(scratch, 0, anchor);
	unreadable = call_begin(walk, walk->python_caller);
	if (anchor && !unreadable && walk->python_frame == caller_is_in)
		return 0;
	walk->python_torn = 1;
	walk->slots = slots;
	walk->python = python;
	if (walk->state.layout.anchor == ANCHOR_CFRAME)
		slot_put(scratch, 0, cframe);
	walk->call_slots = walk->slots;
	walk->call_python = walk->python;
	return unreadable ? ends(walk, PYTHON_BROKEN) : 0;
}

/* A greenlet's chain has a CFrame of its own at its end, without a frame like the thread state's, to which it leads. (What a
 * CFrame that is not filled in yet shows is an older call's, which had a frame.) */
static __always_inline bool is_greenlet_base(const struct walk *walk)
{
	return walk->python_caller - walk->python_thread < THREAD_STATE_BYTES;
}

/* A frame that cannot be: the end of what can be read, unless calls can be told apart. */
static __always_inline int broken(struct scratch *scratch, u8 how)
{
	struct walk *walk = &scratch->walk;

	return walk->state.layout.frame_in_cframe && walk->python_caller ? call_leave(scratch, 0, 0) : ends(walk, how);
}

/* asyncio's running task, and a copy of the head of the object that is its name: it may be gone before user space looks. */
static __always_inline void task_begin(struct scratch *scratch, u64 state)
{
	struct walk *walk = &scratch->walk;
	u64 task = 0, coroutine = 0, name = 0;

	if (read_user(&task, sizeof(task), state + walk->state.tstate_task) || !task ||
	    read_user(&coroutine, sizeof(coroutine), task + walk->state.task_coro) || !coroutine ||
	    read_user(&name, sizeof(name), task + walk->state.task_name))
		return;
	if (read_user(scratch->slots, TASK_NAME_BYTES, name) && /* it may be the last thing before unmapped memory */
	    read_user(scratch->slots, TASK_NAME_BYTES_LEAST, name))
		return;
	walk->task = task;
	walk->task_frame = coroutine + walk->state.coro_frame;
	walk->slots = scratch->head.task_slots = TASK_NAME_BYTES / sizeof(struct slot);
}

/* The chain of the state in python_thread. */
static __always_inline int chain_begin(struct walk *walk)
{
	struct python_layout *layout = &walk->state.layout;
	u64 state = walk->python_thread, cframe = 0;

	walk->python_end = PYTHON_FAULT;
	walk->python_frame = walk->python_cframe = walk->python_caller = 0;
	if (layout->frame_in_cframe) {
		if (read_user(&cframe, sizeof(cframe), state + layout->tstate_frame))
			return 1;
		if (call_begin(walk, cframe))
			return ends(walk, PYTHON_BROKEN);
	} else if ((layout->anchor == ANCHOR_CFRAME &&
		    read_user(&walk->python_cframe, sizeof(u64), state + layout->tstate_cframe)) ||
		   read_user(&walk->python_frame, sizeof(u64), state + layout->tstate_frame)) {
		return 1;
	}
	walk->python_end = PYTHON_TOO_DEEP; /* unless a step says otherwise */
	return 0;
}

/* Where a chain has ended: the thread may be in another interpreter too, which called into this one or was called by it. */
static __always_inline int chain_ends(struct walk *walk, u32 kind)
{
	if (walk->state.interpreters > 1 && !python_find(kind))
		return chain_begin(walk);
	if (walk->state.interpreters > 1 && !walk->search_left)
		return ends(walk, PYTHON_TOO_MANY);
	return ends(walk, walk->python_torn ? PYTHON_BROKEN : PYTHON_ROOT);
}

WALKER_GLOBAL int python_begin(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);
	struct walk *walk;
	u64 state;

	if (!scratch)
		return 1;
	walk = &scratch->walk;
	walk->python_end = PYTHON_NONE;
	walk->holds_gil = 0;
	walk->task = walk->task_frame = 0;
	walk->outermost = walk->outermost_generator = 0;
	walk->python_thread = 0;
	if (!walk->state.enabled)
		return 1;
	walk->python_end = PYTHON_NO_STATE;
	if (!walk->fsbase)
		return 1;
	state = state_by_block(walk);
	if (!state || walk->state.interpreters > 1) {
		search_begin(walk);
		python_find(kind);
		if (!state)
			state = walk->python_thread;
		if (!state)
			return ends(walk, walk->search_left ? PYTHON_NO_STATE : PYTHON_TOO_MANY);
	}
	if (walk->gil)
		walk->holds_gil = holds_gil(walk, state);
	if (walk->state.tstate_task && kind == SCRATCH_SAMPLE) /* call sites are no task's own */
		task_begin(scratch, state);
	walk->python_torn = 0;
	walk->call_ends = 0;
	if (!walk->python_thread)
		walk->python_thread = state;
	return chain_begin(walk);
}

/* After the last frame of an eval call: its anchor, and on to the caller's frame and record. */
static __always_inline int call_ends(struct scratch *scratch, u64 anchor, u64 previous)
{
	struct walk *walk = &scratch->walk;
	struct python_layout *layout = &walk->state.layout;

	if (layout->frame_in_cframe && walk->python_caller)
		return call_leave(scratch, anchor, previous);
	if (layout->frame_is_entry != FIELD_NONE || layout->anchor != ANCHOR_CFRAME || walk->call_ends++ < PYTHON_CALL_ENDS_MAX)
		slot_put(scratch, 0, anchor);
	walk->python_frame = previous;
	return layout->anchor == ANCHOR_CFRAME && walk->python_cframe &&
	       read_user(&walk->python_cframe, sizeof(u64), walk->python_cframe + layout->cframe_previous)
		       ? ends(walk, PYTHON_FAULT) : 0;
}

/* Until 3.10 a frame's fields lie further apart. It may be the last thing before unmapped memory. */
static __always_inline long frame_read(struct walk *walk)
{
	u32 size = walk->state.layout.frame_instr < FRAME_BYTES_LEAST ? FRAME_BYTES_SHORT : PYTHON_FRAME_BYTES;

	if (!read_user(walk->frame, size, walk->python_frame))
		return 0;
	*(u64 *)&walk->frame[FRAME_BYTES_LEAST] = 0;
	return read_user(walk->frame, FRAME_BYTES_LEAST, walk->python_frame);
}

/* A mark after the frame's slot: the object whose method it is, if it is one. */
static __always_inline void self_put(struct scratch *scratch)
{
	struct walk *walk = &scratch->walk;
	u16 offset = walk->state.layout.frame_self;
	u64 self = 0;

	walk->selves--;
	if (offset <= FRAME_BYTES_LEAST)
		self = frame_u64(walk, offset);
	else if (read_user(&self, sizeof(self), walk->python_frame + offset))
		return;
	self &= ~(u64)walk->state.layout.code_tag_mask;
	if (self)
		slot_put(scratch, SLOT_SELF, self);
}

static __always_inline bool is_generator(const struct walk *walk)
{
	const struct python_layout *layout = &walk->state.layout;

	return layout->owner_generator ? frame_u8(walk, layout->frame_generator) == layout->owner_generator
				       : frame_u64(walk, layout->frame_generator) != 0;
}

static __always_inline u64 mark_of(const struct walk *walk, u64 code)
{
	const struct python_layout *layout = &walk->state.layout;
	u64 name = 0, text[2]; /* length, hash */
	u32 first_line = 0;

	if (!walk->marks || read_user(&name, sizeof(name), code + layout->code_name) ||
	    read_user(text, sizeof(text), name + STR_LENGTH) ||
	    read_user(&first_line, sizeof(first_line), code + layout->code_first_line))
		return 0;
	return (u64)code_mark(text[0], text[1], first_line) << SLOT_MARK_SHIFT;
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
	if (!walk->python_frame) {
		if (layout->frame_in_cframe && walk->python_caller && !is_greenlet_base(walk))
			return call_leave(scratch, 0, 0); /* only the outermost call has no frame */
		return chain_ends(walk, kind);
	}
	if (walk->python + 3 > PYTHON_SLOTS_MAX) /* a frame, a mark, the end of its run */
		return ends(walk, PYTHON_TOO_DEEP);
	if (walk->python_frame & 7)
		return broken(scratch, PYTHON_BROKEN);
	if (frame_read(walk))
		return broken(scratch, PYTHON_FAULT);
	previous = frame_u64(walk, layout->frame_previous);
	if (previous == walk->python_frame)
		return broken(scratch, PYTHON_BROKEN);
	if (layout->anchor == ANCHOR_SHIM && frame_u8(walk, layout->frame_owner) >= layout->owner_shim)
		return call_ends(scratch, walk->python_frame, previous);
	code = frame_u64(walk, layout->frame_code) & ~(u64)layout->code_tag_mask;
	if (!code) /* would read as the end of a run */
		return broken(scratch, PYTHON_BROKEN);
	instr = frame_u64(walk, layout->frame_instr);
	if (!layout->instr_is_pointer)
		instr = (u32)instr;
	slot_put(scratch, code, (instr & ((1ULL << SLOT_MARK_SHIFT) - 1)) | mark_of(walk, code));
	if (walk->task_frame == walk->python_frame)
		slot_put(scratch, SLOT_TASK, walk->task);
	if (walk->selves)
		self_put(scratch);
	walk->outermost = walk->python_frame;
	if (is_generator(walk))
		walk->outermost_generator = walk->python_frame;
	is_entry = layout->frame_is_entry == FIELD_NONE || frame_u8(walk, layout->frame_is_entry);
	if (layout->anchor == ANCHOR_CFRAME && is_entry)
		return call_ends(scratch, walk->python_cframe, previous);
	walk->python_frame = previous;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * place.h - where a thread leaves the CPU, in one number: two waits with the same one are taken to have the same stack.
 *
 * Its system call, the first argument of that, the registers, and the two innermost Python frames: most functions of the interpreter's
 * leave the CPU at the same place of its C code. The rest of the stack is not looked at: that would cost as much as a walk.
 */
#ifndef CONNPROF_BPF_PLACE_H
#define CONNPROF_BPF_PLACE_H

#include "state.h"
#include "task.h"
#include "waits.h"

#define PLACE_FRAMES 2

static __always_inline u64 place_with(u64 place, u64 value)
{
	place = (place ^ value) * 0x9e3779b97f4a7c15ull; /* 2^64 over the golden ratio */
	return place ^ place >> 29;
}

/* Until 3.10 a frame's fields lie further apart. */
static __always_inline bool frame_look(struct walk *walk, const struct python_layout *layout, u64 frame)
{
	u32 size = layout->frame_instr < FRAME_BYTES_LEAST ? FRAME_BYTES_LEAST : PYTHON_FRAME_BYTES;

	return !read_user(walk->frame, size, frame);
}

/* Nothing is proved here: what was read wrongly is at worst a place of its own. 0: what the interpreter does is not known. */
static __always_inline u64 place_with_python(u64 place, const struct python_state *python, struct walk *walk)
{
	const struct python_layout *layout = &python->layout;
	u64 state = 0, frame = 0;

	if (!python->tstate_at_fsbase || read_user(&state, sizeof(state), current_fsbase() + python->tstate_at_fsbase))
		return 0;
	if (!state) /* no thread of the interpreter's */
		return place;
	if (read_user(&frame, sizeof(frame), state + layout->tstate_frame) ||
	    (layout->frame_in_cframe && read_user(&frame, sizeof(frame), frame + layout->cframe_frame)))
		return 0;
	for (int i = 0; i < PLACE_FRAMES && frame; i++) {
		u64 instr;

		if (!frame_look(walk, layout, frame))
			return 0;
		instr = frame_u64(walk, layout->frame_instr);
		place = place_with(place_with(place, frame), frame_u64(walk, layout->frame_code));
		place = place_with(place, layout->instr_is_pointer ? instr : (u32)instr);
		frame = frame_u64(walk, layout->frame_previous);
	}
	return place;
}

/* Of the current thread, in the scheduler. 0: not known. */
static __always_inline u64 place_of(const struct target *target, const struct pt_regs *regs, u32 tid, const struct back_body *back)
{
	struct scratch *scratch = scratch_of(SCRATCH_SAMPLE);
	u64 place = place_with(tid, REGISTER(regs, ip));

	if (!scratch)
		return 0;
	place = place_with(place_with(place_with(place, REGISTER(regs, sp)), back->number), back->arg);
	return target->python.enabled ? place_with_python(place, &target->python, &scratch->walk) : place;
}

#endif

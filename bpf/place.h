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

/* Nothing is proved here: what was read wrongly is at worst a place of its own. */
static __always_inline u64 place_with_python(u64 place, const struct python_state *python)
{
	const struct python_layout *layout = &python->layout;
	u64 state = 0, frame = 0;

	if (!python->enabled || !python->tstate_at_fsbase ||
	    read_user(&state, sizeof(state), current_fsbase() + python->tstate_at_fsbase) || !state ||
	    read_user(&frame, sizeof(frame), state + layout->tstate_frame) ||
	    (layout->frame_in_cframe && read_user(&frame, sizeof(frame), frame + layout->cframe_frame)))
		return place;
	for (int i = 0; i < PLACE_FRAMES && frame; i++) {
		u64 code = 0, instr = 0, previous = 0;

		if (read_user(&code, sizeof(code), frame + layout->frame_code) ||
		    read_user(&instr, sizeof(instr), frame + layout->frame_instr) ||
		    read_user(&previous, sizeof(previous), frame + layout->frame_previous))
			break;
		place = place_with(place_with(place_with(place, frame), code), layout->instr_is_pointer ? instr : (u32)instr);
		frame = previous;
	}
	return place;
}

/* Never 0. Of the current thread. */
static __always_inline u64 place_of(const struct target *target, const struct pt_regs *regs, u32 tid, const struct back_body *back)
{
	u64 place = place_with(tid, back->state != TASK_RUNNING);

	place = place_with(place_with(place, REGISTER(regs, ip)), REGISTER(regs, sp));
	place = place_with(place_with(place, back->number), back->arg);
	return place_with_python(place, &target->python) | 1;
}

#endif

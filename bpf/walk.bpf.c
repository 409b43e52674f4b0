/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * walk.bpf.c - a whole stack: the interpreter's frames first, then the native ones, side by side in one record. Their
 * order is made in user space (runtime/merge.c) by stack address, so that a fault in one part never costs the other.
 *
 * The loops call global functions: the verifier checks each of them once, whatever the depth.
 */
#include "state.h"

/* Known only of a chain that was read to its end. */
static __always_inline u64 unit_of(const struct walk *walk)
{
	if (walk->python_end != PYTHON_ROOT || walk->state.units == UNIT_THREAD)
		return 0;
	return walk->state.units == UNIT_GREENLET ? walk->outermost : walk->outermost_generator;
}

WALKER_GLOBAL int walk_unit(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);

	if (!scratch)
		return 1;
	scratch->walk.slots = scratch->walk.python = 0;
	if (!python_begin(kind))
		for (int i = 0; i < PYTHON_SLOTS_MAX; i++)
			if (python_step(kind))
				break;
	scratch->head.unit = unit_of(&scratch->walk);
	return 0;
}

WALKER_GLOBAL int walk_stack(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);
	struct walk *walk;
	bool began;

	if (!scratch)
		return 1;
	walk = &scratch->walk;
	walk->slots = walk->python = walk->native = 0;
	walk->window_start = 0;
	walk->unmapped = 0;
	walk->mapping.start = walk->mapping.end = 0;
	walk->native_end = END_TOO_DEEP;
	scratch->head.sp = walk->sp;
	began = !python_begin(kind);
	scratch->head.holds_gil = walk->holds_gil;
	if (walk->gil == GIL_ONLY && !walk->holds_gil)
		return 1;
	if (began)
		for (int i = 0; i < PYTHON_SLOTS_MAX; i++)
			if (python_step(kind))
				break;
	for (int i = 0; i <= NATIVE_SLOTS_MAX; i++)
		if (native_step(kind))
			break;
	scratch->head.python = (u16)walk->python;
	scratch->head.native = (u16)walk->native;
	scratch->head.native_end = walk->native_end;
	scratch->head.python_end = walk->python_end;
	scratch->head.unit = unit_of(walk);
	return 0;
}

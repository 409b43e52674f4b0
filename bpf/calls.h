/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * calls.h - a stack for a bounded share of calls that may come by the thousand: sends to Redis, log writes.
 *
 * By chance, so that no rhythm of the target's decides which; the chance is what the last window would have needed. Each that
 * is walked stands for itself and those left out on this CPU since the last one.
 */
#ifndef CONNPROF_BPF_CALLS_H
#define CONNPROF_BPF_CALLS_H

#include "sock.h"

#define CALL_WINDOW_NS 100000000ull
/* Aimed at, for each CPU and window: a second's walks take some 3 ms. Log writes have more sites, and rarer ones. */
#define CALL_WALKS(kind) ((kind) == CALL_LOG ? 20 : 10)

/* *weight: how many it stands for. */
static __always_inline bool call_admitted(u32 kind, u32 *weight)
{
	struct call_budget *budget = bpf_map_lookup_elem(&call_budgets, &kind);
	u64 now = bpf_ktime_get_ns();

	if (!budget)
		return false;
	if (now - budget->begin_ns >= CALL_WINDOW_NS) {
		budget->chance = budget->seen > CALL_WALKS(kind) ? CALL_WALKS(kind) * 65536 / budget->seen : 65536;
		budget->begin_ns = now;
		budget->seen = budget->walked = 0;
	}
	budget->seen++;
	budget->left++;
	if (budget->walked >= 4 * CALL_WALKS(kind) || (bpf_get_prandom_u32() & 0xffff) >= budget->chance)
		return false;
	budget->walked++;
	*weight = budget->left;
	budget->left = 0;
	return true;
}

/* NULL (counted): another such call was interrupted on this CPU. */
static __always_inline struct scratch *call_scratch(void)
{
	struct scratch *scratch = scratch_of(SCRATCH_CALL);

	if (scratch && !scratch->busy) {
		scratch->busy = 1;
		return scratch;
	}
	drop(DROP_CALLS);
	return 0;
}

/* Sends the body, with the stack where weight is not 0. The scratch (SCRATCH_CALL) is the caller's, and stays so. */
static __always_inline void call_emit(struct scratch *scratch, u16 type, const struct call_body *body, struct target *target)
{
	const u32 before = sizeof(struct record) + sizeof(struct call_body);
	const u32 room = sizeof(struct stack_head) + sizeof(scratch->slots);
	struct pt_regs *regs = body->weight ? user_regs() : 0;
	u32 size = 0;

	if (regs) {
		stack_walk_regs(scratch, SCRATCH_CALL, target, regs);
		if (stack_wants_copy(scratch))
			stack_copy(scratch);
		size = stack_bytes(scratch);
	}
	scratch->call = *body;
	asm volatile("" : "+r"(size));
	if (size > room)
		return;
	size += before;
	record_fill(&scratch->call_record, type, size);
	if (bpf_ringbuf_output(&ring, &scratch->call_record, size, ring_flags()))
		drop(DROP_CALLS);
}

#endif

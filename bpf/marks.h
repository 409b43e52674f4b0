/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* marks.h - what offcpu.bpf.c keeps for each CPU: the budget of walks, and how long the thread that runs was off it, for who else tells of it. */
#ifndef CONNPROF_BPF_MARKS_H
#define CONNPROF_BPF_MARKS_H

#include "state.h"
#include "waits.h"

/* Of this CPU: how many waits were walked in this window, of how many. */
struct walk_budget {
	u64 begin_ns;
	u64 seq;                 /* the last number given */
	u64 ran_ns, walks_ns;    /* what threads of the targets ran, and what the walks took */
	u32 seen, walked;
	u32 rare;                /* of the walked, those in places where walks are rare */
	u32 chance;              /* of being walked elsewhere, in 65536 */
	u32 allowed;             /* walks, in this window */
	u64 switches;            /* so far */
	u32 running;             /* the thread that runs, if it is followed; 0: another, or not known */
	struct off_marks marks;  /* its own */
};

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct walk_budget);
} walk_budgets SEC(".maps");

/* When it was last walked at a place, by a part of its number: of two with the same part the one that came later is known. */
struct place_walked {
	u64 place;
	u64 time_ns;
};

SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES_WALKED);
	__type(key, u32);
	__type(value, struct place_walked);
} places_walked SEC(".maps");

static __always_inline struct walk_budget *budget_of(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&walk_budgets, &zero);
}

/* Of the current thread; not known where waits are not looked at. Where programs can be put off the CPU, another thread's marks may come to
 * lie there while they are read. */
static __always_inline void marks_now(struct off_marks *out)
{
	struct walk_budget *budget = budget_of();
	u32 tid = bpf_get_current_pid_tgid();

	*out = (struct off_marks){};
	if (!budget || *(volatile u32 *)&budget->running != tid)
		return;
	*out = budget->marks;
	barrier();
	if (*(volatile u32 *)&budget->running != tid)
		*out = (struct off_marks){};
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* budget.h - which threads that leave the CPU are walked: so many in a second, on each CPU, and no more than their run time pays for. */
#ifndef CONNPROF_BPF_BUDGET_H
#define CONNPROF_BPF_BUDGET_H

#include "marks.h"

/* A new window. What the walks may take follows what the targets ran in the last one: the first has all that is asked for. */
static __always_inline void window_begins(struct walk_budget *budget, u64 now)
{
	u64 walk_ns = budget->walked ? budget->walks_ns / budget->walked : 0, allowed = settings.walks, by_chance;

	if (settings.walk_share && budget->begin_ns && walk_ns && budget->ran_ns / settings.walk_share / walk_ns < allowed)
		allowed = budget->ran_ns / settings.walk_share / walk_ns;
	if (allowed < WALKS_LEAST && allowed < settings.walks)
		allowed = settings.walks < WALKS_LEAST ? settings.walks : WALKS_LEAST;
	budget->allowed = allowed;
	by_chance = allowed - (budget->rare < allowed / 2 ? budget->rare : allowed / 2); /* as many may be rare again */
	budget->chance = budget->seen > by_chance ? by_chance * 65536 / budget->seen : 65536;
	budget->begin_ns = now;
	budget->seen = budget->walked = budget->rare = 0;
	budget->ran_ns = budget->walks_ns = 0;
}

/*
 * Is this one walked? By chance, so that no rhythm of the target's decides which; the chance is what the last window would
 * have needed, less in the middle of a burst. *weight: how many of its like it then stands for. Where walks are rare it is walked each
 * time, and stands for none but itself: what is known of a place is never old.
 */
static __always_inline bool admitted(struct walk_budget *budget, u64 place, u64 now, u32 *weight)
{
	u32 walks, chance, slot = place >> 32 & (PLACES_WALKED - 1);
	struct place_walked *walked = bpf_map_lookup_elem(&places_walked, &slot);

	if (!walked)
		return false;

	if (now - budget->begin_ns >= WALK_WINDOW_NS)
		window_begins(budget, now);
	walks = budget->allowed;
	chance = budget->chance;
	budget->seen++;
	if (budget->seen > walks && walks * 65536 / budget->seen < chance)
		chance = walks * 65536 / budget->seen;
	*weight = WAIT_WEIGHT_ONE;
	if ((walked->place != place || now - walked->time_ns >= WALK_RARE_NS) && budget->rare < walks / 2) {
		budget->rare++;
	} else {
		if (budget->walked - budget->rare >= 4 * walks || !chance || (bpf_get_prandom_u32() & 0xffff) >= chance)
			return false;
		*weight = WAIT_WEIGHT_ONE * 65536 / chance;
	}
	budget->walked++;
	walked->place = place;
	walked->time_ns = now;
	return true;
}

#endif

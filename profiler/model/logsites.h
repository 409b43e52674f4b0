/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * logsites.h - call sites that write to logs: how many lines, and what they cost.
 *
 * Lines, bytes and time are known exactly for each place that is written to; by which code, only of the writes whose stack was
 * walked for. Each of these stands for as many as its weight says, and their sums are scaled to the exact ones of the place.
 */
#ifndef CONNPROF_MODEL_LOGSITES_H
#define CONNPROF_MODEL_LOGSITES_H

#include "event.h"
#include "model/recording.h"

#define LOG_GROUPS_MAX (1u << 12) /* stacks and places told apart */
#define LOG_PLACES_MAX (1u << 8)

struct logsites;

/* One write, to be told later whether it lay in a request. Its numbers are indexes + 1; 0: not told apart. */
struct log_mark {
	uint32_t place, group;
	uint64_t lines, ns, blocked_ns, weight;
};

/* The recording is borrowed. NULL when out of memory. */
struct logsites *logsites_new(struct connprof_recording *recording);
void logsites_free(struct logsites *sites);

/* Counts an EVENT_LOG. 0 or -ENOMEM. */
int logsites_add(struct logsites *sites, const struct event *event, struct log_mark *mark);
/* It lay in a request. */
void logsites_inside(struct logsites *sites, const struct log_mark *mark);

/* The recording's log rows as of now, the most time first; with the CPU share of each statement from the profile. 0 or -ENOMEM. */
int logsites_fill(const struct logsites *sites, struct connprof_recording *recording);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * breakdown.h - where the time of requests went, summed by latency, so that it can be told for any rank: at the median, in the
 * tail, for the slowest.
 */
#ifndef CONNPROF_MODEL_BREAKDOWN_H
#define CONNPROF_MODEL_BREAKDOWN_H

#include "model/recording.h"
#include "model/spent.h"

struct breakdown;

struct breakdown *breakdown_new(void);
void breakdown_free(struct breakdown *breakdown);

/* One request of that latency bucket. 0 or -ENOMEM. */
int breakdown_add(struct breakdown *breakdown, uint16_t latency, const struct spent *spent);

/* The recording's spent table as of now. 0 or -ENOMEM. */
int breakdown_fill(const struct breakdown *breakdown, struct connprof_recording *recording);

#endif

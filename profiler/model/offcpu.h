/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offcpu.h - time off the CPU, shared out over the profile's rows so that each thread's sum is the true one.
 *
 * A walked wait that stands for n of its like adds its own time, which is exact, and n - 1 times that as an estimate of the
 * time of those left out. The true time left out is known for each thread and class (run queue, or not): the estimates are
 * scaled to it. So what was left out only makes the split between rows less sure, never the sum.
 */
#ifndef CONNPROF_MODEL_OFFCPU_H
#define CONNPROF_MODEL_OFFCPU_H

#include "event.h"
#include "model/recording.h"

#define OFFCPU_NS_MAX (1ull << 58)         /* of one stretch: 9 years */
#define OFFCPU_WEIGHT_MAX (WEIGHT_ONE << 20)

struct offcpu;

struct offcpu *offcpu_new(void);
void offcpu_free(struct offcpu *offcpu);

/* Counts a wait that belongs to the profile's row number `row`. 0 or -ENOMEM. */
int offcpu_add(struct offcpu *offcpu, struct connprof_recording *recording, const struct event_offcpu *wait, size_t row);

/* Fills off_ns of every row, and the recording's sums. May be called at any moment, again and again. */
void offcpu_refresh(const struct offcpu *offcpu, struct connprof_recording *recording);

#endif

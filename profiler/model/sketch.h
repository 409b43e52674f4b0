/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sketch.h - many durations in little memory: a log-linear histogram.
 *
 * Each power of two from 1 µs to about 9 hours is cut into 32 equal buckets, so a quantile is at most 1/64 (1.6 %) off; the
 * largest value is kept exactly. Only the span of buckets in use is allocated: under 1 KB as a rule, 4.5 KB at most.
 */
#ifndef CONNPROF_MODEL_SKETCH_H
#define CONNPROF_MODEL_SKETCH_H

#include <stdint.h>

#include "model/recording.h"

struct sketch {
	uint32_t *buckets;   /* owned */
	uint32_t first, span;/* buckets[0] is bucket number `first` */
	uint64_t count, max_ns;
	double sum_ns;
};

/* All zero is an empty sketch. */
void sketch_done(struct sketch *sketch);
/* 0 or -ENOMEM; then the value is not counted. */
int sketch_add(struct sketch *sketch, uint64_t ns);
int sketch_merge(struct sketch *into, const struct sketch *from);
/* The value below which `share` (0 to 1) of all lie; 0 when empty. */
uint64_t sketch_quantile(const struct sketch *sketch, double share);
/* How many are at least ns, to within a bucket. */
uint64_t sketch_count_from(const struct sketch *sketch, uint64_t ns);
/* In milliseconds; NANs when empty. */
struct quantiles sketch_quantiles(const struct sketch *sketch);

#endif

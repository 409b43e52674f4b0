/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * latency.h - a request's latency as a small number, so that rows of the profile can be cut by it.
 *
 * Log-linear: each power of two from 1 µs to about 9 hours is cut into 128 equal buckets, each at most 0.8 % wide. Bucket 0 is
 * no request at all.
 */
#ifndef CONNPROF_MODEL_LATENCY_H
#define CONNPROF_MODEL_LATENCY_H

#include <stdint.h>

#define LATENCY_NONE 0          /* outside any request, or that was not looked for */
#define LATENCY_UNHELD UINT16_MAX /* inside a request of which no more could be held: latency not known */
#define LATENCY_BUCKETS (35u * 128u + 1u) /* numbers from 1 are below this */

/* From 1; durations outside the span go to its first or last bucket. */
uint16_t latency_bucket(uint64_t ns);
/* The shortest duration of a bucket; latency_bucket of it is the bucket again. 0 for LATENCY_NONE and what is no bucket. */
uint64_t latency_floor_ns(uint16_t bucket);

#endif

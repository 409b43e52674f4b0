/* SPDX-License-Identifier: BSD-2-Clause */
/* sketch.c - the log-linear histogram: bucket number = 32 * octave + the five bits after the leading one. */
#include "model/sketch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 5
#define SUB (1u << SUB_BITS)
#define LOW_BIT 10                       /* 1024 ns: shorter ones share the first octave's buckets */
#define HIGH_BIT 44                      /* 2^45 ns is 9.8 hours: longer ones go into the last bucket */
#define BUCKETS ((HIGH_BIT - LOW_BIT + 2) * SUB)

static uint32_t bucket_of(uint64_t ns)
{
	uint32_t top = ns ? 63 - (uint32_t)__builtin_clzll(ns) : 0;

	if (top < LOW_BIT)
		return (uint32_t)(ns >> (LOW_BIT - SUB_BITS));
	if (top > HIGH_BIT)
		return BUCKETS - 1;
	return (top - LOW_BIT + 1) * SUB + (uint32_t)(ns >> (top - SUB_BITS) & (SUB - 1));
}

/* The middle of a bucket. */
static uint64_t value_of(uint32_t bucket)
{
	uint32_t octave = bucket / SUB, width_bits;

	if (!octave)
		return ((uint64_t)bucket << (LOW_BIT - SUB_BITS)) + (1u << (LOW_BIT - SUB_BITS - 1));
	width_bits = octave - 1 + LOW_BIT - SUB_BITS;
	return ((uint64_t)(SUB + bucket % SUB) << width_bits) + ((uint64_t)1 << width_bits >> 1);
}

void sketch_done(struct sketch *sketch)
{
	free(sketch->buckets);
	memset(sketch, 0, sizeof(*sketch));
}

/* Makes buckets `low` to `high` (inclusive) present, a few more on the side that grew. */
static int cover(struct sketch *sketch, uint32_t low, uint32_t high)
{
	uint32_t *buckets;
	uint32_t end = high + 1;

	if (sketch->span && low >= sketch->first && end <= sketch->first + sketch->span)
		return 0;
	low = low > SUB / 4 ? low - SUB / 4 : 0;
	end = end + SUB / 4 < BUCKETS ? end + SUB / 4 : BUCKETS;
	if (sketch->span) {
		low = low < sketch->first ? low : sketch->first;
		end = end > sketch->first + sketch->span ? end : sketch->first + sketch->span;
	}
	buckets = calloc(end - low, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	if (sketch->span)
		memcpy(buckets + (sketch->first - low), sketch->buckets, sketch->span * sizeof(*buckets));
	free(sketch->buckets);
	sketch->buckets = buckets;
	sketch->first = low;
	sketch->span = end - low;
	return 0;
}

int sketch_add(struct sketch *sketch, uint64_t ns)
{
	uint32_t bucket = bucket_of(ns);

	if (cover(sketch, bucket, bucket))
		return -ENOMEM;
	if (sketch->buckets[bucket - sketch->first] < UINT32_MAX)
		sketch->buckets[bucket - sketch->first]++;
	sketch->count++;
	sketch->sum_ns += (double)ns;
	if (ns > sketch->max_ns)
		sketch->max_ns = ns;
	return 0;
}

int sketch_merge(struct sketch *into, const struct sketch *from)
{
	if (!from->span)
		return 0;
	if (cover(into, from->first, from->first + from->span - 1))
		return -ENOMEM;
	for (uint32_t i = 0; i < from->span; i++)
		into->buckets[from->first + i - into->first] += from->buckets[i];
	into->count += from->count;
	into->sum_ns += from->sum_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	return 0;
}

uint64_t sketch_quantile(const struct sketch *sketch, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)sketch->count), seen = 0;

	if (!sketch->count)
		return 0;
	if (rank < 1)
		rank = 1;
	for (uint32_t i = 0; i < sketch->span; i++) {
		seen += sketch->buckets[i];
		if (seen >= rank) {
			uint64_t value = value_of(sketch->first + i);

			return value < sketch->max_ns ? value : sketch->max_ns;
		}
	}
	return sketch->max_ns;
}

uint64_t sketch_count_from(const struct sketch *sketch, uint64_t ns)
{
	uint32_t bucket = bucket_of(ns);
	uint64_t count = 0;

	for (uint32_t i = 0; i < sketch->span; i++)
		if (sketch->first + i >= bucket)
			count += sketch->buckets[i];
	return count;
}

struct quantiles sketch_quantiles(const struct sketch *sketch)
{
	if (!sketch->count)
		return (struct quantiles){ NAN, NAN, NAN };
	return (struct quantiles){
		.p50 = (double)sketch_quantile(sketch, 0.5) / 1e6,
		.p99 = (double)sketch_quantile(sketch, 0.99) / 1e6,
		.max = (double)sketch->max_ns / 1e6,
	};
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* latency.c - bucket number = 1 + 128 * octave + the seven bits after the leading one. */
#include "model/latency.h"

#define SUB_BITS 7
#define LOW_BIT 10  /* 1024 ns */
#define HIGH_BIT 44 /* 2^45 ns is 9.8 hours */

_Static_assert(LATENCY_BUCKETS == ((HIGH_BIT - LOW_BIT + 1) << SUB_BITS) + 1, "one bucket for each part of each octave");

uint16_t latency_bucket(uint64_t ns)
{
	uint32_t top;

	if (ns < 1u << LOW_BIT)
		return 1;
	top = 63 - (uint32_t)__builtin_clzll(ns);
	if (top > HIGH_BIT)
		return LATENCY_BUCKETS - 1;
	return (uint16_t)(1 + ((top - LOW_BIT) << SUB_BITS) + (uint32_t)(ns >> (top - SUB_BITS) & ((1u << SUB_BITS) - 1)));
}

uint64_t latency_floor_ns(uint16_t bucket)
{
	uint32_t octave, part;

	if (!bucket || bucket >= LATENCY_BUCKETS)
		return 0;
	octave = (bucket - 1u) >> SUB_BITS;
	part = (bucket - 1u) & ((1u << SUB_BITS) - 1);
	return (uint64_t)((1u << SUB_BITS) + part) << (octave + LOW_BIT - SUB_BITS);
}

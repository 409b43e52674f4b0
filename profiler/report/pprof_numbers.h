/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_numbers.h - which number a pprof file being written gives a mapping, a location, a function: from 1, as they come.
 *
 * A location is what lies at one address: a call, and the functions that the compiler put into it.
 */
#ifndef CONNPROF_REPORT_PPROF_NUMBERS_H
#define CONNPROF_REPORT_PPROF_NUMBERS_H

#include "report/pprof_facts.h"

#define CALL_FRAMES_MAX 32 /* frames one location stands for */

struct location {
	uint32_t first, count; /* in members */
};

struct numbers {
	const struct stacks *stacks;
	size_t frames;               /* ids in stacks */
	struct facts_mappings mappings;
	uint32_t *mapping_of;        /* the first mapping of a module + 1, by the module's string id */
	size_t module_count;
	uint32_t *location_of;       /* by frame id * 2, + 1 for the innermost of several; 0: none */
	struct location *locations;  /* by number - 1 */
	size_t location_count, location_capacity;
	uint32_t *members;           /* frame ids of all locations */
	size_t member_count, member_capacity;
	uint32_t *function_of;       /* by frame id; 0: none */
	uint32_t functions;
};

/* 0 or -ENOMEM; numbers_done either way. The recording is borrowed and must not change. */
int numbers_init(struct numbers *numbers, const struct connprof_recording *recording);
void numbers_done(struct numbers *numbers);

/* 0, -ENOMEM or -E2BIG. */
int numbers_mapping(struct numbers *numbers, uint8_t kind, uint8_t flags, uint32_t module, uint32_t *id);
/* The location of frames at one address, innermost first: all but the last are inlined. 0: not a frame, or no memory. */
uint64_t numbers_location(struct numbers *numbers, const uint32_t *frames, uint32_t count);
/* How many frames from here on, innermost first, are one call: the inlined ones and the one they are in. */
uint32_t numbers_of_call(const struct numbers *numbers, const uint32_t *frames, size_t count);
/* The frame ids of a location. Borrowed until the next numbers_location. */
const uint32_t *numbers_frames(const struct numbers *numbers, uint64_t location, uint32_t *count);
/* Of a frame that is in stacks. */
uint32_t numbers_function(struct numbers *numbers, uint32_t frame);

#endif

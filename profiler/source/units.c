/* SPDX-License-Identifier: BSD-2-Clause */
/* units.c - a table of frames, and a byte of memory for each stack. */
#include "source/units.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/numbers.h"
#include "process/process.h"

#define THREADS_LOOKED_AT 32   /* a loop that serves requests runs in one of the first */
#define FRAMES_LOOKED_AT 128  /* of one thread; an event loop lies near the root of a stack that is not deep while it waits */
#define LOOKED_AT 0x80        /* in the memory: the rest is the answer */

struct units {
	const struct connprof_recording *recording;
	struct numbers *numbers;
	uint8_t *by_stack;
	size_t capacity;
};

/* Files of frames that are there as long as the loop or the scheduler runs; uvloop runs under asyncio's runner. */
static const struct {
	const char *file;
	enum unit_kind kind;
} signs[] = {
	{ "/asyncio/base_events.py", UNIT_COROUTINE },
	{ "/asyncio/runners.py", UNIT_COROUTINE },
	{ "-packages/gevent/", UNIT_GREENLET },
	{ "-packages/eventlet/", UNIT_GREENLET },
};

static enum unit_kind sign_of(const struct strings *strings, const struct frame *frame)
{
	const char *file = frame ? strings_get(strings, frame->file) : "";

	for (size_t i = 0; *file && i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strstr(file, signs[i].file))
			return signs[i].kind;
	return UNIT_THREAD;
}

struct units *units_new(const struct connprof_recording *recording)
{
	struct units *units = calloc(1, sizeof(*units));

	if (!units)
		return NULL;
	units->recording = recording;
	units->numbers = numbers_new();
	if (units->numbers)
		return units;
	free(units);
	return NULL;
}

void units_free(struct units *units)
{
	if (!units)
		return;
	numbers_free(units->numbers);
	free(units->by_stack);
	free(units);
}

uint32_t units_number(struct units *units, uint64_t address)
{
	return numbers_get(units->numbers, address);
}

static enum unit_kind look(const struct units *units, uint32_t stack)
{
	const struct stacks *stacks = units->recording->stacks;
	enum unit_kind kind = UNIT_THREAD, found;
	size_t count;
	const uint32_t *frames = stacks_get(stacks, stack, &count, NULL);

	for (size_t i = 0; i < count; i++) {
		found = sign_of(units->recording->strings, stacks_frame(stacks, frames[i]));
		kind = found > kind ? found : kind;
	}
	return kind;
}

enum unit_kind units_of_stack(struct units *units, uint32_t stack)
{
	if (!stack)
		return UNIT_THREAD;
	if (array_reserve_zeroed(&units->by_stack, &units->capacity, (size_t)stack + 1, 1, 2 * STACKS_COUNT_MAX))
		return look(units, stack);
	if (!units->by_stack[stack])
		units->by_stack[stack] = (uint8_t)(LOOKED_AT | look(units, stack));
	return units->by_stack[stack] & ~LOOKED_AT;
}

enum unit_kind units_of_process(const struct runtime_ops *ops, struct runtime *runtime, pid_t pid, struct strings *strings)
{
	struct slot slots[FRAMES_LOOKED_AT];
	enum unit_kind kind = UNIT_THREAD, found;
	pid_t *threads = NULL;
	int count = ops->walk ? process_threads(pid, &threads) : 0, depth;
	enum python_end end;

	for (int i = 0; i < count && i < THREADS_LOOKED_AT; i++) {
		depth = ops->walk(runtime, threads[i], 0, slots, FRAMES_LOOKED_AT, &end, NULL);
		for (int s = 0; s < depth; s++) {
			struct frame frame = {0};

			if (!slots[s].a || ops->name_frame(runtime, &slots[s], strings, &frame))
				continue;
			found = sign_of(strings, &frame);
			kind = found > kind ? found : kind;
		}
	}
	free(threads);
	return kind;
}

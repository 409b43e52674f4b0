/* SPDX-License-Identifier: BSD-2-Clause */
/* chain.c - frame ids put together, innermost first as every stack is kept: the other's root comes first. */
#include "model/chain.h"

#include <string.h>

static uint32_t note_frame(struct stacks *stacks, struct strings *strings, const char *note)
{
	struct frame frame = {.kind = FRAME_NOTE, .function = strings_add(strings, note)};

	return stacks_add_frame(stacks, &frame);
}

uint32_t chain_note(struct stacks *stacks, struct strings *strings, const char *note)
{
	uint32_t id = note_frame(stacks, strings, note);

	return stacks_add(stacks, &id, 1, 0);
}

uint32_t chain_make(struct stacks *stacks, struct strings *strings, uint32_t waiter, uint32_t other)
{
	uint32_t ids[STACK_FRAMES_MAX], separator = note_frame(stacks, strings, "--");
	size_t waiting, others, kept, count = 0;
	uint8_t end;
	const uint32_t *frames = stacks_get(stacks, other, &others, NULL), *own;

	own = stacks_get(stacks, waiter, &waiting, &end);
	if (!own || waiting >= STACK_FRAMES_MAX)
		return waiter;
	kept = others < STACK_FRAMES_MAX - 1 - waiting ? others : STACK_FRAMES_MAX - 1 - waiting;
	for (size_t i = kept; i-- > 0;)
		ids[count++] = frames[i];
	ids[count++] = separator;
	memcpy(ids + count, own, waiting * sizeof(*own));
	return stacks_add(stacks, ids, count + waiting, end);
}

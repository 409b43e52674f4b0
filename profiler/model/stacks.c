/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stacks.c - interned frames and stacks: arrays by id, with an open-addressing index of ids over each.
 *
 * Ids are handed out in order and never change. The frames of all stacks lie in one array (`frame_ids`), so a stack costs
 * 12 bytes and 4 a frame. An index slot holds an id, 0 is empty; nothing is ever removed, so probing needs no tombstones.
 */
#include "model/stacks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define FRAMES_COUNT_MAX (4u << 20)
#define FRAME_IDS_MAX ((size_t)256 << 20) /* frames of all stacks together: 1 GiB of ids at the very most */

struct stack {
	uint64_t first; /* into frame_ids */
	uint32_t hash;
	uint16_t count;
	uint8_t end;
};

struct index {
	uint32_t *slots;
	size_t size; /* a power of two, or 0 */
};

struct stacks {
	struct frame *frames;
	size_t frame_count, frame_capacity;
	struct stack *stacks;
	size_t count, capacity;
	uint32_t *frame_ids;
	size_t frame_id_count, frame_id_capacity;
	struct index frame_index, stack_index;
	uint64_t refused;
};

/* FNV-1a over words, finished by a multiply-shift so that the low bits are good enough for a mask. */
static uint32_t hash_words(const uint32_t *words, size_t count, uint32_t seed)
{
	uint64_t hash = 0xcbf29ce484222325u ^ seed;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ words[i]) * 0x100000001b3u;
	hash ^= hash >> 32;
	return (uint32_t)((hash * 0x9e3779b97f4a7c15u) >> 32);
}

static uint32_t hash_frame(const struct frame *frame)
{
	uint32_t words[] = {
		frame->kind | (uint32_t)frame->flags << 8, frame->function, frame->file, frame->line, frame->first_line,
		frame->module, (uint32_t)frame->address, (uint32_t)(frame->address >> 32),
	};

	return hash_words(words, sizeof(words) / sizeof(words[0]), 0);
}

static bool frame_equal(const struct frame *a, const struct frame *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->function == b->function && a->file == b->file &&
	       a->line == b->line && a->first_line == b->first_line && a->module == b->module &&
	       a->address == b->address;
}

static void index_put(struct index *index, uint32_t hash, uint32_t id)
{
	size_t at = hash & (index->size - 1);

	while (index->slots[at])
		at = (at + 1) & (index->size - 1);
	index->slots[at] = id;
}

/* Makes room for one more of `count` ids at no more than three quarters full; hash_of gives the hash of an id when the
 * slots move. */
static int index_room(struct index *index, size_t count, const struct stacks *stacks,
		      uint32_t (*hash_of)(const struct stacks *, uint32_t id))
{
	struct index grown = { .size = index->size ? index->size * 2 : 1024 };

	if ((count + 1) * 4 <= index->size * 3)
		return 0;
	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (uint32_t id = 1; id <= count; id++)
		index_put(&grown, hash_of(stacks, id), id);
	free(index->slots);
	*index = grown;
	return 0;
}

static uint32_t frame_hash_of(const struct stacks *stacks, uint32_t id)
{
	return hash_frame(&stacks->frames[id - 1]);
}

static uint32_t stack_hash_of(const struct stacks *stacks, uint32_t id)
{
	return stacks->stacks[id - 1].hash;
}

struct stacks *stacks_new(void)
{
	return calloc(1, sizeof(struct stacks));
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	free(stacks->frames);
	free(stacks->stacks);
	free(stacks->frame_ids);
	free(stacks->frame_index.slots);
	free(stacks->stack_index.slots);
	free(stacks);
}

static uint32_t refuse(struct stacks *stacks)
{
	stacks->refused++;
	return 0;
}

uint32_t stacks_add_frame(struct stacks *stacks, const struct frame *frame)
{
	struct index *index = &stacks->frame_index;
	uint32_t hash = hash_frame(frame);

	if (index->size)
		for (size_t at = hash & (index->size - 1); index->slots[at]; at = (at + 1) & (index->size - 1))
			if (frame_equal(&stacks->frames[index->slots[at] - 1], frame))
				return index->slots[at];
	if (index_room(index, stacks->frame_count, stacks, frame_hash_of) ||
	    array_reserve(&stacks->frames, &stacks->frame_capacity, stacks->frame_count + 1, sizeof(*stacks->frames),
			  FRAMES_COUNT_MAX))
		return refuse(stacks);
	stacks->frames[stacks->frame_count++] = *frame;
	index_put(index, hash, (uint32_t)stacks->frame_count);
	return (uint32_t)stacks->frame_count;
}

static bool stack_is(const struct stacks *stacks, const struct stack *stack, uint32_t hash, const uint32_t *frames,
		     size_t count, uint8_t end)
{
	return stack->hash == hash && stack->count == count && stack->end == end &&
	       (!count || !memcmp(stacks->frame_ids + stack->first, frames, count * sizeof(*frames)));
}

uint32_t stacks_add(struct stacks *stacks, const uint32_t *frames, size_t count, uint8_t end)
{
	struct index *index = &stacks->stack_index;
	uint32_t hash;

	if (count > STACK_FRAMES_MAX)
		count = STACK_FRAMES_MAX;
	hash = hash_words(frames, count, (uint32_t)end + 1);
	if (index->size)
		for (size_t at = hash & (index->size - 1); index->slots[at]; at = (at + 1) & (index->size - 1))
			if (stack_is(stacks, &stacks->stacks[index->slots[at] - 1], hash, frames, count, end))
				return index->slots[at];
	if (index_room(index, stacks->count, stacks, stack_hash_of) ||
	    array_reserve(&stacks->stacks, &stacks->capacity, stacks->count + 1, sizeof(*stacks->stacks),
			  STACKS_COUNT_MAX) ||
	    array_reserve(&stacks->frame_ids, &stacks->frame_id_capacity, stacks->frame_id_count + count,
			  sizeof(*stacks->frame_ids), FRAME_IDS_MAX))
		return refuse(stacks);
	if (count)
		memcpy(stacks->frame_ids + stacks->frame_id_count, frames, count * sizeof(*frames));
	stacks->stacks[stacks->count++] = (struct stack){
		.first = stacks->frame_id_count, .hash = hash, .count = (uint16_t)count, .end = end,
	};
	stacks->frame_id_count += count;
	index_put(index, hash, (uint32_t)stacks->count);
	return (uint32_t)stacks->count;
}

const struct frame *stacks_frame(const struct stacks *stacks, uint32_t id)
{
	return id && id <= stacks->frame_count ? &stacks->frames[id - 1] : NULL;
}

const uint32_t *stacks_get(const struct stacks *stacks, uint32_t id, size_t *count, uint8_t *end)
{
	const struct stack *stack = id && id <= stacks->count ? &stacks->stacks[id - 1] : NULL;

	if (count)
		*count = stack ? stack->count : 0;
	if (end)
		*end = stack ? stack->end : 0;
	return stack && stack->count ? stacks->frame_ids + stack->first : NULL;
}

/* ---- replacing ---- */

/* The frames of one stack with the replacements made, written to out. Returns how many. */
static size_t replace_frames(const struct stacks *stacks, const struct stack *stack, const struct frame_replacement *by_frame,
			     size_t frame_count, const uint32_t *ids, uint32_t out[STACK_FRAMES_MAX])
{
	const uint32_t *frames = stacks->frame_ids + stack->first;
	size_t count = 0;

	for (size_t i = 0; i < stack->count; i++) {
		const struct frame_replacement *r = frames[i] && frames[i] <= frame_count ? &by_frame[frames[i] - 1] : NULL;

		if (!r || !r->count) {
			if (count < STACK_FRAMES_MAX)
				out[count++] = frames[i];
			continue;
		}
		for (uint32_t k = 0; k < r->count && count < STACK_FRAMES_MAX; k++)
			out[count++] = ids[r->first + k];
	}
	return count;
}

static void index_stacks(struct stacks *stacks)
{
	struct index *index = &stacks->stack_index;

	if (index->size)
		memset(index->slots, 0, index->size * sizeof(*index->slots));
	for (uint32_t id = 1; id <= stacks->count; id++) {
		struct stack *stack = &stacks->stacks[id - 1];

		stack->hash = hash_words(stacks->frame_ids + stack->first, stack->count, (uint32_t)stack->end + 1);
		index_put(index, stack->hash, id);
	}
}

int stacks_replace(struct stacks *stacks, const struct frame_replacement *by_frame, size_t frame_count, const uint32_t *ids)
{
	uint32_t *fresh = NULL, frames[STACK_FRAMES_MAX];
	uint64_t *firsts = calloc(stacks->count + 1, sizeof(*firsts));
	size_t used = 0, capacity = 0;
	int code = firsts ? 0 : -ENOMEM;

	for (size_t i = 0; !code && i < stacks->count; i++) {
		size_t count = replace_frames(stacks, &stacks->stacks[i], by_frame, frame_count, ids, frames);

		firsts[i] = used;
		code = array_reserve(&fresh, &capacity, used + count, sizeof(*fresh), FRAME_IDS_MAX);
		if (!code && count)
			memcpy(fresh + used, frames, count * sizeof(*frames));
		used += count;
	}
	if (!code) {
		firsts[stacks->count] = used;
		for (size_t i = 0; i < stacks->count; i++) {
			stacks->stacks[i].first = firsts[i];
			stacks->stacks[i].count = (uint16_t)(firsts[i + 1] - firsts[i]);
		}
		free(stacks->frame_ids);
		stacks->frame_ids = fresh;
		stacks->frame_id_count = used;
		stacks->frame_id_capacity = capacity;
		index_stacks(stacks);
		fresh = NULL;
	}
	free(fresh);
	free(firsts);
	return code;
}

size_t stacks_count(const struct stacks *stacks)
{
	return stacks->count;
}

size_t stacks_frame_count(const struct stacks *stacks)
{
	return stacks->frame_count;
}

uint64_t stacks_refused(const struct stacks *stacks)
{
	return stacks->refused;
}

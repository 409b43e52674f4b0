/* SPDX-License-Identifier: BSD-2-Clause */
/* profile.c - samples into rows: an open-addressing index of row numbers over recording->profile. */
#include "model/profile.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

struct profile {
	struct connprof_recording *recording;
	uint32_t *slots; /* row number + 1; 0: empty */
	size_t size;     /* a power of two */
};

struct profile *profile_new(struct connprof_recording *recording)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (!profile)
		return NULL;
	profile->recording = recording;
	profile->size = 1024;
	profile->slots = calloc(profile->size, sizeof(*profile->slots));
	if (profile->slots)
		return profile;
	free(profile);
	return NULL;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	free(profile->slots);
	free(profile);
}

static size_t slot_of(uint32_t stack, uint32_t pid, uint32_t tid, size_t size)
{
	uint64_t hash = stack * 0x9e3779b97f4a7c15u ^ ((uint64_t)pid << 32 | tid) * 0xc2b2ae3d27d4eb4fu;

	return (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u >> 32 & (size - 1);
}

static int grow(struct profile *profile)
{
	const struct connprof_recording *recording = profile->recording;
	size_t size = profile->size * 2;
	uint32_t *slots;

	if ((recording->profile_count + 1) * 4 <= profile->size * 3)
		return 0;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < recording->profile_count; i++) {
		const struct profile_row *row = &recording->profile[i];
		size_t at = slot_of(row->stack, row->pid, row->tid, size);

		while (slots[at])
			at = (at + 1) & (size - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(profile->slots);
	profile->slots = slots;
	profile->size = size;
	return 0;
}

static int find_or_add(struct profile *profile, const struct event *event, struct profile_row **out)
{
	struct connprof_recording *recording = profile->recording;
	size_t at;
	int code = grow(profile);

	if (code)
		return code;
	for (at = slot_of(event->stack, event->pid, event->tid, profile->size); profile->slots[at];
	     at = (at + 1) & (profile->size - 1)) {
		struct profile_row *row = &recording->profile[profile->slots[at] - 1];

		if (row->stack == event->stack && row->pid == event->pid && row->tid == event->tid) {
			*out = row;
			return 0;
		}
	}
	code = array_reserve(&recording->profile, &recording->profile_capacity, recording->profile_count + 1,
			     sizeof(*recording->profile), PROFILE_ROWS_MAX);
	if (code)
		return code;
	*out = &recording->profile[recording->profile_count++];
	**out = (struct profile_row){ .stack = event->stack, .pid = event->pid, .tid = event->tid };
	profile->slots[at] = (uint32_t)recording->profile_count;
	return 0;
}

int profile_add(struct profile *profile, const struct event *event)
{
	struct connprof_recording *recording = profile->recording;
	struct profile_row *row;
	uint8_t end;
	int code = find_or_add(profile, event, &row);

	if (code)
		return code;
	row->samples++;
	if (event->thread) /* threads are renamed: the latest name stands */
		row->thread = event->thread;
	recording->samples++;
	stacks_get(recording->stacks, event->stack, NULL, &end);
	if (event->stack && end < STACK_END_COUNT)
		recording->stack_ends[end]++;
	if (event->python_end < PYTHON_END_COUNT)
		recording->python_ends[event->python_end]++;
	return 0;
}

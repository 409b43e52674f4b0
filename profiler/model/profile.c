/* SPDX-License-Identifier: BSD-2-Clause */
/* profile.c - samples and waits into rows: an open-addressing index of row numbers over recording->profile. */
#include "model/profile.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "model/offcpu.h"

struct profile {
	struct connprof_recording *recording;
	struct offcpu *offcpu;
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
	profile->offcpu = offcpu_new();
	if (profile->slots && profile->offcpu)
		return profile;
	profile_free(profile);
	return NULL;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	offcpu_free(profile->offcpu);
	free(profile->slots);
	free(profile);
}

static size_t slot_of(const struct profile_row *row, size_t size)
{
	uint64_t hash = ((uint64_t)row->wait << 48 | (uint64_t)row->latency << 32 | row->stack) * 0x9e3779b97f4a7c15u ^
			((uint64_t)row->pid << 32 | row->tid) * 0xc2b2ae3d27d4eb4fu;

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
		size_t at = slot_of(&recording->profile[i], size);

		while (slots[at])
			at = (at + 1) & (size - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(profile->slots);
	profile->slots = slots;
	profile->size = size;
	return 0;
}

static bool same_key(const struct profile_row *a, const struct profile_row *b)
{
	return a->stack == b->stack && a->pid == b->pid && a->tid == b->tid && a->latency == b->latency &&
	       a->wait == b->wait;
}

static int find_or_add(struct profile *profile, const struct profile_row *wanted, struct profile_row **out)
{
	struct connprof_recording *recording = profile->recording;
	size_t at;
	int code = grow(profile);

	if (code)
		return code;
	for (at = slot_of(wanted, profile->size); profile->slots[at]; at = (at + 1) & (profile->size - 1)) {
		struct profile_row *row = &recording->profile[profile->slots[at] - 1];

		if (same_key(row, wanted)) {
			*out = row;
			return 0;
		}
	}
	code = array_reserve(&recording->profile, &recording->profile_capacity, recording->profile_count + 1,
			     sizeof(*recording->profile), PROFILE_ROWS_MAX);
	if (code)
		return code;
	*out = &recording->profile[recording->profile_count++];
	**out = (struct profile_row){
		.stack = wanted->stack, .pid = wanted->pid, .tid = wanted->tid, .latency = wanted->latency, .wait = wanted->wait,
	};
	profile->slots[at] = (uint32_t)recording->profile_count;
	return 0;
}

void profile_count(struct profile *profile, const struct event *event)
{
	struct connprof_recording *recording = profile->recording;
	uint8_t end;

	recording->samples += event->kind == EVENT_SAMPLE;
	stacks_get(recording->stacks, event->stack, NULL, &end);
	if (event->stack && end < STACK_END_COUNT)
		recording->stack_ends[end]++;
	if (event->python_end < PYTHON_END_COUNT)
		recording->python_ends[event->python_end]++;
}

int profile_add(struct profile *profile, const struct profile_row *added)
{
	struct profile_row *row;
	int code = find_or_add(profile, added, &row);

	if (code)
		return code;
	row->samples += added->samples;
	if (added->thread) /* threads are renamed: the latest name stands */
		row->thread = added->thread;
	return 0;
}

int profile_wait(struct profile *profile, const struct profile_row *added, const struct event_offcpu *wait)
{
	struct profile_row *row;
	int code = find_or_add(profile, added, &row);

	if (!code)
		code = offcpu_add(profile->offcpu, profile->recording, wait, row - profile->recording->profile);
	if (!code && added->thread)
		row->thread = added->thread;
	return code;
}

void profile_refresh(struct profile *profile)
{
	offcpu_refresh(profile->offcpu, profile->recording);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* pool_frames.c - a byte of memory for each frame, and a table of addresses. */
#include "source/pool_frames.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/numbers.h"
#include "base/strings.h"
#include "model/clients.h"

enum answer { NOT_ASKED = 0, NO, YES };

struct pool_frames {
	const struct connprof_recording *recording;
	struct numbers *places;
	uint8_t *answers; /* by frame */
	size_t capacity;
};

struct pool_frames *pool_frames_new(const struct connprof_recording *recording)
{
	struct pool_frames *frames = calloc(1, sizeof(*frames));

	if (!frames)
		return NULL;
	frames->recording = recording;
	frames->places = numbers_new();
	if (frames->places)
		return frames;
	free(frames);
	return NULL;
}

void pool_frames_free(struct pool_frames *frames)
{
	if (!frames)
		return;
	numbers_free(frames->places);
	free(frames->answers);
	free(frames);
}

bool pool_frames_has(struct pool_frames *frames, uint32_t frame)
{
	if (array_reserve_zeroed(&frames->answers, &frames->capacity, (size_t)frame + 1, 1, 2 * STRINGS_COUNT_MAX))
		return client_pool_method(frames->recording, frame);
	if (!frames->answers[frame])
		frames->answers[frame] = client_pool_method(frames->recording, frame) ? YES : NO;
	return frames->answers[frame] == YES;
}

uint32_t pool_frames_place(struct pool_frames *frames, uint64_t address)
{
	return numbers_get(frames->places, address);
}

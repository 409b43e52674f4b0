/* SPDX-License-Identifier: BSD-2-Clause */
/* pprof_numbers.c - arrays by frame id and by module. */
#include "report/pprof_numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define LOCATIONS_MAX (8u << 20)

int numbers_mapping(struct numbers *numbers, uint8_t kind, uint8_t flags, uint32_t module, uint32_t *id)
{
	uint32_t *first = module < numbers->module_count ? &numbers->mapping_of[module] : &numbers->mapping_of[0];
	int code;

	for (uint32_t at = *first; at; at = numbers->mappings.items[at - 1].next) {
		const struct facts_mapping *mapping = &numbers->mappings.items[at - 1];

		if (mapping->kind == kind && mapping->flags == flags) {
			*id = at;
			return 0;
		}
	}
	code = array_reserve(&numbers->mappings.items, &numbers->mappings.capacity, numbers->mappings.count + 1,
			     sizeof(*numbers->mappings.items), FACTS_MAPPINGS_MAX);
	if (code)
		return code;
	numbers->mappings.items[numbers->mappings.count] =
		(struct facts_mapping){.kind = kind, .flags = flags, .module = module, .next = *first};
	*id = *first = (uint32_t)++numbers->mappings.count;
	return 0;
}

uint64_t numbers_location(struct numbers *numbers, const uint32_t *frames, uint32_t count)
{
	uint32_t *known = frames[0] && frames[0] <= numbers->frames ? &numbers->location_of[frames[0] * 2 + (count > 1)] : NULL;
	const struct location *location = known && *known ? &numbers->locations[*known - 1] : NULL;

	if (location && location->count == count && !memcmp(numbers->members + location->first, frames, count * sizeof(*frames)))
		return *known;
	if (!known ||
	    array_reserve(&numbers->locations, &numbers->location_capacity, numbers->location_count + 1, sizeof(*location), LOCATIONS_MAX) ||
	    array_reserve(&numbers->members, &numbers->member_capacity, numbers->member_count + count, sizeof(*frames), LOCATIONS_MAX))
		return 0;
	memcpy(numbers->members + numbers->member_count, frames, count * sizeof(*frames));
	numbers->locations[numbers->location_count++] = (struct location){(uint32_t)numbers->member_count, count};
	numbers->member_count += count;
	return *known = (uint32_t)numbers->location_count;
}

uint32_t numbers_of_call(const struct numbers *numbers, const uint32_t *frames, size_t count)
{
	for (uint32_t i = 0; i < count && i < CALL_FRAMES_MAX; i++) {
		const struct frame *frame = stacks_frame(numbers->stacks, frames[i]);

		if (!frame || !(frame->flags & FRAME_INLINED))
			return frame ? i + 1 : 1;
	}
	return 1; /* cut off before its call */
}

const uint32_t *numbers_frames(const struct numbers *numbers, uint64_t location, uint32_t *count)
{
	*count = numbers->locations[location - 1].count;
	return numbers->members + numbers->locations[location - 1].first;
}

uint32_t numbers_function(struct numbers *numbers, uint32_t frame)
{
	if (!numbers->function_of[frame])
		numbers->function_of[frame] = ++numbers->functions;
	return numbers->function_of[frame];
}

int numbers_init(struct numbers *numbers, const struct connprof_recording *recording)
{
	memset(numbers, 0, sizeof(*numbers));
	numbers->stacks = recording->stacks;
	numbers->frames = stacks_frame_count(recording->stacks);
	numbers->module_count = strings_count(recording->strings);
	numbers->mapping_of = calloc(numbers->module_count + 1, sizeof(*numbers->mapping_of));
	numbers->location_of = calloc(numbers->frames * 2 + 2, sizeof(*numbers->location_of));
	numbers->function_of = calloc(numbers->frames + 1, sizeof(*numbers->function_of));
	return numbers->mapping_of && numbers->location_of && numbers->function_of ? 0 : -ENOMEM;
}

void numbers_done(struct numbers *numbers)
{
	free(numbers->mapping_of);
	free(numbers->mappings.items);
	free(numbers->location_of);
	free(numbers->locations);
	free(numbers->members);
	free(numbers->function_of);
}

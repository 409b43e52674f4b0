/* SPDX-License-Identifier: BSD-2-Clause */
/* array.c - growing a heap array by doubling, with a limit. */
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int array_reserve(void *items, size_t *capacity, size_t need, size_t item_size, size_t limit)
{
	size_t grown = *capacity ? *capacity : 16;
	void *old, *fresh;

	if (need <= *capacity)
		return 0;
	if (need > limit || need > SIZE_MAX / 2 / item_size)
		return -E2BIG;
	while (grown < need)
		grown *= 2;
	if (grown > limit)
		grown = limit;
	memcpy(&old, items, sizeof(old));
	fresh = realloc(old, grown * item_size);
	if (!fresh)
		return -ENOMEM;
	memcpy(items, &fresh, sizeof(fresh));
	*capacity = grown;
	return 0;
}

int array_reserve_zeroed(void *items, size_t *capacity, size_t need, size_t item_size, size_t limit)
{
	size_t before = *capacity;
	int code = array_reserve(items, capacity, need, item_size, limit);
	char *first;

	if (code || *capacity == before)
		return code;
	memcpy(&first, items, sizeof(first));
	memset(first + before * item_size, 0, (*capacity - before) * item_size);
	return 0;
}

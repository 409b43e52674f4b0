/* SPDX-License-Identifier: BSD-2-Clause */
/* numbers.c - a uthash table. */
#include "base/numbers.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct number {
	UT_hash_handle hh;
	uint64_t value;
	uint32_t number;
};

struct numbers {
	struct number *by_value;
};

struct numbers *numbers_new(void)
{
	return calloc(1, sizeof(struct numbers));
}

void numbers_free(struct numbers *numbers)
{
	struct number *number, *next;

	if (!numbers)
		return;
	HASH_ITER(hh, numbers->by_value, number, next) {
		HASH_DELETE(hh, numbers->by_value, number);
		free(number);
	}
	free(numbers);
}

uint32_t numbers_get(struct numbers *numbers, uint64_t value)
{
	struct number *number;

	HASH_FIND(hh, numbers->by_value, &value, sizeof(value), number);
	if (number || !value || HASH_COUNT(numbers->by_value) >= NUMBERS_MAX)
		return number ? number->number : 0;
	number = calloc(1, sizeof(*number));
	if (!number)
		return 0;
	number->value = value;
	number->number = HASH_COUNT(numbers->by_value) + 1;
	HASH_ADD(hh, numbers->by_value, value, sizeof(number->value), number);
	if (number->hh.tbl)
		return number->number;
	free(number);
	return 0;
}

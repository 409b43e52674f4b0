/* SPDX-License-Identifier: BSD-2-Clause */
/* budget.c - each block carries its size, so that what is freed can be given back to the budget. */
#include "report/budget.h"

#include <stdlib.h>

union block {
	size_t size;
	max_align_t align;
};

void *budget_alloc(void *context, size_t size)
{
	struct budget *budget = context;
	union block *block;

	if (size > budget->left || !(block = malloc(sizeof(*block) + size)))
		return NULL;
	block->size = size;
	budget->left -= size;
	return block + 1;
}

void budget_free(void *context, void *pointer)
{
	struct budget *budget = context;
	union block *block = pointer;

	if (!pointer)
		return;
	budget->left += block[-1].size;
	free(block - 1);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* array.h - growing a heap array: pointer, count and capacity belong to the caller. */
#ifndef CONNPROF_BASE_ARRAY_H
#define CONNPROF_BASE_ARRAY_H

#include <stddef.h>

/* Makes room for `need` items. *items is the caller's pointer to the first item (NULL at first), grown by
 * doubling. Returns 0, -ENOMEM, or -E2BIG past `limit` items; on failure nothing has changed. */
int array_reserve(void *items, size_t *capacity, size_t need, size_t item_size, size_t limit);

/* The same for items that are all zero bytes until something is put there: those that come by growing are cleared. */
int array_reserve_zeroed(void *items, size_t *capacity, size_t need, size_t item_size, size_t limit);

#endif

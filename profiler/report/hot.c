/* SPDX-License-Identifier: BSD-2-Clause */
/* hot.c - samples by function, one pass over the profile's rows. */
#include "report/hot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define NAMES_MAX (4u << 20)

/* One cell a name id; seen: the number of the profile row that counted it last. */
struct cell {
	uint64_t self, total;
	size_t seen;
};

struct cells {
	struct cell *items;
	size_t capacity;
};

static struct cell *cell_of(struct cells *cells, uint32_t name)
{
	if (array_reserve_zeroed(&cells->items, &cells->capacity, (size_t)name + 1, sizeof(*cells->items), NAMES_MAX))
		return NULL;
	return &cells->items[name];
}

static int count_row(struct cells *cells, const struct profile_row *row, size_t number, const struct line_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct cell *cell = cell_of(cells, list->names[i]);

		if (!cell)
			return -ENOMEM;
		if (!list->frame_ids[i]) /* a note at the root is no function */
			continue;
		if (cell->seen != number)
			cell->total += row->samples;
		cell->seen = number;
		if (i + 1 == list->count)
			cell->self += row->samples;
	}
	return 0;
}

static int by_self(const void *a, const void *b)
{
	const struct hot_row *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int collect(const struct cells *cells, size_t limit, struct hot_row **rows)
{
	struct hot_row *out = calloc(cells->capacity + 1, sizeof(*out));
	size_t count = 0;

	if (!out)
		return -ENOMEM;
	for (size_t id = 0; id < cells->capacity; id++)
		if (cells->items[id].total)
			out[count++] = (struct hot_row){(uint32_t)id, cells->items[id].self, cells->items[id].total};
	qsort(out, count, sizeof(*out), by_self);
	*rows = out;
	return (int)(count < limit ? count : limit);
}

int hot_functions(const struct connprof_recording *recording, struct lines *lines, size_t limit, struct hot_row **rows)
{
	struct cells cells = {0};
	struct line_list list;
	int code = 0;

	for (size_t i = 0; i < recording->profile_count && !code; i++) {
		code = lines_make(lines, &recording->profile[i], &list);
		if (!code)
			code = count_row(&cells, &recording->profile[i], i + 1, &list);
	}
	if (!code)
		code = collect(&cells, limit, rows);
	free(cells.items);
	return code;
}

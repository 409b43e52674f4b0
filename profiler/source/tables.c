/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.c - places in the kernel's tables: rows by a rising mark, mappings by first fit. */
#include "source/tables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define RUNS_MAX (2 * TARGETS_MAX)

struct run {
	uint32_t first, count;
	bool retired;
	uint64_t retired_ns;
};

struct tables {
	struct unwind_row *rows;
	struct mapping_row *mappings;
	size_t row_capacity, mapping_capacity;
	size_t row_count, refused;
	struct run *runs; /* sorted by first */
	size_t run_count, run_capacity;
};

struct tables *tables_new(struct unwind_row *rows, size_t row_capacity, struct mapping_row *mappings,
			  size_t mapping_capacity)
{
	struct tables *tables = calloc(1, sizeof(*tables));

	if (!tables)
		return NULL;
	tables->rows = rows;
	tables->row_capacity = row_capacity;
	tables->mappings = mappings;
	tables->mapping_capacity = mapping_capacity;
	return tables;
}

void tables_free(struct tables *tables)
{
	if (!tables)
		return;
	free(tables->runs);
	free(tables);
}

int tables_add_rows(struct tables *tables, const struct unwind_row *rows, size_t count, uint32_t *first)
{
	if (count > tables->row_capacity - tables->row_count) {
		tables->refused++;
		return -ENOSPC;
	}
	memcpy(tables->rows + tables->row_count, rows, count * sizeof(*rows));
	*first = (uint32_t)tables->row_count;
	tables->row_count += count;
	return 0;
}

static void drop_old_runs(struct tables *tables, uint64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < tables->run_count; i++) {
		const struct run *run = &tables->runs[i];

		if (!run->retired || now_ns - run->retired_ns < TABLES_GRACE_NS)
			tables->runs[kept++] = *run;
	}
	tables->run_count = kept;
}

/* The first gap of count places: the index in runs it comes before, and where it starts. */
static int find_gap(const struct tables *tables, size_t count, size_t *index, uint32_t *first)
{
	size_t at = 0, i;

	for (i = 0; i < tables->run_count; i++) {
		if (tables->runs[i].first - at >= count)
			break;
		at = tables->runs[i].first + tables->runs[i].count;
	}
	if (i == tables->run_count && tables->mapping_capacity - at < count)
		return -ENOSPC;
	*index = i;
	*first = (uint32_t)at;
	return 0;
}

int tables_add_mappings(struct tables *tables, const struct mapping_row *rows, size_t count, uint64_t now_ns,
			uint32_t *first)
{
	uint32_t at;
	size_t index;
	int code;

	drop_old_runs(tables, now_ns);
	code = find_gap(tables, count, &index, &at);
	if (!code)
		code = array_reserve(&tables->runs, &tables->run_capacity, tables->run_count + 1, sizeof(*tables->runs),
				     RUNS_MAX);
	if (code) {
		tables->refused++;
		return code;
	}
	memmove(tables->runs + index + 1, tables->runs + index, (tables->run_count - index) * sizeof(*tables->runs));
	tables->runs[index] = (struct run){.first = at, .count = (uint32_t)count};
	tables->run_count++;
	memcpy(tables->mappings + at, rows, count * sizeof(*rows));
	*first = at;
	return 0;
}

void tables_retire_mappings(struct tables *tables, uint32_t first, uint64_t now_ns)
{
	for (size_t i = 0; i < tables->run_count; i++)
		if (tables->runs[i].first == first && !tables->runs[i].retired) {
			tables->runs[i].retired = true;
			tables->runs[i].retired_ns = now_ns;
			return;
		}
}

size_t tables_row_count(const struct tables *tables)
{
	return tables->row_count;
}

size_t tables_refused(const struct tables *tables)
{
	return tables->refused;
}

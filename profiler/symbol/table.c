/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c - overlapping named ranges flattened into disjoint ones, so that finding is one binary search.
 *
 * A sweep from low to high addresses with the ranges open at each point in a heap by rank:
 *
 *   outer  rank 0   |-----------------|            outer |----|
 *   inner  rank 1        |----|              =>    inner       |----|
 *                                                  outer             |-----|   (origin: where outer began)
 */
#include "symbol/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct heap {
	const struct span *spans;
	uint32_t *items; /* indexes into spans; items[0] has the highest rank */
	size_t count;
};

static int outranks(const struct heap *heap, uint32_t a, uint32_t b)
{
	return heap->spans[a].rank > heap->spans[b].rank;
}

static void heap_push(struct heap *heap, uint32_t item)
{
	size_t at = heap->count++;

	while (at && outranks(heap, item, heap->items[(at - 1) / 2])) {
		heap->items[at] = heap->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->items[at] = item;
}

static void heap_pop(struct heap *heap)
{
	uint32_t item = heap->items[--heap->count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count && outranks(heap, heap->items[child + 1], heap->items[child]))
			child++;
		if (!outranks(heap, heap->items[child], item))
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = item;
}

int table_name(struct table *table, const char *name, size_t length, uint32_t *out)
{
	int code;

	if (length > TABLE_NAME_MAX)
		length = TABLE_NAME_MAX;
	code = array_reserve(&table->names, &table->names_capacity, table->names_size + length + 1, 1, TABLE_NAMES_MAX);
	if (code)
		return code;
	*out = (uint32_t)table->names_size;
	memcpy(table->names + table->names_size, name, length);
	table->names[table->names_size + length] = '\0';
	table->names_size += length + 1;
	return 0;
}

int table_add(struct table *table, uint64_t start, uint64_t end, uint32_t rank, uint32_t name)
{
	int code;

	if (start >= end)
		return 0;
	code = array_reserve(&table->items, &table->capacity, table->count + 1, sizeof(*table->items), TABLE_SPANS_MAX);
	if (!code)
		table->items[table->count++] = (struct span){ start, end, start, name, rank };
	return code;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Writes [from, to) of a range, joined to what was written last if that is the same range. */
static void lay(struct table *flat, const struct span *span, uint64_t from, uint64_t to)
{
	struct span *last = flat->count ? &flat->items[flat->count - 1] : NULL;

	if (last && last->end == from && last->origin == span->origin && last->rank == span->rank) {
		last->end = to;
		return;
	}
	flat->items[flat->count] = *span;
	flat->items[flat->count].start = from;
	flat->items[flat->count].end = to;
	flat->count++;
}

static void sweep(const struct table *table, struct heap *heap, struct table *flat)
{
	const struct span *spans = table->items;
	uint64_t at = 0;

	for (size_t i = 0; i < table->count || heap->count;) {
		const struct span *top;
		uint64_t to;

		if (!heap->count)
			at = spans[i].start;
		while (i < table->count && spans[i].start <= at)
			heap_push(heap, (uint32_t)i++);
		top = &spans[heap->items[0]];
		if (top->end <= at) {
			heap_pop(heap);
			continue;
		}
		to = i < table->count && spans[i].start < top->end ? spans[i].start : top->end;
		lay(flat, top, at, to);
		at = to;
	}
}

int table_build(struct table *table)
{
	struct heap heap = {0};
	struct table flat = {0};
	int code = -ENOMEM;

	if (!table->count)
		return 0;
	qsort(table->items, table->count, sizeof(*table->items), by_start);
	heap.spans = table->items;
	heap.items = malloc(table->count * sizeof(*heap.items));
	/* each range begins once and ends once, and only there another one can come to light */
	flat.items = malloc(2 * table->count * sizeof(*flat.items));
	if (!heap.items || !flat.items)
		goto out;
	sweep(table, &heap, &flat);
	free(table->items);
	table->items = realloc(flat.items, flat.count * sizeof(*flat.items));
	if (!table->items)
		table->items = flat.items;
	table->count = table->capacity = flat.count;
	flat.items = NULL;
	code = 0;
out:
	free(heap.items);
	free(flat.items);
	return code;
}

const struct span *table_find(const struct table *table, uint64_t address)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < table->items[low - 1].end ? &table->items[low - 1] : NULL;
}

const char *table_text(const struct table *table, uint32_t name)
{
	return table->names + name;
}

size_t table_bytes(const struct table *table)
{
	return table->capacity * sizeof(*table->items) + table->names_capacity;
}

void table_done(struct table *table)
{
	free(table->items);
	free(table->names);
	memset(table, 0, sizeof(*table));
}

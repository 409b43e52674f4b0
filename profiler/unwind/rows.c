/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rows.c - an object's rows put in order: sorted, one per pc, equal neighbours merged, and searched as the kernel searches.
 *
 * At one pc a real rule wins over CFA_NONE (the end of the function before), and of two rules the first read wins. CFA_ROOT is a
 * rule: it marks where a stack is complete, and must not drown in the gap that starts at the same pc.
 */
#include "unwind/unwind.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)
#define GAP_BYTES_MAX 15 /* less than the alignment of functions */

static bool in_order(const struct unwind_rows *rows)
{
	for (size_t i = 1; i < rows->count; i++)
		if (rows->items[i].pc < rows->items[i - 1].pc)
			return false;
	return true;
}

static void radix_pass(const struct unwind_row *from, struct unwind_row *to, size_t count, unsigned shift)
{
	size_t at[DIGITS] = {0};
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		at[from[i].pc >> shift & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t n = at[d];

		at[d] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[at[from[i].pc >> shift & (DIGITS - 1)]++] = from[i];
}

/* Stable: rows of one pc stay in the order they were read. */
static int sort_by_pc(struct unwind_rows *rows)
{
	struct unwind_row *other;

	if (in_order(rows))
		return 0;
	other = malloc(rows->count * sizeof(*other));
	if (!other)
		return -ENOMEM;
	radix_pass(rows->items, other, rows->count, 0);
	radix_pass(other, rows->items, rows->count, DIGIT_BITS);
	radix_pass(rows->items, other, rows->count, 2 * DIGIT_BITS);
	free(rows->items);
	rows->items = other;
	rows->capacity = rows->count;
	return 0;
}

static bool same_rule(const struct unwind_row *a, const struct unwind_row *b)
{
	return a->cfa == b->cfa && a->rbp_slot == b->rbp_slot && a->cfa_offset == b->cfa_offset;
}

/* A handler returns to the first byte of its trampoline, which a walker takes for a return address and looks up one byte
 * lower: let the rule begin there if that byte is in a gap. */
static bool reach_back(struct unwind_row *previous, struct unwind_row *row)
{
	if (row->cfa != CFA_SIGNAL || previous->cfa != CFA_NONE || previous->pc >= row->pc)
		return false;
	row->pc--;
	return previous->pc == row->pc;
}

static void merge(struct unwind_rows *rows)
{
	struct unwind_row *items = rows->items;
	size_t kept = 0;

	for (size_t i = 0; i < rows->count;) {
		struct unwind_row row = items[i];

		for (i++; i < rows->count && items[i].pc == row.pc; i++)
			if (row.cfa == CFA_NONE)
				row = items[i];
		if (kept && reach_back(&items[kept - 1], &row))
			kept--;
		if (!kept || !same_rule(&items[kept - 1], &row))
			items[kept++] = row;
	}
	rows->count = kept;
}

int unwind_rows_sort(struct unwind_rows *rows)
{
	int code = sort_by_pc(rows);

	if (!code)
		merge(rows);
	return code;
}

void unwind_rows_close_gaps(struct unwind_rows *rows)
{
	struct unwind_row *items = rows->items;
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++) {
		struct unwind_row row = items[i];

		/* Between functions of C there is padding that never runs. What runs in so small a gap is assembler whose rule ends
		 * before its code does (clone around its system call, for the child's sake), and has pushed nothing. Behind a rule
		 * of Go's it is the body of a small function. */
		if (row.cfa == CFA_NONE && kept && items[kept - 1].cfa != CFA_RSP_LEAF && i + 1 < rows->count &&
		    items[i + 1].pc - row.pc <= GAP_BYTES_MAX && items[i + 1].cfa != CFA_SIGNAL)
			row = (struct unwind_row){.pc = row.pc, .cfa = CFA_RSP, .cfa_offset = 8};
		if (!kept || !same_rule(&items[kept - 1], &row))
			items[kept++] = row;
	}
	rows->count = kept;
}

int unwind_rows_fill(struct unwind_rows *rows, const struct unwind_rows *more)
{
	size_t count = rows->count;
	int code = array_reserve(&rows->items, &rows->capacity, count + more->count, sizeof(*rows->items), UNWIND_ROWS_MAX);

	if (code)
		return code;
	for (size_t i = 0; i < more->count; i++) {
		const struct unwind_rows before = { .items = rows->items, .count = count };
		const struct unwind_row *here = unwind_rows_find(&before, more->items[i].pc);

		if (!here || here->cfa == CFA_NONE)
			rows->items[rows->count++] = more->items[i];
	}
	rows->functions += more->functions;
	rows->rejected += more->rejected;
	rows->expressions += more->expressions;
	return unwind_rows_sort(rows);
}

void unwind_rows_done(struct unwind_rows *rows)
{
	free(rows->items);
	memset(rows, 0, sizeof(*rows));
}

const struct unwind_row *unwind_rows_find(const struct unwind_rows *rows, uint32_t pc)
{
	size_t low = 0, high = rows->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows->items[middle].pc <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &rows->items[low - 1] : NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_rows.c - rows put in order: what wins at one pc, what is merged, what is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unwind/unwind.h"

static struct unwind_rows rows_of(const struct unwind_row *items, size_t count)
{
	struct unwind_rows rows = { .count = count, .capacity = count };

	rows.items = malloc(count * sizeof(*items));
	assert_non_null(rows.items);
	memcpy(rows.items, items, count * sizeof(*items));
	return rows;
}
#define ROWS(...) rows_of((const struct unwind_row[]){__VA_ARGS__}, sizeof((const struct unwind_row[]){__VA_ARGS__}) / 8)

static void expect(const struct unwind_rows *rows, size_t at, uint32_t pc, int cfa, int offset)
{
	assert_true(at < rows->count);
	assert_int_equal(rows->items[at].pc, pc);
	assert_int_equal(rows->items[at].cfa, cfa);
	assert_int_equal(rows->items[at].cfa_offset, offset);
}

static void a_rule_wins_over_the_end_of_the_function_before(void **state)
{
	struct unwind_rows rows = ROWS({0x30, CFA_RSP, 0, 8}, {0x40, CFA_NONE, 0, 0}, {0x10, CFA_RSP, 0, 16}, {0x30, CFA_NONE, 0, 0});

	(void)state;
	assert_int_equal(unwind_rows_sort(&rows), 0);
	assert_int_equal(rows.count, 3);
	expect(&rows, 0, 0x10, CFA_RSP, 16);
	expect(&rows, 1, 0x30, CFA_RSP, 8);
	expect(&rows, 2, 0x40, CFA_NONE, 0);
	unwind_rows_done(&rows);
}

static void the_root_is_kept_where_a_gap_begins_too(void **state)
{
	struct unwind_rows rows = ROWS({0x10, CFA_RSP, 0, 8}, {0x20, CFA_NONE, 0, 0}, {0x20, CFA_ROOT, 0, 0}, {0x30, CFA_NONE, 0, 0});

	(void)state;
	assert_int_equal(unwind_rows_sort(&rows), 0);
	assert_int_equal(rows.count, 3);
	expect(&rows, 1, 0x20, CFA_ROOT, 0);
	unwind_rows_done(&rows);
}

static void of_two_rules_the_first_read_wins_and_equal_neighbours_merge(void **state)
{
	struct unwind_rows rows = ROWS({0x20, CFA_RSP, 0, 8}, {0x10, CFA_RSP, 0, 8}, {0x20, CFA_RBP, 0, 16}, {0x30, CFA_RBP, 0, 16});

	(void)state;
	assert_int_equal(unwind_rows_sort(&rows), 0);
	assert_int_equal(rows.count, 2);
	expect(&rows, 0, 0x10, CFA_RSP, 8);
	expect(&rows, 1, 0x30, CFA_RBP, 16);
	unwind_rows_done(&rows);
}

static void a_trampoline_right_behind_code_keeps_its_start(void **state)
{
	struct unwind_rows rows = ROWS({0x10, CFA_RSP, 0, 8}, {0x20, CFA_SIGNAL, 0, 0}, {0x30, CFA_NONE, 0, 0}, {0x31, CFA_SIGNAL, 0, 0});

	(void)state;
	assert_int_equal(unwind_rows_sort(&rows), 0);
	expect(&rows, 1, 0x20, CFA_SIGNAL, 0);
	assert_int_equal(rows.count, 2); /* the gap of one byte at 0x30 belongs to the next trampoline */
	unwind_rows_done(&rows);
}

static void find_gives_the_last_row_at_or_below(void **state)
{
	struct unwind_rows rows = ROWS({0x10, CFA_RSP, 0, 8}, {0x20, CFA_RSP, 0, 16}, {0x30, CFA_NONE, 0, 0});

	(void)state;
	assert_null(unwind_rows_find(&rows, 0xf));
	assert_ptr_equal(unwind_rows_find(&rows, 0x10), &rows.items[0]);
	assert_ptr_equal(unwind_rows_find(&rows, 0x1f), &rows.items[0]);
	assert_ptr_equal(unwind_rows_find(&rows, 0x20), &rows.items[1]);
	assert_ptr_equal(unwind_rows_find(&rows, UINT32_MAX), &rows.items[2]);
	unwind_rows_done(&rows);
}

static void fill_adds_only_where_there_is_no_rule(void **state)
{
	struct unwind_rows rows = ROWS({0x10, CFA_RSP, 0, 8}, {0x20, CFA_NONE, 0, 0}, {0x40, CFA_RSP, 0, 8}, {0x50, CFA_NONE, 0, 0});
	struct unwind_rows more = ROWS({0x10, CFA_RBP, 0, 32}, {0x20, CFA_NONE, 0, 0}, {0x28, CFA_RSP, 0, 24}, {0x30, CFA_NONE, 0, 0});

	(void)state;
	assert_int_equal(unwind_rows_fill(&rows, &more), 0);
	assert_int_equal(rows.count, 6);
	expect(&rows, 0, 0x10, CFA_RSP, 8);
	expect(&rows, 1, 0x20, CFA_NONE, 0);
	expect(&rows, 2, 0x28, CFA_RSP, 24);
	expect(&rows, 3, 0x30, CFA_NONE, 0);
	expect(&rows, 4, 0x40, CFA_RSP, 8);
	unwind_rows_done(&rows);
	unwind_rows_done(&more);
}

/* Against a plain insertion: many rows in no order. */
/* As in glibc's clone3: the rule ends before the system call, and the child's part has one of its own (a root). */
static void small_gaps_between_functions_have_pushed_nothing(void **state)
{
	struct unwind_rows rows = ROWS({0x10, CFA_RSP, 0, 32}, {0x20, CFA_NONE, 0, 0}, {0x2a, CFA_ROOT, 0, 0}, {0x40, CFA_NONE, 0, 0},
				       {0x50, CFA_RSP, 0, 8}, {0x60, CFA_NONE, 0, 0}, {0x64, CFA_SIGNAL, 0, 0}, {0x70, CFA_NONE, 0, 0});

	(void)state;
	assert_int_equal(unwind_rows_sort(&rows), 0);
	unwind_rows_close_gaps(&rows);
	assert_int_equal(rows.count, 8);
	expect(&rows, 1, 0x20, CFA_RSP, 8);
	expect(&rows, 2, 0x2a, CFA_ROOT, 0);
	expect(&rows, 3, 0x40, CFA_NONE, 0); /* 16 bytes */
	expect(&rows, 5, 0x60, CFA_NONE, 0); /* before a trampoline a gap is looked at one byte lower */
	expect(&rows, 7, 0x70, CFA_NONE, 0); /* the end */
	unwind_rows_done(&rows);
}

/* Go's syscall.RawSyscall6 does no more than call: of its body nothing is known but that it goes by the frame pointer. */
static void a_small_body_of_a_go_function_is_no_gap(void **state)
{
	struct unwind_rows rows = ROWS({0x40, CFA_RSP_LEAF, 0, 8}, {0x41, CFA_RSP_LEAF, -2, 16}, {0x48, CFA_NONE, 0, 0},
				       {0x51, CFA_RSP_LEAF, -2, 16}, {0x52, CFA_RSP_LEAF, 0, 8}, {0x53, CFA_NONE, 0, 0});

	(void)state;
	assert_int_equal(unwind_rows_sort(&rows), 0);
	unwind_rows_close_gaps(&rows);
	assert_int_equal(rows.count, 6);
	expect(&rows, 2, 0x48, CFA_NONE, 0);
	unwind_rows_done(&rows);
}

static void a_large_shuffled_table_comes_out_sorted_and_unique(void **state)
{
	struct unwind_rows rows = { .count = 50000, .capacity = 50000 };
	uint32_t seed = 1;

	(void)state;
	rows.items = malloc(rows.count * sizeof(*rows.items));
	assert_non_null(rows.items);
	for (size_t i = 0; i < rows.count; i++) {
		seed = seed * 1664525 + 1013904223;
		rows.items[i] = (struct unwind_row){ .pc = seed, .cfa = CFA_RSP, .cfa_offset = (int16_t)(i % 1000) };
	}
	assert_int_equal(unwind_rows_sort(&rows), 0);
	assert_true(rows.count > 49000);
	for (size_t i = 1; i < rows.count; i++)
		assert_true(rows.items[i - 1].pc < rows.items[i].pc);
	unwind_rows_done(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_wins_over_the_end_of_the_function_before),
		cmocka_unit_test(the_root_is_kept_where_a_gap_begins_too),
		cmocka_unit_test(of_two_rules_the_first_read_wins_and_equal_neighbours_merge),
		cmocka_unit_test(a_trampoline_right_behind_code_keeps_its_start),
		cmocka_unit_test(find_gives_the_last_row_at_or_below),
		cmocka_unit_test(fill_adds_only_where_there_is_no_rule),
		cmocka_unit_test(small_gaps_between_functions_have_pushed_nothing),
		cmocka_unit_test(a_small_body_of_a_go_function_is_no_gap),
		cmocka_unit_test(a_large_shuffled_table_comes_out_sorted_and_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

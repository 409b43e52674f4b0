/* SPDX-License-Identifier: BSD-2-Clause */
/* test_table.c - overlapping named ranges: the highest rank wins at each address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbol/table.h"

static void add(struct table *table, uint64_t start, uint64_t end, uint32_t rank, const char *text)
{
	uint32_t name;

	assert_int_equal(table_name(table, text, strlen(text), &name), 0);
	assert_int_equal(table_add(table, start, end, rank, name), 0);
}

static const char *at(const struct table *table, uint64_t address)
{
	const struct span *span = table_find(table, address);

	return span ? table_text(table, span->name) : "-";
}

static void an_inner_range_hides_the_outer_only_where_it_lies(void **state)
{
	struct table table = {0};

	(void)state;
	add(&table, 100, 200, 0, "outer");
	add(&table, 120, 130, 1, "inner");
	assert_int_equal(table_build(&table), 0);
	assert_string_equal(at(&table, 99), "-");
	assert_string_equal(at(&table, 119), "outer");
	assert_string_equal(at(&table, 120), "inner");
	assert_string_equal(at(&table, 129), "inner");
	assert_string_equal(at(&table, 130), "outer");
	assert_string_equal(at(&table, 200), "-");
	assert_int_equal(table_find(&table, 150)->origin, 100);
	table_done(&table);
}

static void a_lower_rank_shows_in_no_part_it_shares(void **state)
{
	struct table table = {0};

	(void)state;
	add(&table, 100, 200, 5, "later");
	add(&table, 150, 250, 3, "earlier");
	assert_int_equal(table_build(&table), 0);
	assert_string_equal(at(&table, 150), "later");
	assert_string_equal(at(&table, 200), "earlier");
	assert_int_equal(table.count, 2);
	table_done(&table);
}

static void nothing_is_found_in_an_empty_table(void **state)
{
	struct table table = {0};

	(void)state;
	add(&table, 100, 100, 0, "empty");
	assert_int_equal(table_build(&table), 0);
	assert_string_equal(at(&table, 100), "-");
	table_done(&table);
}

/* Against the definition itself, address by address. */
static void random_ranges_agree_with_a_search_of_all_of_them(void **state)
{
	struct { uint64_t start, end; } ranges[200];
	struct table table = {0};
	unsigned seed = 7;

	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		ranges[i].start = (uint64_t)(rand_r(&seed) % 1000);
		ranges[i].end = ranges[i].start + (uint64_t)(rand_r(&seed) % 60);
		add(&table, ranges[i].start, ranges[i].end, i, "x");
	}
	assert_int_equal(table_build(&table), 0);
	for (uint64_t address = 0; address < 1100; address++) {
		const struct span *span = table_find(&table, address);
		int want = -1;

		for (int i = 0; i < 200; i++)
			if (ranges[i].start <= address && address < ranges[i].end)
				want = i;
		assert_int_equal(span ? (int)span->rank : -1, want);
	}
	table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_inner_range_hides_the_outer_only_where_it_lies),
		cmocka_unit_test(a_lower_rank_shows_in_no_part_it_shares),
		cmocka_unit_test(nothing_is_found_in_an_empty_table),
		cmocka_unit_test(random_ranges_agree_with_a_search_of_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

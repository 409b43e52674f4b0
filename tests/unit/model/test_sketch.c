/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sketch.c - the histogram keeps its promise on error and memory. */
#include "unit/model/stream.h"

#include "model/sketch.h"

static void quantiles_are_within_two_percent(void **state)
{
	struct sketch sketch = { 0 };
	struct quantiles q;
	(void)state;

	for (uint64_t i = 1; i <= 100000; i++)
		assert_int_equal(sketch_add(&sketch, i * 10000), 0); /* 10 µs to 1 s, evenly */
	q = sketch_quantiles(&sketch);
	assert_float_equal(q.p50, 500, 10);
	assert_float_equal(q.p99, 990, 20);
	assert_float_equal(q.max, 1000, 1e-9);
	assert_true(sketch.span * sizeof(*sketch.buckets) < 4608);
	assert_int_equal(sketch_count_from(&sketch, 0), 100000);
	sketch_done(&sketch);
}

static void extremes_fit_and_an_empty_one_knows_nothing(void **state)
{
	struct sketch sketch = { 0 };
	(void)state;

	assert_true(isnan(sketch_quantiles(&sketch).p50));
	assert_int_equal(sketch_add(&sketch, 0), 0);
	assert_int_equal(sketch_add(&sketch, UINT64_MAX), 0);
	assert_int_equal(sketch_add(&sketch, 1), 0);
	assert_int_equal(sketch_count_from(&sketch, 1000000000), 1);
	assert_true(sketch_quantile(&sketch, 0.5) < 1000);
	sketch_done(&sketch);
}

static void merging_equals_adding(void **state)
{
	struct sketch low = { 0 }, high = { 0 }, all = { 0 };
	(void)state;

	for (uint64_t i = 1; i < 1000; i++) {
		sketch_add(i & 1 ? &low : &high, i * 7777);
		sketch_add(&all, i * 7777);
	}
	assert_int_equal(sketch_merge(&low, &high), 0);
	for (int p = 0; p <= 100; p += 5)
		assert_int_equal(sketch_quantile(&low, p / 100.0), sketch_quantile(&all, p / 100.0));
	assert_int_equal(low.count, all.count);
	sketch_done(&low);
	sketch_done(&high);
	sketch_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_within_two_percent),
		cmocka_unit_test(extremes_fit_and_an_empty_one_knows_nothing),
		cmocka_unit_test(merging_equals_adding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

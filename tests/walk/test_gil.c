/* SPDX-License-Identifier: BSD-2-Clause */
/* test_gil.c - who holds the interpreter's lock at the moment of a sample, in both of the ways that interpreters keep it. */
#include "interpreter.h"

#define GIL (HEAP + 0x4000)
#define HOLDER 8
#define LOCKED 16
#define INTERP_GIL 384

static struct python_state by_interpreter(void)
{
	struct python_state python = make_state(ANCHOR_SHIM);

	python.layout.tstate_interp = 16;
	python.interp_gil = INTERP_GIL;
	python.gil_last_holder = HOLDER;
	python.gil_locked = LOCKED;
	return python;
}

static void begin_running(void)
{
	begin();
	chain(2);
	put(STATE + 72, frame_at(0));
	put(STATE + 16, INTERPRETER);
	put(INTERPRETER + INTERP_GIL, GIL);
	put(GIL + HOLDER, STATE);
	put(GIL + LOCKED, 1);
	image->gil = GIL_NOTED;
}

static void the_holder_is_kept_in_one_place_until_3_11(void **state)
{
	struct python_state python = make_state(ANCHOR_SHIM);

	(void)state;
	begin_running();
	python.gil_holder = GIL + HOLDER;
	assert_int_equal(walk(&python)->head.holds_gil, 1);
	put(GIL + HOLDER, STATE + 0x400);
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	put(GIL + HOLDER, 0);
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	assert_int_equal(walk(&python)->head.python, 2); /* noted only: the stack is there */
}

static void later_each_interpreter_leads_to_its_own(void **state)
{
	struct python_state python = by_interpreter();

	(void)state;
	begin_running();
	assert_int_equal(walk(&python)->head.holds_gil, 1);
	put(GIL + LOCKED, 0);                   /* let go of, and nobody has taken it since */
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	put(GIL + LOCKED, 1);
	put(GIL + HOLDER, STATE + 0x400);       /* another thread's */
	assert_int_equal(walk(&python)->head.holds_gil, 0);
}

static void samples_without_it_are_left_out_when_asked(void **state)
{
	struct python_state python = by_interpreter();

	(void)state;
	begin_running();
	image->gil = GIL_ONLY;
	assert_int_equal(walk(&python)->head.python, 2);
	assert_int_equal(image->left_out, 0);
	put(GIL + LOCKED, 0);
	walk(&python);
	assert_int_equal(image->left_out, 1);
	walk(NULL); /* in no interpreter */
	assert_int_equal(image->left_out, 1);
}

static void what_cannot_be_read_is_not_held(void **state)
{
	struct python_state python = by_interpreter();

	(void)state;
	begin_running();
	put(INTERPRETER + INTERP_GIL, 0x10);
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	put(STATE + 16, 0x10);
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	python.interp_gil = 0;
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	python.gil_holder = 0x10;
	assert_int_equal(walk(&python)->head.holds_gil, 0);
}

static void nobody_asked_nothing_is_read(void **state)
{
	struct python_state python = by_interpreter();
	uint64_t reads;

	(void)state;
	begin_running();
	walk(&python);
	reads = image->reads;
	image->gil = GIL_IGNORED;
	assert_int_equal(walk(&python)->head.holds_gil, 0);
	assert_true(image->reads - reads < reads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_holder_is_kept_in_one_place_until_3_11),
		cmocka_unit_test(later_each_interpreter_leads_to_its_own),
		cmocka_unit_test(samples_without_it_are_left_out_when_asked),
		cmocka_unit_test(what_cannot_be_read_is_not_held),
		cmocka_unit_test(nobody_asked_nothing_is_read),
	};

	return cmocka_run_group_tests_name("walk/gil", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_interpreters.c - threads in interpreters that are not the first, or in several at once; lists that never end. */
#include "interpreter.h"

#define OTHER (HEAP + 0x4000)           /* a second interpreter, the newer one */
#define OTHER_STATE (HEAP + 0x5000)
#define NEXT 96

/* Two interpreters: this thread has a state in each, with frames 0 and 1 in the newer, 4 and 5 in the older. */
static struct python_state two(void)
{
	struct python_state python = make_state(ANCHOR_SHIM);

	begin();
	chain(6);
	put(RUNTIME, OTHER);
	put(OTHER + NEXT, INTERPRETER);
	put(OTHER + 16, OTHER_STATE);
	put(OTHER_STATE + 152, FSBASE);
	put(OTHER_STATE + 72, frame_at(0));
	put(STATE + 72, frame_at(4));
	put(frame_at(1) + 8, 0);
	python.interpreters = 2;
	python.interp_next = NEXT;
	return python;
}

static void the_lists_of_all_interpreters_are_searched(void **state)
{
	struct python_state python = two();
	const struct scratch *s;

	(void)state;
	python.tstate_at_fsbase = 0;
	put(OTHER + 16, 0);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 2);
	a_slot(s, 0, 0xc0de40, 0xabc004);
}

static void a_thread_in_two_interpreters_has_the_frames_of_both(void **state)
{
	struct python_state python = two();
	const struct scratch *s = walk(&python);

	(void)state;
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 4);
	a_slot(s, 0, 0xc0de00, 0xabc000);
	a_slot(s, 1, 0xc0de10, 0xabc001);
	a_slot(s, 2, 0xc0de40, 0xabc004);
	put(OTHER_STATE + 72, 0); /* in one of them it is nowhere */
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 2);
}

static void other_threads_states_are_not_its_own(void **state)
{
	struct python_state python = two();

	(void)state;
	put(OTHER_STATE + 152, FSBASE + 64);
	assert_int_equal(walk(&python)->head.python, 2);
}

static void a_lone_interpreter_is_not_searched_where_the_block_leads(void **state)
{
	struct python_state python = two();
	uint64_t reads;

	(void)state;
	walk(&python);
	reads = image->reads;
	python.interpreters = 1;
	assert_int_equal(walk(&python)->head.python, 2);
	assert_true(image->reads - reads < reads);
}

static void endless_lists_end_and_are_told(void **state)
{
	struct python_state python = two();

	(void)state;
	put(INTERPRETER + NEXT, OTHER);                 /* interpreters in a circle, the thread in none */
	put(OTHER + 16, 0);
	put(INTERPRETER + 16, 0);
	put(FSBASE + BLOCK_OFFSET, 0);
	assert_int_equal(walk(&python)->head.python_end, PYTHON_TOO_MANY);
	python = two();
	put(OTHER_STATE + 152, FSBASE + 64);
	put(OTHER_STATE + 8, OTHER_STATE);              /* states in a circle before ours: the block leads to it all the same */
	assert_int_equal(walk(&python)->head.python_end, PYTHON_TOO_MANY);
	assert_int_equal(walk(&python)->head.python, 2);
	python = two();
	put(OTHER_STATE + 8, OTHER_STATE);              /* ours, again and again */
	assert_true(walk(&python)->head.python <= PYTHON_SLOTS_MAX);
	assert_int_not_equal(walk(&python)->head.python_end, PYTHON_ROOT);
	put(OTHER + NEXT, 0x10);                        /* a list that leads nowhere is at its end */
	put(OTHER_STATE + 8, 0);
	assert_int_equal(walk(&python)->head.python, 2);
}

static void the_lock_is_held_by_any_of_the_thread_s_states(void **state)
{
	struct python_state python = two();

	(void)state;
	image->gil = GIL_NOTED;
	python.gil_holder = HEAP + 0x6000;
	put(HEAP + 0x6000, OTHER_STATE);
	assert_int_equal(walk(&python)->head.holds_gil, 1);
	put(OTHER_STATE + 152, FSBASE + 64);
	assert_int_equal(walk(&python)->head.holds_gil, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lists_of_all_interpreters_are_searched),
		cmocka_unit_test(a_thread_in_two_interpreters_has_the_frames_of_both),
		cmocka_unit_test(other_threads_states_are_not_its_own),
		cmocka_unit_test(a_lone_interpreter_is_not_searched_where_the_block_leads),
		cmocka_unit_test(endless_lists_end_and_are_told),
		cmocka_unit_test(the_lock_is_held_by_any_of_the_thread_s_states),
	};

	return cmocka_run_group_tests_name("walk/interpreters", tests, NULL, NULL);
}

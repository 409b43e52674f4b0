/* SPDX-License-Identifier: BSD-2-Clause */
/* test_task.c - asyncio's running task: marked at its coroutine's own frame, its name's bytes brought along, or nothing at all. */
#include "interpreter.h"

#define TASK (HEAP + 0x5000)
#define COROUTINE (FRAMES + FRAME_BYTES - CORO_FRAME) /* frame 1 lies in it */
#define NAME (HEAP + 0x7000)
#define CORO_FRAME 72
#define RUNNING 872
#define NAME_SLOTS (TASK_NAME_BYTES / sizeof(struct slot))

static struct python_state begin_in_task(void)
{
	struct python_state python = make_state(ANCHOR_SHIM);

	begin();
	chain(4);
	put(STATE + 72, frame_at(0));
	put(STATE + RUNNING, TASK);
	put(TASK + 128, COROUTINE);
	put(TASK + 136, NAME);
	put(NAME, 0x6e616d65);
	put(NAME + TASK_NAME_BYTES - 8, 0x656e64);
	python.tstate_task = RUNNING;
	python.task_coro = 128;
	python.task_name = 136;
	python.coro_frame = CORO_FRAME;
	return python;
}

static void the_mark_follows_the_coroutine_s_own_frame(void **state)
{
	struct python_state python = begin_in_task();
	const struct scratch *s = walk(&python);

	(void)state;
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.task_slots, NAME_SLOTS);
	assert_int_equal(s->head.python, 5);
	assert_int_equal(s->slots[0].a, 0x6e616d65);
	assert_int_equal(s->slots[NAME_SLOTS - 1].b, 0x656e64);
	a_slot(s, NAME_SLOTS, 0xc0de00, 0xabc000);
	a_slot(s, NAME_SLOTS + 1, 0xc0de10, 0xabc001);
	a_slot(s, NAME_SLOTS + 2, SLOT_TASK, TASK);
	a_slot(s, NAME_SLOTS + 3, 0xc0de20, 0xabc002);
	assert_int_equal(s->walk.slots, NAME_SLOTS + 5 + s->head.native);
}

static void a_task_that_is_not_in_this_stack_is_not_shown(void **state)
{
	struct python_state python = begin_in_task();
	const struct scratch *s;

	(void)state;
	put(TASK + 128, COROUTINE + 8);
	s = walk(&python);
	assert_int_equal(s->head.python, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_not_equal(s->slots[NAME_SLOTS + i].a, SLOT_TASK);
}

static void no_task_and_unreadable_ones_cost_nothing_else(void **state)
{
	struct python_state python = begin_in_task();

	(void)state;
	put(STATE + RUNNING, 0);
	assert_int_equal(walk(&python)->head.python, 4);
	assert_int_equal(walk(&python)->head.task_slots, 0);
	put(STATE + RUNNING, 0x10);
	assert_int_equal(walk(&python)->head.python, 4);
	put(STATE + RUNNING, TASK);
	put(TASK + 136, 0x10);
	assert_int_equal(walk(&python)->head.python, 4);
	assert_int_equal(walk(&python)->head.task_slots, 0);
	python.tstate_task = 0;
	assert_int_equal(walk(&python)->head.python, 4);
}

static void a_name_at_the_end_of_memory_is_still_read(void **state)
{
	struct python_state python = begin_in_task();
	const struct scratch *s;

	(void)state;
	put(TASK + 136, HEAP + sizeof(heap) - 32);
	put(HEAP + sizeof(heap) - 32, 7);
	s = walk(&python);
	assert_int_equal(s->head.task_slots, NAME_SLOTS);
	a_slot(s, 0, 7, 0);
	a_slot(s, 2, 0, 0);
}

static void a_deep_stack_still_fits(void **state)
{
	struct python_state python = begin_in_task();
	const struct scratch *s;

	(void)state;
	put(frame_at(3) + 8, frame_at(2)); /* for ever round */
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_TOO_DEEP);
	assert_true(s->head.python <= PYTHON_SLOTS_MAX);
	assert_true(s->walk.slots <= NAME_SLOTS + PYTHON_SLOTS_MAX + s->head.native);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mark_follows_the_coroutine_s_own_frame),
		cmocka_unit_test(a_task_that_is_not_in_this_stack_is_not_shown),
		cmocka_unit_test(no_task_and_unreadable_ones_cost_nothing_else),
		cmocka_unit_test(a_name_at_the_end_of_memory_is_still_read),
		cmocka_unit_test(a_deep_stack_still_fits),
	};

	return cmocka_run_group_tests_name("walk/task", tests, NULL, NULL);
}

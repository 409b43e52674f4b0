/* SPDX-License-Identifier: BSD-2-Clause */
/* test_self.c - the first local variables that go along with the innermost frames of a connect(), and with no other stack's. */
#include "interpreter.h"

#define SELF(i) (HEAP + 0x6000 + (i) * 64)

/* `count` frames, each with a self at that offset. */
static struct python_state begin_with(uint8_t anchor, uint16_t offset, size_t count)
{
	struct python_state python = make_state(anchor);

	begin();
	image->selves = SELF_FRAMES_MAX;
	python.layout.frame_self = offset;
	chain(count);
	for (size_t i = 0; i < count; i++)
		put(frame_at(i) + offset, SELF(i % 100));
	put(STATE + 72, frame_at(0));
	return python;
}

static void a_mark_follows_each_frame_that_has_a_first_local(void **state)
{
	static const uint16_t offsets[] = {72, 80, 160}; /* inside what is read of a frame, at its end, and past it */

	(void)state;
	for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++) {
		struct python_state python = begin_with(ANCHOR_SHIM, offsets[o], 3);
		const struct scratch *s;

		put(frame_at(1) + offsets[o], 0);
		s = walk(&python);
		assert_int_equal(s->head.python_end, PYTHON_ROOT);
		assert_int_equal(s->head.python, 5);
		a_slot(s, 0, 0xc0de00, 0xabc000);
		a_slot(s, 1, SLOT_SELF, SELF(0));
		a_slot(s, 2, 0xc0de10, 0xabc001);
		a_slot(s, 3, 0xc0de20, 0xabc002);
		a_slot(s, 4, SLOT_SELF, SELF(2));
	}
}

static void other_stacks_have_none(void **state)
{
	struct python_state python = begin_with(ANCHOR_SHIM, 80, 3);

	(void)state;
	image->selves = 0;
	assert_int_equal(walk(&python)->head.python, 3);
}

static void the_mark_comes_before_the_end_of_its_run(void **state)
{
	struct python_state python = begin_with(ANCHOR_CFRAME, 160, 1);
	const struct scratch *s;

	(void)state;
	python.layout.frame_is_entry = 0xffff;
	put(STATE + 56, CSTACK + 0x200);
	s = walk(&python);
	assert_int_equal(s->head.python, 3);
	a_slot(s, 1, SLOT_SELF, SELF(0));
	a_slot(s, 2, 0, CSTACK + 0x200);
}

static void tag_bits_are_taken_off(void **state)
{
	struct python_state python = begin_with(ANCHOR_SHIM, 80, 2);
	const struct scratch *s;

	(void)state;
	python.layout.code_tag_mask = 3;
	put(frame_at(0) + 80, SELF(0) + 1);
	put(frame_at(1) + 80, 3); /* nothing but a tag */
	s = walk(&python);
	assert_int_equal(s->head.python, 3);
	a_slot(s, 1, SLOT_SELF, SELF(0));
}

/* The frame before it must not lend its self to one that has none. */
static void a_frame_that_ends_where_memory_does_has_none(void **state)
{
	struct python_state python = begin_with(ANCHOR_SHIM, 80, 1);
	uint64_t last = HEAP + sizeof(heap) - 80;
	const struct scratch *s;

	(void)state;
	put(frame_at(0) + 8, last);
	put(last, 0xc0de);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 3);
	a_slot(s, 1, SLOT_SELF, SELF(0));
	a_slot(s, 2, 0xc0de, 0);
}

static void one_that_cannot_be_read_costs_nothing_else(void **state)
{
	struct python_state python = begin_with(ANCHOR_SHIM, 160, 1);
	uint64_t last = HEAP + sizeof(heap) - 128;
	const struct scratch *s;

	(void)state;
	put(frame_at(0) + 8, last);
	put(last, 0xc0de);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 3);
	a_slot(s, 2, 0xc0de, 0);
}

static void only_the_innermost_frames_have_one_and_a_thousand_calls_still_fit(void **state)
{
	struct python_state python = begin_with(ANCHOR_CFRAME, 160, 1000);
	size_t ends = 0, selves = 0;
	const struct scratch *s;

	(void)state;
	python.layout.frame_is_entry = 0xffff;
	put(STATE + 56, CSTACK + 0x200);
	put(CSTACK + 0x200 + 16, CSTACK + 0x200);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	for (size_t i = 0; i < s->head.python; i++) {
		ends += !s->slots[i].a;
		selves += s->slots[i].a == SLOT_SELF;
	}
	assert_int_equal(selves, SELF_FRAMES_MAX);
	assert_int_equal(ends, PYTHON_CALL_ENDS_MAX);
	assert_int_equal(s->head.python - ends - selves, 1000);
}

static void a_chain_without_end_is_cut_inside_the_limit(void **state)
{
	struct python_state python = begin_with(ANCHOR_CFRAME, 160, 4);
	const struct scratch *s;

	(void)state;
	python.layout.frame_is_entry = 0xffff;
	put(STATE + 56, CSTACK + 0x200);
	put(CSTACK + 0x200 + 16, CSTACK + 0x200);
	put(frame_at(3) + 8, frame_at(2)); /* for ever round */
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_TOO_DEEP);
	assert_in_range(s->head.python, PYTHON_SLOTS_MAX - 2, PYTHON_SLOTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_follows_each_frame_that_has_a_first_local),
		cmocka_unit_test(other_stacks_have_none),
		cmocka_unit_test(the_mark_comes_before_the_end_of_its_run),
		cmocka_unit_test(tag_bits_are_taken_off),
		cmocka_unit_test(a_frame_that_ends_where_memory_does_has_none),
		cmocka_unit_test(one_that_cannot_be_read_costs_nothing_else),
		cmocka_unit_test(only_the_innermost_frames_have_one_and_a_thousand_calls_still_fit),
		cmocka_unit_test(a_chain_without_end_is_cut_inside_the_limit),
	};

	return cmocka_run_group_tests_name("walk/self", tests, NULL, NULL);
}

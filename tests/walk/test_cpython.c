/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cpython.c - the interpreter half of the walker on hand-made frame chains: each kind of anchor, each way to end. */
#include "interpreter.h"

static void shim_frames_end_a_run_and_are_its_anchor(void **state)
{
	struct python_state python = make_state(ANCHOR_SHIM);
	const struct scratch *s;

	(void)state;
	begin();
	chain(2);
	put(frame_at(1) + 8, CSTACK + 0x100);             /* the run's entry frame lies on the C stack */
	cstack[0x100 + 70] = 3;
	put(CSTACK + 0x100 + 8, frame_at(5));             /* and leads to the outer run */
	put(frame_at(5), 0xc0dead);
	put(frame_at(5) + 8, CSTACK + 0x400);
	cstack[0x400 + 70] = 4;                           /* 3.14 has a second such owner */
	put(STATE + 72, frame_at(0));
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 5);
	a_slot(s, 0, 0xc0de00, 0xabc000);
	a_slot(s, 1, 0xc0de10, 0xabc001);
	a_slot(s, 2, 0, CSTACK + 0x100);
	assert_int_equal(s->slots[3].a, 0xc0dead);
	a_slot(s, 4, 0, CSTACK + 0x400);
}

static void cframes_are_anchors_where_frames_say_they_are_entries(void **state)
{
	struct python_state python = make_state(ANCHOR_CFRAME);
	const struct scratch *s;

	(void)state;
	begin();
	python.layout.frame_in_cframe = 1;
	python.layout.tstate_frame = 56;
	chain(3);
	heap[frame_at(1) + 68 - HEAP] = 1;                /* frames 0 and 1 are one eval call, 2 another */
	heap[frame_at(2) + 68 - HEAP] = 1;
	put(STATE + 56, CSTACK + 0x200);
	put(CSTACK + 0x200 + 8, frame_at(0));
	put(CSTACK + 0x200 + 16, CSTACK + 0x600);
	put(CSTACK + 0x600 + 8, frame_at(2));
	put(CSTACK + 0x600 + 16, STATE + 0x100);          /* the outermost lies in the thread state */
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 5);
	a_slot(s, 2, 0, CSTACK + 0x200);
	a_slot(s, 4, 0, CSTACK + 0x600);
}

/* 3.11 and 3.12: three eval calls, their CFrames at these places; the outermost CFrame, in the thread state, has no call. */
static const uint64_t cframes[] = {CSTACK + 0x200, CSTACK + 0x600, CSTACK + 0xa00, STATE + 0x100};

static struct python_state calls(uint8_t anchor)
{
	struct python_state python = make_state(anchor);

	begin();
	python.layout.frame_in_cframe = 1;
	python.layout.tstate_frame = 56;
	chain(6);
	put(STATE + 56, cframes[0]);
	for (size_t i = 0; i < 3; i++) {
		put(cframes[i] + 8, frame_at(2 * i));
		put(cframes[i] + 16, cframes[i + 1]);
		heap[frame_at(2 * i + 1) + (anchor == ANCHOR_SHIM ? 70 : 68) - HEAP] = 3;
	}
	return python;
}

static void calls_that_agree_with_their_cframes_are_whole(void **state)
{
	struct python_state python = calls(ANCHOR_CFRAME);
	const struct scratch *s = walk(&python);

	(void)state;
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 9);
	a_slot(s, 2, 0, cframes[0]);
	a_slot(s, 5, 0, cframes[1]);
	a_slot(s, 8, 0, cframes[2]);
	python = calls(ANCHOR_SHIM);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 6);
	a_slot(s, 1, 0, frame_at(1));
}

/* What a CFrame that is linked but not filled in holds: anything that was there before. */
static void a_call_caught_before_its_cframe_is_filled_in_is_left_out(void **state)
{
	static const struct {
		uint64_t frame, entry_leads_to;
	} stale[] = {
		{FRAMES, FRAMES + 4 * FRAME_BYTES},               /* the last frame was of a call from elsewhere */
		{FRAMES, FRAMES + 5 * FRAME_BYTES},
		{FRAMES + 4 * FRAME_BYTES, 0},                    /* a frame of another call */
		{FRAMES + 1, 0},                                  /* no frame at all */
		{0, 0},
		{0x10, 0},                                        /* nor memory */
		{HEAP + 0x60000, 0},                              /* memory, but no code in it */
		{FRAMES, 0},                                      /* a frame that has ended */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++) {
		struct python_state python = calls(ANCHOR_CFRAME);
		const struct scratch *s;

		put(cframes[0] + 8, stale[i].frame);
		put(frame_at(1) + 8, stale[i].entry_leads_to);
		s = walk(&python);
		assert_int_equal(s->head.python_end, PYTHON_BROKEN);
		assert_int_equal(s->head.python, 7);
		a_slot(s, 0, 0, cframes[0]);
		a_slot(s, 1, 0xc0de20, 0xabc002);
		a_slot(s, 3, 0, cframes[1]);
		python = calls(ANCHOR_SHIM);
		put(cframes[0] + 8, stale[i].frame);
		put(frame_at(1) + 8, stale[i].entry_leads_to);
		s = walk(&python);
		assert_int_equal(s->head.python_end, PYTHON_BROKEN);
		assert_int_equal(s->head.python, 4);
		a_slot(s, 0, 0xc0de20, 0xabc002);
	}
}

/* A greenlet puts a CFrame of its own under its calls, without a frame, that leads to the thread state's. */
static void a_greenlet_s_chain_ends_complete_at_its_own_cframe(void **state)
{
	struct python_state python = calls(ANCHOR_CFRAME);
	const struct scratch *s;

	(void)state;
	put(cframes[2] + 8, 0);
	put(frame_at(3) + 8, 0);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 6);
	a_slot(s, 5, 0, cframes[1]);
	put(STATE + 56, cframes[2]); /* in no Python code: being started or ended */
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	assert_int_equal(s->head.python, 0);
	put(STATE + 56, cframes[0]);
	put(cframes[2] + 16, CSTACK + 0xe00); /* that leads anywhere else */
	assert_int_equal(walk(&python)->head.python_end, PYTHON_BROKEN);
}

static void a_cframe_whose_caller_is_no_cframe_ends_the_chain_without_its_frames(void **state)
{
	struct python_state python = calls(ANCHOR_CFRAME);
	const struct scratch *s;

	(void)state;
	put(cframes[0] + 16, 0x10);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_BROKEN);
	assert_int_equal(s->head.python, 1);
	put(cframes[0] + 16, cframes[0]); /* in a circle */
	assert_int_equal(walk(&python)->head.python_end, PYTHON_BROKEN);
	put(cframes[0] + 16, 0);          /* the outermost has no frame */
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_BROKEN);
	assert_int_equal(s->head.python, 0);
}

static void without_an_entry_mark_every_frame_is_its_own_call(void **state)
{
	struct python_state python = make_state(ANCHOR_CFRAME);
	const struct scratch *s;

	(void)state;
	begin();
	python.layout.frame_is_entry = 0xffff;
	chain(2);
	put(STATE + 72, frame_at(0));
	put(STATE + 56, CSTACK + 0x200);
	put(CSTACK + 0x200 + 16, CSTACK + 0x300);
	s = walk(&python);
	assert_int_equal(s->head.python, 4);
	a_slot(s, 1, 0, CSTACK + 0x200);
	a_slot(s, 3, 0, CSTACK + 0x300);
}

/* 3.10: a frame a call, and still the default recursion limit fits. */
static void a_thousand_frames_that_are_calls_each_fit(void **state)
{
	struct python_state python = make_state(ANCHOR_CFRAME);
	const struct scratch *s;
	size_t ends = 0;

	(void)state;
	begin();
	python.layout.frame_is_entry = 0xffff;
	chain(1000);
	put(STATE + 72, frame_at(0));
	put(STATE + 56, CSTACK + 0x200);
	put(CSTACK + 0x200 + 16, CSTACK + 0x200);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	for (size_t i = 0; i < s->head.python; i++)
		ends += !s->slots[i].a;
	assert_int_equal(s->head.python - ends, 1000);
	assert_int_equal(ends, PYTHON_CALL_ENDS_MAX);
}

static void without_anchors_there_are_frames_only_and_lasti_is_32_bits(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const struct scratch *s;

	(void)state;
	begin();
	python.layout.instr_is_pointer = 0;
	chain(3);
	put(frame_at(0) + 56, 0xffffffff00000012ull);
	put(STATE + 72, frame_at(0));
	s = walk(&python);
	assert_int_equal(s->head.python, 3);
	a_slot(s, 0, 0xc0de00, 0x12);
}

/* A task: two coroutine frames, a plain one in between, above the event loop's own. */
static void the_unit_of_work_is_what_its_kind_says(void **state)
{
	struct python_state python = make_state(ANCHOR_SHIM);

	(void)state;
	begin();
	python.layout.frame_generator = 70;
	python.layout.owner_generator = 1;
	chain(5);
	heap[frame_at(0) + 70 - HEAP] = 1;
	heap[frame_at(2) + 70 - HEAP] = 1;
	put(STATE + 72, frame_at(0));
	assert_int_equal(walk(&python)->head.unit, 0); /* not asked for */
	python.units = UNIT_COROUTINE;
	assert_int_equal(walk(&python)->head.unit, frame_at(2));
	python.units = UNIT_GREENLET;
	assert_int_equal(walk(&python)->head.unit, frame_at(4));
	put(frame_at(3) + 8, 0x10);                       /* a chain not read to its end tells nothing */
	assert_int_equal(walk(&python)->head.unit, 0);
}

static void until_3_10_a_pointer_marks_the_frames_of_generators(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);

	(void)state;
	begin();
	python.units = UNIT_COROUTINE;
	python.layout.frame_generator = 96;
	python.layout.frame_instr = 104;
	chain(3);
	put(STATE + 72, frame_at(0));
	assert_int_equal(walk(&python)->head.unit, 0);
	put(frame_at(1) + 96, HEAP + 0x100);
	assert_int_equal(walk(&python)->head.unit, frame_at(1));
}

static void tag_bits_of_the_code_word_are_taken_off(void **state)
{
	struct python_state python = make_state(ANCHOR_SHIM);
	const struct scratch *s;

	(void)state;
	begin();
	python.layout.code_tag_mask = 3;
	chain(1);
	put(frame_at(0), 0xc0de03);
	put(STATE + 72, frame_at(0));
	s = walk(&python);
	a_slot(s, 0, 0xc0de00, 0xabc000);
}

static void a_code_object_is_marked_where_asked(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const uint64_t code = HEAP + 0x5000, name = HEAP + 0x6000, mask = (1ull << SLOT_MARK_SHIFT) - 1;
	const struct scratch *s;

	(void)state;
	begin();
	chain(2);
	python.layout.code_name = 112;
	python.layout.code_first_line = 68;
	put(STATE + 72, frame_at(0));
	put(frame_at(0), code);
	put(code + 112, name);
	put(code + 68, 0xffffffff00000011);
	put(name + 16, 8);
	put(name + 24, 0x123456789);
	s = walk(&python);
	a_slot(s, 0, code, 0xabc000);
	image->marks = 1;
	s = walk(&python);
	a_slot(s, 0, code, 0xabc000 | (uint64_t)code_mark(8, 0x123456789, 17) << SLOT_MARK_SHIFT);
	assert_int_equal(s->slots[1].b & ~mask, 0);      /* its code cannot be read */
	put(name + 24, NO_HASH);
	s = walk(&python);
	a_slot(s, 0, code, 0xabc000 | (uint64_t)code_mark(8, NO_HASH, 17) << SLOT_MARK_SHIFT);
}

static void the_threads_list_stands_in_for_a_missing_block(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const struct scratch *s;

	(void)state;
	begin();
	chain(1);
	put(FSBASE + BLOCK_OFFSET, 0);
	put(INTERPRETER + 16, STATE + 0x400);             /* another thread first */
	put(STATE + 0x400 + 152, FSBASE + 64);
	put(STATE + 0x400 + 8, STATE);
	put(STATE + 72, frame_at(0));
	s = walk(&python);
	assert_int_equal(s->head.python, 1);
}

static void a_foreign_state_in_the_block_is_not_believed(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const struct scratch *s;

	(void)state;
	begin();
	chain(1);
	put(STATE + 152, 0x1234);
	put(STATE + 72, frame_at(0));
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_NO_STATE);
	assert_int_equal(s->head.python, 0);
}

static void a_thread_list_in_a_circle_ends(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);

	(void)state;
	begin();
	put(FSBASE + BLOCK_OFFSET, 0);
	put(STATE + 152, 1);
	put(STATE + 8, STATE);
	assert_int_equal(walk(&python)->head.python_end, PYTHON_TOO_MANY);
}

static void a_frame_list_in_a_circle_is_cut(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const struct scratch *s;

	(void)state;
	begin();
	chain(2);
	put(frame_at(1) + 8, frame_at(0));
	put(STATE + 72, frame_at(0));
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_TOO_DEEP);
	assert_true(s->head.python <= PYTHON_SLOTS_MAX);
	put(frame_at(0) + 8, frame_at(0));
	assert_int_equal(walk(&python)->head.python_end, PYTHON_BROKEN);
}

static void unreadable_and_crooked_frames_end_the_chain_but_keep_what_was_read(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const struct scratch *s;

	(void)state;
	begin();
	chain(3);
	put(STATE + 72, frame_at(0));
	put(frame_at(2) + 8, 0x10);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_FAULT);
	assert_int_equal(s->head.python, 3);
	put(frame_at(2) + 8, frame_at(0) + 1);
	assert_int_equal(walk(&python)->head.python_end, PYTHON_BROKEN);
}

static void a_frame_without_code_is_not_taken_for_the_end_of_a_run(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	const struct scratch *s;

	(void)state;
	begin();
	chain(3);
	put(STATE + 72, frame_at(0));
	put(frame_at(1), 0);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_BROKEN);
	assert_int_equal(s->head.python, 1);
	python.layout.code_tag_mask = 3;
	put(frame_at(1), 2);
	assert_int_equal(walk(&python)->head.python_end, PYTHON_BROKEN);
}

static void a_frame_at_the_end_of_memory_is_still_read(void **state)
{
	struct python_state python = make_state(ANCHOR_NONE);
	uint64_t last = HEAP + sizeof(heap) - 88;
	const struct scratch *s;

	(void)state;
	begin();
	put(last, 0xc0de);
	put(STATE + 72, last);
	s = walk(&python);
	assert_int_equal(s->head.python_end, PYTHON_ROOT);
	a_slot(s, 0, 0xc0de, 0);
}

static void offsets_past_the_frame_stay_inside_the_buffer(void **state)
{
	struct python_state python = make_state(ANCHOR_SHIM);

	(void)state;
	begin();
	memset(&python.layout, 0xff, sizeof(python.layout));
	python.layout.tstate_thread_id = 152;
	python.layout.anchor = ANCHOR_SHIM;
	chain(4);
	walk(&python); /* the sanitizers watch */
	python.layout.anchor = ANCHOR_CFRAME;
	assert_true(walk(&python)->head.python <= PYTHON_SLOTS_MAX);
}

static void a_process_without_interpreter_has_no_python_part(void **state)
{
	(void)state;
	begin();
	assert_int_equal(walk(NULL)->head.python_end, PYTHON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shim_frames_end_a_run_and_are_its_anchor),
		cmocka_unit_test(cframes_are_anchors_where_frames_say_they_are_entries),
		cmocka_unit_test(calls_that_agree_with_their_cframes_are_whole),
		cmocka_unit_test(a_call_caught_before_its_cframe_is_filled_in_is_left_out),
		cmocka_unit_test(a_greenlet_s_chain_ends_complete_at_its_own_cframe),
		cmocka_unit_test(a_cframe_whose_caller_is_no_cframe_ends_the_chain_without_its_frames),
		cmocka_unit_test(without_an_entry_mark_every_frame_is_its_own_call),
		cmocka_unit_test(a_thousand_frames_that_are_calls_each_fit),
		cmocka_unit_test(without_anchors_there_are_frames_only_and_lasti_is_32_bits),
		cmocka_unit_test(the_unit_of_work_is_what_its_kind_says),
		cmocka_unit_test(until_3_10_a_pointer_marks_the_frames_of_generators),
		cmocka_unit_test(tag_bits_of_the_code_word_are_taken_off),
		cmocka_unit_test(a_code_object_is_marked_where_asked),
		cmocka_unit_test(the_threads_list_stands_in_for_a_missing_block),
		cmocka_unit_test(a_foreign_state_in_the_block_is_not_believed),
		cmocka_unit_test(a_thread_list_in_a_circle_ends),
		cmocka_unit_test(a_frame_list_in_a_circle_is_cut),
		cmocka_unit_test(unreadable_and_crooked_frames_end_the_chain_but_keep_what_was_read),
		cmocka_unit_test(a_frame_without_code_is_not_taken_for_the_end_of_a_run),
		cmocka_unit_test(a_frame_at_the_end_of_memory_is_still_read),
		cmocka_unit_test(offsets_past_the_frame_stay_inside_the_buffer),
		cmocka_unit_test(a_process_without_interpreter_has_no_python_part),
	};

	return cmocka_run_group_tests_name("walk/cpython", tests, NULL, NULL);
}

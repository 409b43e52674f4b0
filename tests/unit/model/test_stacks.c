/* SPDX-License-Identifier: BSD-2-Clause */
/* test_stacks.c - interned frames and stacks, and the profile rows made of them. */
#include "unit/model/stream.h"

static void equal_frames_and_stacks_get_one_id(void **state)
{
	struct stacks *stacks = stacks_new();
	struct frame frame = { .kind = FRAME_NATIVE, .function = 3, .address = 0x1234 }, other = frame;
	uint32_t ids[2];
	(void)state;

	other.line = 7;
	ids[0] = stacks_add_frame(stacks, &frame);
	ids[1] = stacks_add_frame(stacks, &other);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 2);
	assert_int_equal(stacks_add_frame(stacks, &frame), 1);
	assert_int_equal(stacks_add(stacks, ids, 2, END_ROOT), 1);
	assert_int_equal(stacks_add(stacks, ids, 2, END_FAULT), 2); /* the end is part of it */
	assert_int_equal(stacks_add(stacks, ids, 1, END_ROOT), 3);
	assert_int_equal(stacks_add(stacks, ids, 2, END_ROOT), 1);
	assert_int_equal(stacks_add(stacks, NULL, 0, END_NO_USER), 4);
	assert_int_equal(stacks_count(stacks), 4);
	assert_int_equal(stacks_frame_count(stacks), 2);
	stacks_free(stacks);
}

static void ids_stay_valid_while_the_tables_grow(void **state)
{
	struct stacks *stacks = stacks_new();
	size_t count;
	uint8_t end;
	(void)state;

	for (uint32_t i = 1; i <= 20000; i++) {
		struct frame frame = { .kind = FRAME_PYTHON, .function = i };
		uint32_t id = stacks_add_frame(stacks, &frame);

		assert_int_equal(id, i);
		assert_int_equal(stacks_add(stacks, &id, 1, END_ROOT), i);
	}
	for (uint32_t i = 1; i <= 20000; i++) {
		const uint32_t *frames = stacks_get(stacks, i, &count, &end);

		assert_int_equal(count, 1);
		assert_int_equal(frames[0], i);
		assert_int_equal(stacks_frame(stacks, i)->function, i);
	}
	assert_null(stacks_get(stacks, 20001, &count, &end));
	assert_int_equal(count, 0);
	assert_null(stacks_frame(stacks, 0));
	stacks_free(stacks);
}

static void a_stack_too_deep_loses_its_root_side(void **state)
{
	struct stacks *stacks = stacks_new();
	uint32_t ids[STACK_FRAMES_MAX + 1];
	const uint32_t *kept;
	size_t count;
	(void)state;

	for (size_t i = 0; i <= STACK_FRAMES_MAX; i++)
		ids[i] = (uint32_t)i + 1;
	kept = stacks_get(stacks, stacks_add(stacks, ids, STACK_FRAMES_MAX + 1, END_TOO_DEEP), &count, NULL);
	assert_int_equal(count, STACK_FRAMES_MAX);
	assert_int_equal(kept[0], 1);
	stacks_free(stacks);
}

static void samples_of_one_stack_and_thread_make_one_row(void **state)
{
	struct stream s;
	struct event sample = { .kind = EVENT_SAMPLE, .pid = 1, .python_end = PYTHON_ROOT };
	uint64_t sum = 0;
	(void)state;

	stream_begin(&s);
	sample.stack = stack_of(&s, "f", "/srv/a.py", 1u, NULL);
	for (uint32_t i = 0; i < 3000; i++) {
		sample.tid = i % 1500;
		feed(&s, &sample);
	}
	assert_int_equal(s.recording->profile_count, 1500);
	for (size_t i = 0; i < s.recording->profile_count; i++) {
		assert_int_equal(s.recording->profile[i].samples, 2);
		sum += s.recording->profile[i].samples;
	}
	assert_int_equal(sum, s.recording->samples);
	assert_int_equal(s.recording->stack_ends[END_ROOT], 3000);
	assert_int_equal(s.recording->python_ends[PYTHON_ROOT], 3000);
	stream_end(&s);
}

static void a_pid_used_again_is_another_target(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	process_begins(&s, 7, 0);
	process_begins(&s, 7, 7); /* exec: the same process */
	process_ends(&s, 7);
	process_begins(&s, 7, 1);
	assert_int_equal(s.recording->target_count, 2);
	assert_true(s.recording->targets[0].exited);
	assert_false(s.recording->targets[1].exited);
	assert_int_equal(s.recording->targets[0].parent, 0);
	stream_end(&s);
}

static void replaced_frames_show_in_every_stack_and_ids_stay(void **state)
{
	struct stacks *stacks = stacks_new();
	uint32_t id[6], first, second, many[STACK_FRAMES_MAX];
	struct frame_replacement by_frame[3] = {{0, 0}, {0, 3}, {0, 0}}; /* the second becomes the three last */
	const uint32_t *frames;
	uint8_t end;
	size_t count;

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		id[i] = stacks_add_frame(stacks, &(struct frame){.kind = FRAME_NATIVE, .address = i});
	first = stacks_add(stacks, (uint32_t[]){id[0], id[1], id[2]}, 3, END_ROOT);
	second = stacks_add(stacks, (uint32_t[]){id[1]}, 1, END_FAULT);
	for (size_t i = 0; i < STACK_FRAMES_MAX; i++)
		many[i] = id[1];
	stacks_add(stacks, many, STACK_FRAMES_MAX, END_ROOT);
	assert_int_equal(stacks_replace(stacks, by_frame, 3, id + 3), 0);
	frames = stacks_get(stacks, first, &count, &end);
	assert_int_equal(count, 5);
	assert_memory_equal(frames, ((uint32_t[]){id[0], id[3], id[4], id[5], id[2]}), 5 * sizeof(*frames));
	frames = stacks_get(stacks, second, &count, &end);
	assert_int_equal(count, 3);
	assert_int_equal(end, END_FAULT);
	assert_memory_equal(frames, id + 3, 3 * sizeof(*frames));
	stacks_get(stacks, second + 1, &count, NULL);
	assert_int_equal(count, STACK_FRAMES_MAX); /* the root side is cut, as ever */
	assert_int_equal(stacks_add(stacks, id + 3, 3, END_FAULT), second); /* found as what it is now */
	assert_int_equal(stacks_add(stacks, (uint32_t[]){id[1]}, 1, END_FAULT), second + 2);
	stacks_free(stacks);
}

static void notes_are_kept_once(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	recording_note(s.recording, "one");
	recording_note(s.recording, "two");
	recording_note(s.recording, "one");
	assert_int_equal(s.recording->note_count, 2);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_frames_and_stacks_get_one_id),
		cmocka_unit_test(ids_stay_valid_while_the_tables_grow),
		cmocka_unit_test(a_stack_too_deep_loses_its_root_side),
		cmocka_unit_test(samples_of_one_stack_and_thread_make_one_row),
		cmocka_unit_test(a_pid_used_again_is_another_target),
		cmocka_unit_test(replaced_frames_show_in_every_stack_and_ids_stay),
		cmocka_unit_test(notes_are_kept_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

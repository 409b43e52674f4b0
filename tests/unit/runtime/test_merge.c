/* SPDX-License-Identifier: BSD-2-Clause */
/* test_merge.c - the order of native and Python frames, from made-up stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/runtime.h"

#define SLOTS_MAX 4096
#define EVAL_START 0xe000u /* pcs of the eval function in these stacks */
#define EVAL_END 0xf000u

struct stack {
	struct slot python[SLOTS_MAX], native[SLOTS_MAX];
	struct merge_input input;
};

static bool in_eval(const void *context, uint64_t pc)
{
	(void)context;
	return pc >= EVAL_START && pc < EVAL_END;
}

/* Native frames n0, n1, … cover [0x1000, 0x1100), [0x1100, 0x1200), …; "e" is an eval frame, "c" another. Python: letters
 * are frames (code = the letter), "@N" ends a run anchored in the middle of native frame N, "@-" one without an anchor. */
static void build(struct stack *stack, enum python_anchor anchor, const char *native, const char *python)
{
	memset(stack, 0, sizeof(*stack));
	stack->input = (struct merge_input){.python = stack->python, .native = stack->native, .sp = 0x1000, .anchor = anchor,
					    .is_eval = anchor == ANCHOR_NONE ? in_eval : NULL};
	for (size_t i = 0; native[i]; i++)
		stack->native[stack->input.native_count++] =
			(struct slot){(native[i] == 'e' ? EVAL_START + 8 : 0x400000) + i, 0x1000 + (i + 1) * 0x100};
	for (const char *p = python; *p; p++) {
		uint64_t where = 0;

		if (*p != '@') {
			stack->python[stack->input.python_count++] = (struct slot){(uint8_t)*p, 7};
			continue;
		}
		p++;
		if (*p != '-')
			where = 0x1080 + (uint64_t)(*p - '0') * 0x100;
		stack->python[stack->input.python_count++] = (struct slot){0, where};
	}
}

/* The merged order as text: Python frames by letter, native ones by number, an eval frame that has Python frames in []. */
static void expect(struct stack *stack, const char *order, size_t misses)
{
	static struct merge_item items[2 * SLOTS_MAX];
	char text[256] = "";
	size_t found = 99, count = merge_stacks(&stack->input, items, &found), at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = (size_t)(items[i].slot - stack->native);

		if (items[i].python)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%c", (char)items[i].slot->a);
		else
			at += (size_t)snprintf(text + at, sizeof(text) - at, items[i].eval ? "[%zu]" : "%zu", n);
	}
	assert_string_equal(text, order);
	assert_int_equal(found, misses);
}

static void each_run_comes_inside_the_frame_that_holds_its_anchor(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cccccc", "ab@1c@4");
	expect(&s, "0ab[1]23c[4]5", 0);
	build(&s, ANCHOR_CFRAME, "ccc", "a@0b@1");
	expect(&s, "a[0]b[1]2", 0);
}

static void the_extent_of_a_frame_ends_below_its_cfa(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "ccc", "a@1");
	s.python[1].b = 0x1100; /* first byte of frame 1 */
	expect(&s, "0a[1]2", 0);
	s.python[1].b = 0x10ff; /* last of frame 0 */
	expect(&s, "a[0]12", 0);
	s.python[1].b = 0xfff; /* below the stack */
	expect(&s, "012a", 1);
	s.python[1].b = 0x1300; /* above it */
	expect(&s, "012a", 1);
}

static void empty_inputs_are_stacks_too(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "", "");
	expect(&s, "", 0);
	build(&s, ANCHOR_SHIM, "ccc", "");
	expect(&s, "012", 0);
	build(&s, ANCHOR_SHIM, "", "ab@1");
	expect(&s, "ab", 1);
	build(&s, ANCHOR_NONE, "", "ab");
	expect(&s, "ab", 2);
}

static void runs_may_share_a_native_frame(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "ccc", "a@1b@1");
	expect(&s, "0ab[1]2", 0);
	build(&s, ANCHOR_SHIM, "ccc", "a@1x@-b@1"); /* and one of unknown place between them stays between them */
	expect(&s, "0axb[1]2", 1);
}

static void an_eval_call_without_frames_marks_nothing_but_its_own_frame(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cccc", "@1a@2@-");
	expect(&s, "0[1]a[2]3", 0);
}

static void a_run_nobody_holds_stays_between_its_neighbours(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cccccc", "a@0b@-c@4");
	expect(&s, "a[0]123bc[4]5", 1);
	s.input.is_eval = in_eval; /* where eval frames can be told, in the one between */
	s.native[2].a = EVAL_START + 8;
	expect(&s, "a[0]1b[2]3c[4]5", 1);
}

static void a_native_stack_cut_at_the_root_keeps_all_python_frames(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cc", "a@1b@5cd@9");
	expect(&s, "0a[1]bcd", 2);
}

static void a_chain_cut_by_the_limit_keeps_its_frames_inside_the_root(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cccece", "a@1bcd");
	expect(&s, "0a[1]2345bcd", 1);
	s.input.is_eval = in_eval;
	expect(&s, "0a[1]2bcd[3]45", 1);
}

static void without_anchors_each_frame_has_its_eval_call(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_NONE, "cecece", "abc");
	expect(&s, "0a[1]2b[3]4c[5]", 0);
}

static void a_call_that_has_not_pushed_its_frame_is_the_innermost(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_NONE, "ecece", "ab");
	expect(&s, "01a[2]3b[4]", 0);
}

static void more_frames_than_eval_calls_means_a_cut_root(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_NONE, "cecec", "abcd");
	expect(&s, "0a[1]2b[3]4cd", 2);
}

static void a_return_address_after_eval_s_last_call_is_still_eval(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_NONE, "cc", "a");
	s.native[1].a = EVAL_END;
	expect(&s, "0a[1]", 0);
	s.native[1].a = EVAL_END | SLOT_EXACT_PC; /* but a pc there is the next function */
	expect(&s, "01a", 1);
	s.native[1].a = EVAL_START | SLOT_EXACT_PC;
	expect(&s, "0a[1]", 0);
}

/* In these texts "\2" is a mark. */
static void a_mark_goes_with_its_frame_and_is_no_call(void **state)
{
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cccccc", "a\2b@1c\2@4");
	expect(&s, "0a\2b[1]23c\2[4]5", 0);
	build(&s, ANCHOR_NONE, "cecec", "a\2b\2");
	expect(&s, "0a\2[1]2b\2[3]4", 0);
	build(&s, ANCHOR_NONE, "cec", "a\2\1");
	expect(&s, "0a\2\1[1]2", 0);
}

/* Whatever the bytes: every native frame once and in order, every Python frame once and in order. */
static void check_complete(const struct stack *stack)
{
	static struct merge_item items[2 * SLOTS_MAX];
	size_t misses, count = merge_stacks(&stack->input, items, &misses), native = 0, python = 0;

	for (size_t i = 0; i < count; i++) {
		if (!items[i].python) {
			assert_ptr_equal(items[i].slot, &stack->native[native++]);
			continue;
		}
		while (!stack->python[python].a)
			python++;
		assert_ptr_equal(items[i].slot, &stack->python[python++]);
	}
	while (python < stack->input.python_count && !stack->python[python].a)
		python++;
	assert_int_equal(native, stack->input.native_count);
	assert_int_equal(python, stack->input.python_count);
	assert_true(misses <= stack->input.python_count);
}

static void hostile_slots_neither_lose_nor_repeat_a_frame(void **state)
{
	static struct stack s;

	(void)state;
	srandom(20261124);
	for (int round = 0; round < 3000; round++) {
		enum python_anchor anchor = (enum python_anchor)(round % 3);

		memset(&s, 0, sizeof(s));
		s.input = (struct merge_input){.python = s.python, .native = s.native, .sp = (uint64_t)(random() % 512),
					       .anchor = anchor, .is_eval = random() % 2 ? in_eval : NULL};
		s.input.native_count = (size_t)(random() % 40);
		s.input.python_count = (size_t)(random() % 40);
		for (size_t i = 0; i < s.input.native_count; i++)
			s.native[i] = (struct slot){random() % 2 ? EVAL_START + 1 : 1,
						    random() % 8 ? (uint64_t)(random() % 512) : UINT64_MAX - (uint64_t)(random() % 3)};
		for (size_t i = 0; i < s.input.python_count; i++)
			s.python[i] = (struct slot){(uint64_t)(random() % 4),
						    random() % 8 ? (uint64_t)(random() % 512) : UINT64_MAX - (uint64_t)(random() % 3)};
		check_complete(&s);
	}
}

static void the_largest_stacks_merge(void **state)
{
	static struct stack s;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.input = (struct merge_input){.python = s.python, .native = s.native, .python_count = PYTHON_SLOTS_MAX,
				       .native_count = NATIVE_SLOTS_MAX, .sp = 1, .anchor = ANCHOR_SHIM, .is_eval = in_eval};
	for (size_t i = 0; i < NATIVE_SLOTS_MAX; i++)
		s.native[i] = (struct slot){EVAL_START + 1, 16 * (i + 1)};
	for (size_t i = 0; i < PYTHON_SLOTS_MAX; i++)
		s.python[i] = (struct slot){i % 2, 16 * (PYTHON_SLOTS_MAX - i)}; /* anchors run the wrong way */
	check_complete(&s);
}

static bool in_module(const void *context, uint64_t pc)
{
	(void)context;
	return pc >= 0xf000 && pc < 0x10000;
}

/* As build, with the greenlet module's frames as "g": how many frames are the greenlet's own. */
static struct stack *with_module(enum python_anchor anchor, const char *native, const char *python)
{
	static struct stack s;

	build(&s, anchor, native, python);
	for (size_t i = 0; native[i]; i++)
		if (native[i] == 'g')
			s.native[i].a = 0xf008 + i;
	return &s;
}

static size_t own(enum python_anchor anchor, const char *native, const char *python)
{
	return merge_greenlet(&with_module(anchor, native, python)->input, in_module);
}

static size_t switching(const char *native)
{
	return merge_switch(&with_module(ANCHOR_NONE, native, "ab")->input, in_module);
}

static void a_greenlet_s_stack_ends_at_the_first_of_the_module_s_frames_outside_its_python_frames(void **state)
{
	(void)state;
	assert_int_equal(own(ANCHOR_SHIM, "ceceggec", "ab@1c@3"), 5);
	assert_int_equal(own(ANCHOR_CFRAME, "eceggec", "ab@0c@2"), 4);
	assert_int_equal(own(ANCHOR_NONE, "ceceggec", "ab"), 5);
	assert_int_equal(own(ANCHOR_NONE, "ececeggec", "ab"), 6); /* the innermost call has not pushed its frame yet */
	assert_int_equal(own(ANCHOR_SHIM, "cgec", ""), 2);        /* nothing of Python in it yet */
}

static void the_module_s_frames_further_in_are_calls_like_any_other(void **state)
{
	(void)state;
	assert_int_equal(own(ANCHOR_SHIM, "ggecec", "a@2b@4"), 0);     /* about to switch */
	assert_int_equal(own(ANCHOR_SHIM, "ecggecgg", "a@0b@4"), 7);   /* its trace function */
	assert_int_equal(own(ANCHOR_NONE, "ggecec", "ab"), 0);
}

static void marks_are_no_calls_in_a_greenlet_either(void **state)
{
	(void)state;
	assert_int_equal(own(ANCHOR_NONE, "ecgeg", "a"), 3);
	assert_int_equal(own(ANCHOR_NONE, "ecgeg", "a\2"), 3);
}

static void what_is_no_greenlet_or_cannot_be_told_is_left_as_it_is(void **state)
{
	(void)state;
	assert_int_equal(own(ANCHOR_SHIM, "cecec", "a@1b@3"), 0);
	assert_int_equal(own(ANCHOR_SHIM, "", ""), 0);
	assert_int_equal(own(ANCHOR_SHIM, "ceceggec", "ab@1c@-"), 0);  /* the outermost run is in no frame */
	assert_int_equal(own(ANCHOR_NONE, "ceggec", "abc"), 0);        /* more Python frames than eval calls */
	assert_int_equal(own(ANCHOR_SHIM, "ceceggec", "ab@1c@3@-"), 5); /* 3.15's base frame holds nothing */
}

static void a_cut_stack_in_the_middle_of_a_switch_ends_at_the_module_s_frames(void **state)
{
	(void)state;
	assert_int_equal(switching("cgggc"), 4);             /* memcpy, called by the module; outside of it nothing that is one */
	assert_int_equal(switching("gggg"), 4);
	assert_int_equal(switching("ccggccec"), 4);          /* some of the other stack is there already */
	assert_int_equal(switching("cecgggec"), 0);          /* Python runs in it: no switch is under way */
	assert_int_equal(switching("cccgggc"), 0);
	assert_int_equal(switching("ccc"), 0);
	assert_int_equal(switching(""), 0);
	assert_int_equal(switching("cggcccccccccccccccc"), 3);
	assert_int_equal(switching("cggccccccccccccccccc"), 0); /* cut too far away to be for that */
}

/* The chains of a thread in two interpreters, the newer one's first. */
static void chains_of_two_interpreters_are_put_in_order(void **state)
{
	struct slot ordered[SLOTS_MAX];
	struct stack s;

	(void)state;
	build(&s, ANCHOR_SHIM, "cccccc", "c@4d@5ab@1");
	assert_true(merge_order_runs(&s.input, ordered));
	s.input.python = ordered;
	expect(&s, "0ab[1]23c[4]d[5]", 0);
	assert_false(merge_order_runs(&s.input, ordered));
	build(&s, ANCHOR_CFRAME, "cccccc", "c@4ab@1de"); /* cut: the end stays the end */
	assert_true(merge_order_runs(&s.input, ordered));
	s.input.python = ordered;
	expect(&s, "0ab[1]23c[4]5de", 1);
}

/* The outermost run's anchor is the thread state's own record, on the heap: below the stack. */
static void a_chain_that_ends_on_the_heap_stays_in_its_order(void **state)
{
	struct slot ordered[SLOTS_MAX];
	struct stack s;

	(void)state;
	build(&s, ANCHOR_CFRAME, "cccccc", "a@3b@5c@5"); /* returning: a has its caller's record, and c what is left */
	s.python[5].b = 0x200;
	assert_false(merge_order_runs(&s.input, ordered));
	build(&s, ANCHOR_SHIM, "cccccc", "ab@1c@4@5"); /* 3.15 */
	s.python[5].b = 0x200;
	assert_false(merge_order_runs(&s.input, ordered));
	build(&s, ANCHOR_SHIM, "cccccc", "c@4@5ab@1@5"); /* two interpreters of 3.15 */
	s.python[2].b = 0x200;
	s.python[6].b = 0x280;
	assert_true(merge_order_runs(&s.input, ordered));
	s.input.python = ordered;
	expect(&s, "0ab[1]23c[4]5", 0);
}

static void chains_without_anchors_stay_as_they_are(void **state)
{
	struct slot ordered[SLOTS_MAX];
	struct stack s;

	(void)state;
	build(&s, ANCHOR_NONE, "ecec", "ab");
	assert_false(merge_order_runs(&s.input, ordered));
	build(&s, ANCHOR_SHIM, "ccc", "a@2b@-c@1");
	assert_false(merge_order_runs(&s.input, ordered));
	build(&s, ANCHOR_SHIM, "ccc", "");
	assert_false(merge_order_runs(&s.input, ordered));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_of_two_interpreters_are_put_in_order),
		cmocka_unit_test(a_chain_that_ends_on_the_heap_stays_in_its_order),
		cmocka_unit_test(chains_without_anchors_stay_as_they_are),
		cmocka_unit_test(a_greenlet_s_stack_ends_at_the_first_of_the_module_s_frames_outside_its_python_frames),
		cmocka_unit_test(the_module_s_frames_further_in_are_calls_like_any_other),
		cmocka_unit_test(a_cut_stack_in_the_middle_of_a_switch_ends_at_the_module_s_frames),
		cmocka_unit_test(marks_are_no_calls_in_a_greenlet_either),
		cmocka_unit_test(what_is_no_greenlet_or_cannot_be_told_is_left_as_it_is),
		cmocka_unit_test(each_run_comes_inside_the_frame_that_holds_its_anchor),
		cmocka_unit_test(the_extent_of_a_frame_ends_below_its_cfa),
		cmocka_unit_test(empty_inputs_are_stacks_too),
		cmocka_unit_test(runs_may_share_a_native_frame),
		cmocka_unit_test(an_eval_call_without_frames_marks_nothing_but_its_own_frame),
		cmocka_unit_test(a_run_nobody_holds_stays_between_its_neighbours),
		cmocka_unit_test(a_native_stack_cut_at_the_root_keeps_all_python_frames),
		cmocka_unit_test(a_chain_cut_by_the_limit_keeps_its_frames_inside_the_root),
		cmocka_unit_test(without_anchors_each_frame_has_its_eval_call),
		cmocka_unit_test(a_call_that_has_not_pushed_its_frame_is_the_innermost),
		cmocka_unit_test(more_frames_than_eval_calls_means_a_cut_root),
		cmocka_unit_test(a_return_address_after_eval_s_last_call_is_still_eval),
		cmocka_unit_test(a_mark_goes_with_its_frame_and_is_no_call),
		cmocka_unit_test(hostile_slots_neither_lose_nor_repeat_a_frame),
		cmocka_unit_test(the_largest_stacks_merge),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}

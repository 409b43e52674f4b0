/* SPDX-License-Identifier: BSD-2-Clause */
/* test_native.c - the native half of the walker on hand-made stacks: each kind of rule, each way to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image.h"

#define CODE 0x400000ull
#define STACK 0x7fff0000ull
#define WORDS 4096

static uint64_t stack[WORDS];

static void put(size_t word, uint64_t value)
{
	stack[word] = value;
}

static uint64_t at(size_t word)
{
	return STACK + word * 8;
}

static struct image *begin(const struct unwind_row *rows, size_t count)
{
	struct image *image = image_begin();

	for (size_t i = 0; i < WORDS; i++)
		stack[i] = 0;
	image_memory(STACK, stack, sizeof(stack));
	image_mapping(CODE, 0x10000, rows, count);
	return image;
}

static void pc_of(const struct scratch *s, size_t frame, uint64_t pc, int exact)
{
	assert_int_equal(s->slots[s->head.python + frame].a, pc | (exact ? SLOT_EXACT_PC : 0));
}

static const struct unwind_row plain[] = {
	{.pc = 0x000, .cfa = CFA_RSP, .cfa_offset = 8},                      /* leaf at its first instruction */
	{.pc = 0x100, .cfa = CFA_RSP, .cfa_offset = 32},                     /* frame of 24 bytes */
	{.pc = 0x200, .cfa = CFA_RBP, .cfa_offset = 16, .rbp_slot = -2},     /* push rbp; mov rbp, rsp */
	{.pc = 0x300, .cfa = CFA_ROOT},
	{.pc = 0x400, .cfa = CFA_NONE},
	{.pc = 0x500, .cfa = CFA_PLT},
	{.pc = 0x600, .cfa = CFA_SIGNAL},
	{.pc = 0x700, .cfa = CFA_EXPRESSION},
	{.pc = 0x800, .cfa = CFA_RSP, .cfa_offset = -8},
	{.pc = 0x900, .cfa = CFA_RSP_FAR, .cfa_offset = 3000, .rbp_slot = -2},
	{.pc = 0xa00, .cfa = CFA_RSP_DEREF, .cfa_offset = -8},
	{.pc = 0xb00, .cfa = CFA_RBP_DEREF, .cfa_offset = 16},
	{.pc = 0xc00, .cfa = CFA_REALIGNED, .cfa_offset = -8},
	{.pc = 0xd00, .cfa = CFA_RSP_DEREF, .cfa_offset = 24, .rbp_slot = -2}, /* rsp realigned, the old one kept at 24 */
	{.pc = 0xe00, .cfa = CFA_RBX, .cfa_offset = 16, .rbp_slot = -2},       /* the same, the old one kept in rbx */
};
#define PLAIN plain, sizeof(plain) / sizeof(plain[0])

static void rsp_and_rbp_rules_reach_the_root(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(0, CODE + 0x110);            /* leaf returns into the 24-byte frame */
	put(4, CODE + 0x210);            /* which returns into the rbp frame */
	put(10, 0);                      /* whose caller had rbp 0 */
	put(11, CODE + 0x310);           /* and was the root */
	s = image_walk(CODE, at(0), at(10), 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 4);
	pc_of(s, 0, CODE, 1);
	pc_of(s, 1, CODE + 0x110, 0);
	pc_of(s, 2, CODE + 0x210, 0);
	pc_of(s, 3, CODE + 0x310, 0);
	assert_int_equal(s->slots[0].b, at(1));
	assert_int_equal(s->slots[1].b, at(5));
	assert_int_equal(s->slots[2].b, at(12));
}

static void return_address_at_a_functions_end_belongs_to_the_caller(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(0, CODE + 0x200);            /* call as the last instruction of the 24-byte frame's function */
	put(4, CODE + 0x310);
	s = image_walk(CODE, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 3);
	assert_int_equal(s->slots[1].b, at(5)); /* by the rule at 0x1ff, not at 0x200 */
}

static void plt_rule_counts_the_pushed_index(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(1, CODE + 0x310);
	s = image_walk(CODE + 0x50b, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	begin(PLAIN);
	put(0, CODE + 0x310);
	s = image_walk(CODE + 0x506, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
}

static void signal_frame_gives_the_interrupted_registers(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(0, CODE + 0x601);            /* handler returns into the trampoline */
	put(1 + 15, 0x1234);             /* rt_sigframe at word 1: rbp at 120, rsp at 160, rip at 168 */
	put(1 + 20, at(100));
	put(1 + 21, CODE + 0x300);       /* interrupted at the root's first instruction: looked up exactly */
	s = image_walk(CODE, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 3);
	pc_of(s, 2, CODE + 0x300, 1);
	assert_int_equal(s->walk.sp, at(100));
	assert_int_equal(s->walk.bp, 0x1234);
}

static void rbx_counts_in_a_frame_that_has_called_nothing(void **state)
{
	const struct scratch *s;
	struct image *image;

	(void)state;
	image = begin(PLAIN);
	image->bx = at(500);
	put(500, 0x4321);                /* the caller's rbp */
	put(501, CODE + 0x310);
	s = image_walk(CODE + 0xe10, at(0), 77, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 2);
	assert_int_equal(s->slots[0].b, at(502));
	assert_int_equal(s->walk.bp, 0x4321);

	image = begin(PLAIN);            /* a handler broke into it: rbx as the kernel saved it */
	image->bx = at(900);
	put(0, CODE + 0x601);
	put(1 + 16, at(500));
	put(1 + 20, at(100));
	put(1 + 21, CODE + 0xe10);
	put(500, 0x4321);
	put(501, CODE + 0x310);
	s = image_walk(CODE, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->slots[2].b, at(502));

	image = begin(PLAIN);            /* a caller with such a rule: what rbx was there nobody knows */
	image->bx = at(500);
	put(0, CODE + 0xe10);
	put(501, CODE + 0x310);
	s = image_walk(CODE, at(0), 77, 0, NULL);
	assert_int_equal(s->head.native_end, END_NO_RULE);
}

static void code_without_rows_goes_by_the_frame_pointer(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(10, at(20));                 /* JIT frame: rbp chain */
	put(11, CODE + 0x450);           /* into a gap */
	put(20, 0);
	put(21, CODE + 0x450);
	s = image_walk(0x10, at(0), at(10), 0, NULL);
	assert_int_equal(s->head.native_end, END_FRAME_POINTER);
	assert_int_equal(s->head.native, 3);
}

/* As select()'s caller in CPython has one: its arrays take 74 KiB. */
static void a_frame_of_many_pages_is_crossed(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(2998, 0x77);
	put(2999, CODE + 0x310);
	s = image_walk(CODE + 0x910, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 2);
	assert_int_equal(s->slots[0].b, at(3000));
	assert_int_equal(s->walk.bp, 0x77);
}

static void rbp_0_in_the_innermost_frame_of_an_object_with_rules_is_no_end(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	s = image_walk(CODE + 0x450, at(50), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_NO_RULE);
	assert_int_equal(s->head.native, 1);
	image_mapping(CODE + 0x20000, 0x1000, NULL, 0); /* of an object without rules it is */
	s = image_walk(CODE + 0x20010, at(50), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_FRAME_POINTER);
}

static void a_wild_pc_without_frame_pointer_ends_unmapped(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	s = image_walk(0x10, at(50), at(3), 0, NULL); /* rbp below rsp: no chain */
	assert_int_equal(s->head.native_end, END_UNMAPPED);
	assert_int_equal(s->head.native, 1);
	s = image_walk(CODE + 0x450, at(50), at(3), 0, NULL);
	assert_int_equal(s->head.native_end, END_NO_RULE);
}

static void a_cfa_kept_in_the_frame_is_read_from_it(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(3, at(9));                   /* at rsp + 24: the caller's rsp before its call */
	put(8, at(20));                  /* its rbp, at CFA - 16 */
	put(9, CODE + 0xb10);            /* returns into the frame that keeps it at rbp + 16 */
	put(22, at(29));
	put(29, CODE + 0x310);
	s = image_walk(CODE + 0xd10, at(0), 0x77, 0, NULL);
	assert_int_equal(s->slots[0].b, at(10));
	assert_int_equal(s->slots[1].b, at(30));
	pc_of(s, 1, CODE + 0xb10, 0);
	pc_of(s, 2, CODE + 0x310, 0);
	assert_int_equal(s->head.native_end, END_ROOT);
	put(39, at(50));                 /* in the red zone of a leaf */
	put(50, CODE + 0x310);
	s = image_walk(CODE + 0xa10, at(40), 0, 0, NULL);
	assert_int_equal(s->slots[0].b, at(51));
	assert_int_equal(s->head.native_end, END_ROOT);
	s = image_walk(CODE + 0xa10, at(41), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_NO_PROGRESS); /* what lies there is no address above */
}

/* gcc: lea 8(%rsp), %r10; and $-64, %rsp; push -8(%r10); push %rbp; mov %rsp, %rbp; push %r10 */
static void a_function_that_aligns_its_stack_gives_its_callers_frame(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(4, at(15));                  /* r10: the CFA, under rbp */
	put(5, at(30));                  /* the caller's rbp, at rbp */
	put(14, CODE + 0x210);           /* the return address, below the CFA */
	put(30, 0);
	put(31, 0);
	s = image_walk(CODE + 0xc10, at(0), at(5), 0, NULL);
	assert_int_equal(s->slots[0].b, at(15));
	assert_int_equal(s->slots[1].b, at(32));
	pc_of(s, 1, CODE + 0x210, 0);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 2);
}

static void code_in_no_known_mapping_is_remembered(void **state)
{
	(void)state;
	begin(PLAIN);
	put(5, at(12));
	put(6, CODE + 0x310);
	assert_true(image_walk(0x10, at(3), at(5), 0, NULL)->walk.unmapped); /* by its frame pointer, but that is a guess */
	assert_int_equal(image_walk(0x10, at(3), at(5), 0, NULL)->head.native_end, END_ROOT);
	assert_false(image_walk(CODE + 0x310, at(3), at(5), 0, NULL)->walk.unmapped);
}

static void unreadable_stack_ends_in_a_fault(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	s = image_walk(CODE + 0x100, STACK + sizeof(stack) - 8, 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_FAULT);
	assert_int_equal(s->head.native, 1);
}

static void a_cfa_that_does_not_rise_ends_the_walk(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	s = image_walk(CODE + 0x800, at(5), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_NO_PROGRESS);
}

static void an_expression_is_left_to_libunwind_with_its_registers(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	put(0, CODE + 0x710);
	s = image_walk(CODE, at(0), 0x77, 0, NULL);
	assert_int_equal(s->head.native_end, END_EXPRESSION);
	assert_int_equal(s->head.native, 1);
	assert_int_equal(s->walk.pc, CODE + 0x710);
	assert_int_equal(s->walk.sp, at(1));
	assert_int_equal(s->walk.bp, 0x77);
}

static void endless_recursion_is_cut_at_the_limit(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	for (size_t i = 0; i < WORDS; i++)
		put(i, CODE + 0x110);
	s = image_walk(CODE + 0x110, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_TOO_DEEP);
	assert_int_equal(s->head.native, NATIVE_SLOTS_MAX);
}

static void a_zero_return_address_is_the_root(void **state)
{
	const struct scratch *s;

	(void)state;
	begin(PLAIN);
	s = image_walk(CODE, at(0), 0, 0, NULL);
	assert_int_equal(s->head.native_end, END_ROOT);
	assert_int_equal(s->head.native, 1);
}

static void frames_close_together_share_one_read(void **state)
{
	struct image *image;

	(void)state;
	begin(PLAIN);
	image = image_begin();
	for (size_t i = 0; i < WORDS; i++)
		stack[i] = CODE + 0x001;
	stack[100] = CODE + 0x310;
	image_memory(STACK, stack, sizeof(stack));
	image_mapping(CODE, 0x10000, plain, sizeof(plain) / sizeof(plain[0]));
	image_walk(CODE, at(0), 0, 0, NULL);
	assert_int_equal(image->reads, 1); /* 101 frames, 808 bytes: within one window */
}

static void a_remembered_rule_ends_with_its_mappings(void **state)
{
	struct image *image = image_begin();
	struct unwind_row row = {.pc = 0, .cfa = CFA_RSP, .cfa_offset = 8};
	const struct scratch *s;

	(void)state;
	stack[0] = stack[2] = CODE + 0x20; /* the same code, seen over and over */
	image_memory(STACK, stack, sizeof(stack));
	image_mapping(CODE, 0x10000, &row, 1);
	s = image_walk(CODE + 0x1f, at(0), 0, 0, NULL);
	assert_int_equal(s->slots[0].b, at(1));
	image->rows[0].cfa_offset = 24; /* another object lies there now */
	s = image_walk(CODE + 0x1f, at(0), 0, 0, NULL);
	assert_int_equal(s->slots[0].b, at(1)); /* nobody said so: remembered */
	image->generation = 2;
	s = image_walk(CODE + 0x1f, at(0), 0, 0, NULL);
	assert_int_equal(s->slots[0].b, at(3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsp_and_rbp_rules_reach_the_root),
		cmocka_unit_test(return_address_at_a_functions_end_belongs_to_the_caller),
		cmocka_unit_test(plt_rule_counts_the_pushed_index),
		cmocka_unit_test(signal_frame_gives_the_interrupted_registers),
		cmocka_unit_test(rbx_counts_in_a_frame_that_has_called_nothing),
		cmocka_unit_test(code_without_rows_goes_by_the_frame_pointer),
		cmocka_unit_test(a_frame_of_many_pages_is_crossed),
		cmocka_unit_test(rbp_0_in_the_innermost_frame_of_an_object_with_rules_is_no_end),
		cmocka_unit_test(a_wild_pc_without_frame_pointer_ends_unmapped),
		cmocka_unit_test(a_cfa_kept_in_the_frame_is_read_from_it),
		cmocka_unit_test(a_function_that_aligns_its_stack_gives_its_callers_frame),
		cmocka_unit_test(code_in_no_known_mapping_is_remembered),
		cmocka_unit_test(unreadable_stack_ends_in_a_fault),
		cmocka_unit_test(a_cfa_that_does_not_rise_ends_the_walk),
		cmocka_unit_test(an_expression_is_left_to_libunwind_with_its_registers),
		cmocka_unit_test(endless_recursion_is_cut_at_the_limit),
		cmocka_unit_test(a_zero_return_address_is_the_root),
		cmocka_unit_test(frames_close_together_share_one_read),
		cmocka_unit_test(a_remembered_rule_ends_with_its_mappings),
	};

	return cmocka_run_group_tests_name("walk/native", tests, NULL, NULL);
}

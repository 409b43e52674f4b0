/* SPDX-License-Identifier: BSD-2-Clause */
/* test_leaf.c - calls of every form, written into this process's own memory, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/leaf.h"

static struct {
	uint8_t before[64]; /* the call ends at `ret` */
	uint8_t ret[64];
	uint8_t plt[64];
	uint64_t slot;      /* of a global offset table */
	uint8_t function[256] __attribute__((aligned(16)));
} code;

static uint64_t at(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static void put_call(const char *bytes, size_t size)
{
	memset(code.before, 0x90, sizeof(code.before));
	memcpy(code.ret - size, bytes, size);
}

/* The last four bytes of the instruction that ends at `end`: the distance from there. */
static void put_distance(uint8_t *end, const void *target)
{
	int32_t distance = (int32_t)(at(target) - at(end));

	memcpy(end - 4, &distance, 4);
}

static enum leaf_found look(const void *pc)
{
	return leaf_look(&(struct leaf){.pid = getpid(), .pc = at(pc), .at_sp = at(code.ret)});
}

static void a_direct_call_proves_the_caller_of_the_code_it_leads_to(void **state)
{
	(void)state;
	put_call("\xe8....", 5);
	put_distance(code.ret, code.function);
	assert_int_equal(look(code.function), LEAF_CALLER);
	assert_int_equal(look(code.function + 40), LEAF_CALLER);
	assert_int_equal(look(code.function - 1), LEAF_UNKNOWN); /* it called what lies behind */
	put_distance(code.ret, code.function + 100);
	assert_int_equal(look(code.function + 40), LEAF_UNKNOWN);
}

static void a_call_through_a_table_is_followed(void **state)
{
	static const char *const entries[] = {"\xff\x25....", "\xf2\xff\x25....", "\xf3\x0f\x1e\xfa\xff\x25....", "\xf3\x0f\x1e\xfa\xf2\xff\x25...."};

	(void)state;
	code.slot = at(code.function);
	put_call("\xe8....", 5);
	put_distance(code.ret, code.plt);
	for (size_t i = 0; i < 4; i++) {
		size_t size = strlen(entries[i]);

		memset(code.plt, 0x90, sizeof(code.plt));
		memcpy(code.plt, entries[i], size);
		put_distance(code.plt + size, &code.slot);
		assert_int_equal(look(code.function + 4), LEAF_CALLER);
	}
	code.slot = at(code.function + 8);
	assert_int_equal(look(code.function + 4), LEAF_UNKNOWN);
	code.slot = 8; /* not bound yet */
	assert_int_equal(look(code.function + 4), LEAF_UNKNOWN);
	put_call("\xff\x15....", 6); /* call *offset(%rip) */
	put_distance(code.ret, &code.slot);
	assert_int_equal(look(code.function + 4), LEAF_UNKNOWN);
	code.slot = at(code.function);
	assert_int_equal(look(code.function + 4), LEAF_CALLER);
}

static void a_call_through_a_register_is_taken_for_one(void **state)
{
	static const char *const calls[] = {"\xff\xd0", "\x41\xff\xd3", "\xff\x50\x10", "\xff\x13"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		put_call(calls[i], strlen(calls[i]));
		assert_int_equal(look(code.function), LEAF_CALLER);
		assert_int_equal(look(code.function + 4), LEAF_UNKNOWN); /* past a function's first instruction it may be an old one */
	}
}

static void any_other_word_at_rsp_proves_nothing(void **state)
{
	static const uint64_t words[] = {0, 1, 6, 0x7fffffffffffull, UINT64_MAX, 1ull << 63};

	(void)state;
	put_call("\x90\x90\x90\x90\x90\x90\x90", 7);
	assert_int_equal(look(code.function), LEAF_UNKNOWN);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(leaf_look(&(struct leaf){.pid = getpid(), .pc = at(code.function), .at_sp = words[i]}), LEAF_UNKNOWN);
}

static void a_thread_in_its_first_system_call_is_the_root(void **state)
{
	struct leaf leaf = {.pid = getpid(), .pc = at(code.function + 2), .in_system_call = true, .orig_ax = SYS_clone3};

	(void)state;
	memcpy(code.function, "\x0f\x05", 2);
	assert_int_equal(leaf_look(&leaf), LEAF_ROOT);
	leaf.ax = (uint64_t)-38; /* -ENOSYS: its parent, which is still in it */
	assert_int_equal(leaf_look(&leaf), LEAF_UNKNOWN);
	leaf.ax = 0;
	leaf.orig_ax = SYS_read;
	assert_int_equal(leaf_look(&leaf), LEAF_UNKNOWN);
	leaf.orig_ax = SYS_clone;
	leaf.pc++;
	assert_int_equal(leaf_look(&leaf), LEAF_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_direct_call_proves_the_caller_of_the_code_it_leads_to),
		cmocka_unit_test(a_call_through_a_table_is_followed),
		cmocka_unit_test(a_call_through_a_register_is_taken_for_one),
		cmocka_unit_test(any_other_word_at_rsp_proves_nothing),
		cmocka_unit_test(a_thread_in_its_first_system_call_is_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_returns.c - return instructions are found where they are, and nothing is taken for one that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "symbol/symbol.h"

#define FIND(...) \
	({ \
		static const uint8_t code[] = {__VA_ARGS__}; \
		returns_find(code, sizeof(code), 0x1000, places); \
	})

static size_t places[RETURNS_MAX];

static void test_a_return_behind_an_epilogue(void **state)
{
	(void)state;
	/* sub $0x18,%rsp; call +0; test %eax,%eax; add $0x18,%rsp; ret */
	assert_int_equal(FIND(0x48, 0x83, 0xec, 0x18, 0xe8, 0, 0, 0, 0, 0x85, 0xc0, 0x48, 0x83, 0xc4, 0x18, 0xc3), 1);
	assert_int_equal(places[0], 15);
}

static void test_every_form_of_it_is_found(void **state)
{
	(void)state;
	assert_int_equal(FIND(0xc3, 0x90, 0xf3, 0xc3, 0xc2, 8, 0), 3); /* ret; nop; rep ret; ret $8 */
	assert_int_equal(places[0], 0);
	assert_int_equal(places[1], 2);
	assert_int_equal(places[2], 4);
}

static void test_the_byte_inside_another_instruction_is_none(void **state)
{
	(void)state;
	/* mov $0xc3c3c3c3,%eax; mov -0x3d(%rsp),%rax; ret: the byte c3 stands in operands too */
	assert_int_equal(FIND(0xb8, 0xc3, 0xc3, 0xc3, 0xc3, 0x48, 0x8b, 0x44, 0x24, 0xc3, 0xc3), 1);
	assert_int_equal(places[0], 10);
}

static void test_a_tail_call_is_refused(void **state)
{
	(void)state;
	assert_int_equal(FIND(0x85, 0xc0, 0x74, 0x01, 0xc3, 0xe9, 0x00, 0x10, 0x00, 0x00), -ENOTSUP); /* jmp to 0x200a */
	assert_int_equal(FIND(0xff, 0xe0, 0xc3), -ENOTSUP);                                           /* jmp *%rax */
	assert_int_equal(FIND(0xeb, 0x00, 0xc3), 1);                                                  /* jmp to the next */
	assert_int_equal(FIND(0x0f, 0x84, 0x00, 0x10, 0x00, 0x00, 0xc3), 1);                          /* je into .cold */
}

static void test_what_does_not_decode_to_its_end_is_refused(void **state)
{
	(void)state;
	assert_int_equal(FIND(0xc3, 0x06), -EBADMSG);             /* no instruction in 64-bit code */
	assert_int_equal(FIND(0xc3, 0xe8, 0x00, 0x00), -EBADMSG); /* cut in the middle of a call */
	assert_int_equal(FIND(0x90), -ENOENT);
}

static void test_more_than_fit_are_refused(void **state)
{
	uint8_t code[RETURNS_MAX + 1];

	(void)state;
	memset(code, 0xc3, sizeof(code));
	assert_int_equal(returns_find(code, RETURNS_MAX, 0, places), RETURNS_MAX);
	assert_int_equal(returns_find(code, RETURNS_MAX + 1, 0, places), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_return_behind_an_epilogue),
		cmocka_unit_test(test_every_form_of_it_is_found),
		cmocka_unit_test(test_the_byte_inside_another_instruction_is_none),
		cmocka_unit_test(test_a_tail_call_is_refused),
		cmocka_unit_test(test_what_does_not_decode_to_its_end_is_refused),
		cmocka_unit_test(test_more_than_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

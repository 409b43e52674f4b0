/* SPDX-License-Identifier: BSD-2-Clause */
/* test_asyncio.c - what _asyncio publishes, believed only within bounds; and task names out of the bytes of hostile objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/cpython.h"

#define STR_TYPE 0x1000
#define INT_TYPE 0x2000

/* As 3.14.10 and 3.15.2 publish them. */
static const uint64_t real[][13] = {
	{168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880},
	{168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048},
};

static void what_releases_publish_is_believed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct python_state python = {0};

		assert_true(cpython_asyncio_accept(real[i], real[i][7], 72, &python));
		assert_int_equal(python.tstate_task, real[i][11]);
		assert_int_equal(python.task_name, 136);
		assert_int_equal(python.task_coro, 128);
		assert_int_equal(python.coro_frame, 72);
	}
}

static void what_is_not_this_interpreter_s_is_not(void **state)
{
	struct python_state python = {0}, nothing = {0};

	(void)state;
	assert_false(cpython_asyncio_accept(real[0], real[1][7], 72, &python));
	assert_false(cpython_asyncio_accept(real[0], 0, 72, &python));          /* nothing published by the interpreter */
	assert_false(cpython_asyncio_accept(real[0], real[0][7], 0, &python));  /* not where a coroutine keeps its frame */
	assert_memory_equal(&python, &nothing, sizeof(nothing));
}

static void every_word_is_bounded(void **state)
{
	static const struct {
		size_t word;
		uint64_t value;
	} bad[] = {{0, 0}, {0, 4104}, {0, UINT64_MAX}, {1, 0}, {1, 137}, {1, 168}, {1, UINT64_MAX}, {5, 0}, {5, 161}, {5, 168},
		   {5, 1ull << 32}, {9, 0}, {9, 7}, {9, 65544}, {9, UINT64_MAX}, {11, 0}, {11, 873}, {11, 936}, {11, UINT64_MAX}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct python_state python = {0}, nothing = {0};
		uint64_t words[13];

		memcpy(words, real[0], sizeof(words));
		words[bad[i].word] = bad[i].value;
		if (cpython_asyncio_accept(words, words[7], 72, &python))
			fail_msg("word %zu may be %llu", bad[i].word, (unsigned long long)bad[i].value);
		assert_memory_equal(&python, &nothing, sizeof(nothing));
	}
}

struct object {
	uint8_t bytes[TASK_NAME_BYTES];
};

static struct object make(uint64_t type, uint64_t length, uint32_t kind, bool compact, bool ascii)
{
	struct object object = {{0}};
	uint32_t bits = kind << 2 | compact << 5 | ascii << 6;

	memcpy(object.bytes + CPYTHON_OBJECT_TYPE, &type, sizeof(type));
	memcpy(object.bytes + CPYTHON_STR_LENGTH, &length, sizeof(length));
	memcpy(object.bytes + CPYTHON_STR_STATE, &bits, sizeof(bits));
	return object;
}

static struct runtime make_runtime(void)
{
	return (struct runtime){.object = {.str_type = STR_TYPE, .int_type = INT_TYPE}, .version = *cpython_version_find(3, 14)};
}

static const char *name(const struct object *object, size_t size, bool numbered)
{
	static char text[256];
	struct runtime runtime = make_runtime();
	int code = cpython_task_name(&runtime, object->bytes, size, numbered, text, sizeof(text));

	return code ? "refused" : text;
}

static void names_of_each_width_are_read(void **state)
{
	struct object ascii = make(STR_TYPE, 5, 1, true, true), latin = make(STR_TYPE, 1, 1, true, false);
	struct object wide = make(STR_TYPE, 2, 2, true, false), widest = make(STR_TYPE, 1, 4, true, false);

	(void)state;
	memcpy(ascii.bytes + 40, "fetch", 5);
	latin.bytes[56] = 0xfc;
	memcpy(wide.bytes + 56, (uint16_t[]){0x4f60, 0x597d}, 4);
	memcpy(widest.bytes + 56, (uint32_t[]){0x1f680}, 4);
	assert_string_equal(name(&ascii, TASK_NAME_BYTES, false), "[task fetch]");
	assert_string_equal(name(&latin, TASK_NAME_BYTES, false), "[task ü]");
	assert_string_equal(name(&wide, TASK_NAME_BYTES, false), "[task 你好]");
	assert_string_equal(name(&widest, TASK_NAME_BYTES, false), "[task 🚀]");
}

static void numbers_are_told_where_there_is_one_stack_and_merged_where_there_are_many(void **state)
{
	struct object number = make(INT_TYPE, 1 << 3, 0, false, false), large = make(INT_TYPE, 2 << 3, 0, false, false);

	(void)state;
	memcpy(number.bytes + CPYTHON_INT_DIGITS, (uint32_t[]){1234}, 4);
	assert_string_equal(name(&number, TASK_NAME_BYTES, true), "[task Task-1234]");
	assert_string_equal(name(&number, TASK_NAME_BYTES, false), "[task Task-N]");
	assert_string_equal(name(&large, TASK_NAME_BYTES, true), "[task Task-N]");
}

static void a_name_of_2_gb_is_cut_at_what_was_copied(void **state)
{
	struct object endless = make(STR_TYPE, INT32_MAX, 1, true, true), past = make(STR_TYPE, 1ull << 31, 1, true, true);
	char expected[128] = "[task ";

	(void)state;
	memset(endless.bytes + 40, 'x', TASK_NAME_BYTES - 40);
	memset(expected + 6, 'x', TASK_NAME_BYTES - 40);
	memcpy(expected + 6 + TASK_NAME_BYTES - 40, "…]", sizeof("…]"));
	assert_string_equal(name(&endless, TASK_NAME_BYTES, false), expected);
	assert_string_equal(name(&past, TASK_NAME_BYTES, false), "refused");
}

static void what_is_neither_str_nor_int_has_no_name(void **state)
{
	struct object other = make(0x3000, 4, 1, true, true), legacy = make(STR_TYPE, 4, 1, false, true);
	struct object odd = make(STR_TYPE, 4, 3, true, true), none = {{0}}, short_one = make(STR_TYPE, 4, 1, true, true);

	(void)state;
	assert_string_equal(name(&other, TASK_NAME_BYTES, true), "refused");
	assert_string_equal(name(&legacy, TASK_NAME_BYTES, true), "refused");
	assert_string_equal(name(&odd, TASK_NAME_BYTES, true), "refused");
	assert_string_equal(name(&none, TASK_NAME_BYTES, true), "refused");
	for (size_t size = 0; size < 40; size++)
		assert_string_equal(name(&short_one, size, true), "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_releases_publish_is_believed),
		cmocka_unit_test(what_is_not_this_interpreter_s_is_not),
		cmocka_unit_test(every_word_is_bounded),
		cmocka_unit_test(names_of_each_width_are_read),
		cmocka_unit_test(numbers_are_told_where_there_is_one_stack_and_merged_where_there_are_many),
		cmocka_unit_test(a_name_of_2_gb_is_cut_at_what_was_copied),
		cmocka_unit_test(what_is_neither_str_nor_int_has_no_name),
	};

	return cmocka_run_group_tests_name("asyncio", tests, NULL, NULL);
}

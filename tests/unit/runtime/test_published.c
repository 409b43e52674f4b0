/* SPDX-License-Identifier: BSD-2-Clause */
/* test_published.c - the offsets CPython 3.13 and later publish: those of real releases, and those of liars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/cpython_versions.h"

#define WORDS CPYTHON_PUBLISHED_WORDS

struct word {
	uint8_t index;
	uint64_t value;
};

/* As 3.13.0, 3.14.10 and 3.15.2 publish them: what connprof uses, by index. */
struct release {
	unsigned minor;
	uint32_t hex;
	struct word words[40];
};

static const struct release releases[] = {
	{13, 0x030d00f0, {{5, 632}, {8, 7264}, {9, 7344}, {14, 16}, {15, 7752}, {17, 7768}, {18, 7760}, {21, 8}, {22, 16}, {23, 72},
		{24, 152}, {25, 160}, {29, 8}, {30, 0}, {31, 56}, {33, 70}, {35, 112}, {36, 120}, {37, 128}, {38, 136}, {39, 68},
		{43, 200}, {45, 8}, {62, 16}, {63, 24}, {65, 16}, {66, 32}, {68, 32}, {69, 16}, {70, 40}, {32, 72}, {42, 104}}},
	{14, 0x030e0af0, {{5, 808}, {8, 7272}, {9, 7344}, {15, 16}, {16, 7784}, {18, 7800}, {19, 7792}, {24, 8}, {25, 16}, {26, 72},
		{27, 152}, {28, 160}, {32, 8}, {33, 0}, {34, 56}, {36, 74}, {40, 112}, {41, 120}, {42, 128}, {43, 136}, {44, 68},
		{48, 208}, {51, 8}, {72, 16}, {73, 24}, {75, 16}, {76, 32}, {78, 32}, {79, 16}, {80, 40}, {85, 72}, {35, 80},
		{47, 104}}},
	{15, 0x030f02f0, {{5, 936}, {8, 7264}, {9, 7336}, {15, 16}, {16, 7736}, {18, 7752}, {19, 7744}, {24, 8}, {25, 16}, {26, 72},
		{30, 176}, {31, 184}, {40, 8}, {41, 0}, {42, 56}, {44, 74}, {48, 112}, {49, 120}, {50, 128}, {51, 136}, {52, 68},
		{56, 208}, {59, 8}, {84, 16}, {85, 24}, {87, 16}, {88, 32}, {90, 32}, {91, 16}, {92, 40}, {93, 56}, {101, 72},
		{43, 80}, {55, 104}}},
};

static void fill(const struct release *release, uint64_t *words)
{
	memset(words, 0, WORDS * sizeof(*words));
	memcpy(words, "xdebugpy", 8);
	words[1] = release->hex;
	for (size_t i = 0; i < sizeof(release->words) / sizeof(release->words[0]) && release->words[i].index; i++)
		words[release->words[i].index] = release->words[i].value;
}

static void each_release_publishes_what_its_row_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
		struct cpython_version version = *cpython_version_find(3, releases[i].minor), was = version;
		bool free_threaded = true;
		uint64_t words[WORDS];
		unsigned differs = 9;
		uint32_t hex = 0;

		fill(&releases[i], words);
		assert_true(cpython_published_head(words, WORDS, &hex, &free_threaded));
		assert_int_equal(hex, releases[i].hex);
		assert_false(free_threaded);
		assert_true(cpython_published_apply(words, WORDS, &version, &differs));
		assert_int_equal(differs, 0);
		assert_memory_equal(&version, &was, sizeof(was));
	}
}

static void what_a_patch_release_moves_is_followed(void **state)
{
	struct cpython_version version = *cpython_version_find(3, 14), was = version;
	uint64_t words[WORDS];
	unsigned differs;

	(void)state;
	fill(&releases[1], words);
	words[5] += 8;
	words[19] += 16;
	words[80] += 8;
	words[35] += 8;
	assert_true(cpython_published_apply(words, WORDS, &version, &differs));
	assert_int_equal(differs, 3); /* the GIL's own layout is not counted */
	assert_int_equal(version.interpreters_head, was.interpreters_head + 8);
	assert_int_equal(version.main_interpreter, was.main_interpreter + 8);
	assert_int_equal(version.gil_holder, was.gil_holder + 16);
	assert_int_equal(version.ascii_data, was.ascii_data + 8);
	assert_int_equal(version.layout.frame_self, was.layout.frame_self + 8);
}

/* Every word that is used, as a number too large, one too large for its structure, and one misaligned. */
static void each_offset_is_bounded_before_it_is_used(void **state)
{
	static const uint64_t bad[] = {UINT64_MAX, 1ull << 32, (1u << 20) + 8};

	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		for (size_t w = 0; w < sizeof(releases[i].words) / sizeof(releases[i].words[0]) && releases[i].words[w].index; w++)
			for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
				struct cpython_version version = *cpython_version_find(3, releases[i].minor), was = version;
				uint64_t words[WORDS];
				unsigned differs;

				fill(&releases[i], words);
				words[releases[i].words[w].index] = bad[b];
				if (cpython_published_apply(words, WORDS, &version, &differs))
					fail_msg("3.%u: word %u may be %llx", releases[i].minor, releases[i].words[w].index,
						 (unsigned long long)bad[b]);
				assert_memory_equal(&version, &was, sizeof(was));
			}
}

static void each_offset_stays_inside_what_is_read_of_its_structure(void **state)
{
	/* of 3.14: frame 128 bytes, thread state 256, code object 224, str 128, and alignment */
	static const struct word bad[] = {{5, 801}, {24, 252}, {26, 256}, {27, 153}, {32, 121}, {33, 128}, {34, 4000}, {36, 121},
		{40, 300}, {43, 220}, {44, 222}, {44, 66}, {48, 209}, {51, 16}, {76, 40}, {78, 36}, {80, 136}, {80, 41}, {19, 7776},
		{18, 9000}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cpython_version version = *cpython_version_find(3, 14);
		uint64_t words[WORDS];
		unsigned differs;

		fill(&releases[1], words);
		words[bad[i].index] = bad[i].value;
		if (cpython_published_apply(words, WORDS, &version, &differs))
			fail_msg("word %u may be %llu", bad[i].index, (unsigned long long)bad[i].value);
	}
}

static void cut_tables_and_other_memory_are_no_offsets(void **state)
{
	struct cpython_version version = *cpython_version_find(3, 15);
	uint64_t words[WORDS];
	bool free_threaded;
	unsigned differs;
	uint32_t hex;

	(void)state;
	fill(&releases[2], words);
	assert_false(cpython_published_apply(words, 101, &version, &differs));
	assert_true(cpython_published_apply(words, 102, &version, &differs));
	assert_false(cpython_published_head(words, 2, &hex, &free_threaded));
	words[2] = 1;
	assert_true(cpython_published_head(words, WORDS, &hex, &free_threaded));
	assert_true(free_threaded);
	words[1] = 1ull << 32;
	assert_false(cpython_published_head(words, WORDS, &hex, &free_threaded));
	words[1] = releases[2].hex;
	words[0]++;
	assert_false(cpython_published_head(words, WORDS, &hex, &free_threaded));
}

static void a_minor_without_a_row_is_not_known(void **state)
{
	(void)state;
	assert_null(cpython_version_find(3, 5));
	assert_null(cpython_version_find(3, 16));
	assert_null(cpython_version_find(2, 7));
	assert_null(cpython_version_find(4, 14));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_release_publishes_what_its_row_says),
		cmocka_unit_test(what_a_patch_release_moves_is_followed),
		cmocka_unit_test(each_offset_is_bounded_before_it_is_used),
		cmocka_unit_test(each_offset_stays_inside_what_is_read_of_its_structure),
		cmocka_unit_test(cut_tables_and_other_memory_are_no_offsets),
		cmocka_unit_test(a_minor_without_a_row_is_not_known),
	};

	return cmocka_run_group_tests_name("published offsets", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lines.c - CPython's line tables: whole standard library modules against the interpreter's own answer, and bad bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cpython_lines.h"
#include "runtime/cpython_versions.h"
#include "unit/runtime/pythons.h"

static size_t from_hex(const char *hex, uint8_t *out, size_t limit)
{
	unsigned byte;
	size_t count = 0;

	while (count < limit && sscanf(hex + 2 * count, "%2x", &byte) == 1)
		out[count++] = (uint8_t)byte;
	return count;
}

static void every_instruction_has_the_line_the_interpreter_gives_it(void **state)
{
	static uint8_t table[1 << 16];
	const struct python *python = *state;
	char script[256];
	const char *arguments[] = {NULL, script, NULL};
	const struct cpython_version *version = cpython_version_find(3, python->minor);
	struct python_child child = {0};
	char *line = NULL;
	size_t size = 0, used = 0, compared = 0;
	int first_line = 0;

	assert_non_null(version);
	assert_int_equal(python_script(python, "lines.py", script, sizeof(script)), 0);
	assert_int_equal(python_run(python, arguments, &child), 0);
	while (getline(&line, &size, child.out) > 0 && strcmp(line, "end\n")) {
		int64_t offset = 0;
		char *at = line + 6, *end;

		if (!strncmp(line, "code ", 5)) {
			assert_int_equal(sscanf(line, "code %d", &first_line), 1);
			used = from_hex(strrchr(line, ' ') + 1, table, sizeof(table));
			continue;
		}
		for (long expected = strtol(at, &end, 10); end != at; at = end, expected = strtol(at, &end, 10), offset += 2) {
			uint32_t found = cpython_line((enum cpython_line_table)version->line_table, table, used, first_line, offset);

			if (found != (uint32_t)expected)
				fail_msg("first line %d, offset %d: %u, not %ld", first_line, (int)offset, found, expected);
			compared++;
		}
	}
	assert_string_equal(line, "end\n");
	assert_true(compared > 10000);
	free(line);
	python_end_child(&child);
}

static void a_frame_that_has_not_started_is_at_its_first_line(void **state)
{
	(void)state;
	assert_int_equal(cpython_line(LINES_LNOTAB, NULL, 0, 12, -1), 12);
	assert_int_equal(cpython_line(LINES_RANGES, NULL, 0, 12, -2), 12);
	assert_int_equal(cpython_line(LINES_LOCATIONS, NULL, 0, 12, -2), 12);
	assert_int_equal(cpython_line(LINES_LOCATIONS, NULL, 0, -5, -2), 0);
}

static void cut_and_malformed_tables_give_no_line(void **state)
{
	static const uint8_t no_start[] = {0x05, 0x00};             /* an entry must begin with its high bit set */
	static const uint8_t cut_step[] = {0xf0, 0x41};             /* kind 14, and its line step goes on past the end */
	static const uint8_t endless[] = {0xf0, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x01};
	static const uint8_t odd[] = {4};
	static const uint8_t below_zero[] = {4, 0x81};              /* 127 lines back from line 3 */

	(void)state;
	assert_int_equal(cpython_line(LINES_LOCATIONS, no_start, sizeof(no_start), 3, 0), 0);
	assert_int_equal(cpython_line(LINES_LOCATIONS, cut_step, sizeof(cut_step), 3, 0), 0);
	assert_int_equal(cpython_line(LINES_LOCATIONS, endless, sizeof(endless), 3, 0), 0);
	assert_int_equal(cpython_line(LINES_LOCATIONS, NULL, 0, 3, 0), 0);
	assert_int_equal(cpython_line(LINES_RANGES, odd, sizeof(odd), 3, 0), 0);
	assert_int_equal(cpython_line(LINES_RANGES, below_zero, sizeof(below_zero), 3, 0), 0);
	assert_int_equal(cpython_line(LINES_LNOTAB, odd, sizeof(odd), 3, 9), 3);
	assert_int_equal(cpython_line(LINES_LNOTAB, below_zero, sizeof(below_zero), 3, 9), 0);
}

int main(void)
{
	static struct python pythons[PYTHONS_MAX];
	static struct CMUnitTest rows[PYTHONS_MAX + 2];
	static char names[PYTHONS_MAX][96];
	size_t count = pythons_find(pythons);

	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "3.%u%s: every instruction has the line the interpreter gives it", pythons[i].minor,
			 pythons[i].root[0] ? " in another root" : "");
		rows[i] = (struct CMUnitTest){names[i], every_instruction_has_the_line_the_interpreter_gives_it, NULL, NULL,
					      &pythons[i]};
	}
	rows[count] = (struct CMUnitTest)cmocka_unit_test(a_frame_that_has_not_started_is_at_its_first_line);
	rows[count + 1] = (struct CMUnitTest)cmocka_unit_test(cut_and_malformed_tables_give_no_line);
	return _cmocka_run_group_tests("lines", rows, count + 2, NULL, NULL);
}

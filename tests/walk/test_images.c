/* SPDX-License-Identifier: BSD-2-Clause */
/* test_images.c - walks of live targets that were captured once (tests/walk/images), walked again: the same slots must come. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static struct fixture fixture;

static void walks_as_it_did(void **state)
{
	const char *path = *state;
	FILE *stream = fopen(path, "r");
	const struct scratch *s;
	const struct slot *slots;
	int line;

	if (!stream)
		fail_msg("cannot open %s", path);
	line = fixture_read(stream, &fixture);
	fclose(stream);
	if (line)
		fail_msg("%s:%d: no line of a fixture", path, line);
	s = fixture_walk(&fixture);
	slots = s->slots + s->head.task_slots;
	assert_int_equal(s->head.native_end, fixture.native_end);
	assert_int_equal(s->head.python_end, fixture.python_end);
	assert_int_equal(s->head.python, fixture.python_slots);
	assert_int_equal(s->head.native, fixture.native_slots);
	assert_int_equal(fixture.slot_count, fixture.python_slots + fixture.native_slots);
	for (size_t i = 0; i < fixture.slot_count; i++)
		if (slots[i].a != fixture.slots[i].a || slots[i].b != fixture.slots[i].b)
			fail_msg("%s: slot %zu is %llx %llx, not %llx %llx", path, i, (unsigned long long)slots[i].a,
				 (unsigned long long)slots[i].b, (unsigned long long)fixture.slots[i].a,
				 (unsigned long long)fixture.slots[i].b);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t found;
	int failed;

	if (glob("tests/walk/images/*.txt", 0, NULL, &found)) {
		fprintf(stderr, "test_images: no images (run from the project's folder)\n");
		return 1;
	}
	tests = calloc(found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; tests && i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){.name = strrchr(found.gl_pathv[i], '/') + 1, .test_func = walks_as_it_did,
					       .initial_state = found.gl_pathv[i]};
	failed = tests ? _cmocka_run_group_tests("walk/images", tests, found.gl_pathc, NULL, NULL) : 1;
	free(tests);
	globfree(&found);
	return failed;
}

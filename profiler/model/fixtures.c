/* SPDX-License-Identifier: BSD-2-Clause */
/* fixtures.c - by function and file: the frameworks' own functions that call a fixture, which stay off the stack while a test runs. */
#include "model/fixtures.h"

#include <string.h>

#include "base/text.h"

static const struct {
	const char *function; /* without its class: CPython before 3.11 has no qualified names */
	const char *file;
} fixtures[] = {
	{ "call_fixture_func", "/_pytest/fixtures.py" },
	{ "_teardown_yield_fixture", "/_pytest/fixtures.py" },
	{ "_callSetUp", "/unittest/case.py" },
	{ "_callTearDown", "/unittest/case.py" },
	{ "_callCleanup", "/unittest/case.py" },
	{ "_handleClassSetUp", "/unittest/suite.py" },
	{ "_tearDownPreviousClass", "/unittest/suite.py" },
	{ "_handleModuleFixture", "/unittest/suite.py" },
};

static bool is_fixture(const char *function, const char *file)
{
	const char *bare = strrchr(function, '.');

	bare = bare ? bare + 1 : function;
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++)
		if (!strcmp(bare, fixtures[i].function) && text_ends_with(file, fixtures[i].file))
			return true;
	return false;
}

bool fixtures_on_stack(const struct connprof_recording *recording, uint32_t stack)
{
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, NULL);

	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);

		if (frame && frame->kind == FRAME_PYTHON &&
		    is_fixture(strings_get(recording->strings, frame->function), strings_get(recording->strings, frame->file)))
			return true;
	}
	return false;
}

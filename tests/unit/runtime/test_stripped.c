/* SPDX-License-Identifier: BSD-2-Clause */
/* test_stripped.c - a 3.6 without its symbol table: the list of interpreters, a local symbol there, is found all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "process/process.h"
#include "runtime/runtime.h"
#include "unit/runtime/pythons.h"
#include "unit/tool.h"

static const struct python *python;

static void a_stripped_3_6_is_read_like_any_other(void **state)
{
	char folder[] = "/tmp/connprof-stripped-XXXXXX", library[300], path[128];
	const char *arguments[] = {NULL, "-c", "def wait():\n  print('x', flush=True)\n  import time; time.sleep(60)\nwait()", NULL};
	struct process_identity identity;
	struct python_state found;
	struct strings *strings;
	struct runtime *runtime = NULL;
	struct process_maps maps;
	struct python_child child = {0};
	struct slot slots[16];
	enum python_end end;
	struct frame frame;
	char note[256] = "";

	(void)state;
	if (!python)
		skip();
	strings = strings_new();
	snprintf(library, sizeof(library), "%.*s/lib/libpython3.6m.so.1.0", (int)(strstr(python->path, "/bin/") - python->path),
		 python->path);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/libpython3.6m.so.1.0", folder);
	assert_int_equal(tool_run("strip -o \"$1\" \"$2\"", path, library), 0);
	setenv("LD_LIBRARY_PATH", folder, 1);
	assert_int_equal(python_run(python, arguments, &child), 0);
	unsetenv("LD_LIBRARY_PATH");
	assert_int_equal(fgetc(child.out), 'x');
	usleep(50000);
	assert_int_equal(process_identify(child.pid, &identity), 0);
	assert_int_equal(process_maps_load(child.pid, &maps), 0);
	if (cpython_ops.detect(&identity, &maps, &runtime, &found, note, sizeof(note)) != RUNTIME_READY)
		fail_msg("not ready: %s", note);
	assert_true(cpython_ops.walk(runtime, child.pid, 0, slots, 16, &end, NULL) >= 2);
	assert_int_equal(cpython_ops.name_frame(runtime, &slots[0], strings, &frame), 0);
	assert_string_equal(strings_get(strings, frame.function), "wait");
	cpython_ops.free(runtime);
	process_maps_done(&maps);
	strings_free(strings);
	python_end_child(&child);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_stripped_3_6_is_read_like_any_other)};
	static struct python pythons[PYTHONS_MAX];
	size_t count = pythons_find(pythons);

	for (size_t i = 0; i < count; i++)
		if (pythons[i].minor == 6 && !pythons[i].root[0] && strstr(pythons[i].path, "/bin/"))
			python = &pythons[i];
	return cmocka_run_group_tests_name("stripped", tests, NULL, NULL);
}

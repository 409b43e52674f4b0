/* SPDX-License-Identifier: BSD-2-Clause */
/* test_refusals.c - processes that hold no interpreter, one that is not ready, or one that lies: said in words, never guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <sys/stat.h>

#include "process/process.h"
#include "runtime/runtime.h"
#include "unit/runtime/pythons.h"

/* A child that has loaded path (NULL: nothing) and waits. */
static pid_t child_with(const char *path)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = !path || dlopen(path, RTLD_LAZY) ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(byte, 'y');
	return pid;
}

static enum runtime_found look(const char *library, char *note, size_t size)
{
	struct process_identity identity;
	struct process_maps maps;
	struct runtime *runtime = NULL;
	struct python_state state;
	enum runtime_found found;
	pid_t pid = child_with(library);

	assert_int_equal(process_identify(pid, &identity), 0);
	assert_int_equal(process_maps_load(pid, &maps), 0);
	found = cpython_ops.detect(&identity, &maps, &runtime, &state, note, size);
	cpython_ops.free(runtime);
	process_maps_done(&maps);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return found;
}

static enum runtime_found look_at_fake(int kind, const char *name, char *note, size_t size)
{
	char folder[] = "/tmp/connprof-fake-XXXXXX", path[128], command[512];
	enum runtime_found found;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(command, sizeof(command), "cc -shared -fPIC -DFAKE=%d -o %s tests/unit/runtime/fake_python.c", kind, path);
	assert_int_equal(system(command), 0);
	found = look(path, note, size);
	unlink(path);
	rmdir(folder);
	return found;
}

static void a_process_without_an_interpreter_has_none(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look(NULL, note, sizeof(note)), RUNTIME_ABSENT);
}

static void an_interpreter_that_has_not_started_is_asked_again(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(1, "libpython3.11.so.1.0", note, sizeof(note)), RUNTIME_NOT_YET);
	assert_string_equal(note, "CPython 3.11.7 is not initialised yet");
}

static void an_unknown_version_is_refused_in_words(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(2, "libpython3.16.so.1.0", note, sizeof(note)), RUNTIME_REFUSED);
	assert_string_equal(note, "CPython 3.16.0 is not known to this connprof: native frames only");
}

static void the_target_s_own_word_wins_over_its_file_name(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(2, "libpython3.11.so.1.0", note, sizeof(note)), RUNTIME_REFUSED);
	assert_non_null(strstr(note, "CPython 3.16.0"));
}

static void a_free_threaded_build_is_refused_in_words(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(3, "libpython3.13t.so.1.0", note, sizeof(note)), RUNTIME_REFUSED);
	assert_string_equal(note, "CPython 3.13.0 without the GIL is not known to this connprof: native frames only");
}

static void a_preview_is_refused_in_words(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(6, "libpython3.15.so.1.0", note, sizeof(note)), RUNTIME_REFUSED);
	assert_non_null(strstr(note, "CPython 3.15.0 before its release candidates"));
}

static void pypy_is_refused_by_name(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(1, "libpypy3.10-c.so", note, sizeof(note)), RUNTIME_REFUSED);
	assert_string_equal(note, "PyPy is not known to this connprof: native frames only");
}

static void published_offsets_that_lead_anywhere_are_refused(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(4, "libpython3.13.so.1.0", note, sizeof(note)), RUNTIME_REFUSED);
	assert_non_null(strstr(note, "publishes offsets that cannot be its own"));
}

static void endless_lists_end(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(5, "libpython3.11.so.1.0", note, sizeof(note)), RUNTIME_REFUSED);
	assert_non_null(strstr(note, "does not keep its threads and frames"));
}

static void a_file_that_only_has_the_name_is_no_interpreter(void **state)
{
	char note[256];

	(void)state;
	assert_int_equal(look_at_fake(0, "libpythonista.so", note, sizeof(note)), RUNTIME_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_without_an_interpreter_has_none),
		cmocka_unit_test(an_interpreter_that_has_not_started_is_asked_again),
		cmocka_unit_test(an_unknown_version_is_refused_in_words),
		cmocka_unit_test(the_target_s_own_word_wins_over_its_file_name),
		cmocka_unit_test(a_free_threaded_build_is_refused_in_words),
		cmocka_unit_test(a_preview_is_refused_in_words),
		cmocka_unit_test(pypy_is_refused_by_name),
		cmocka_unit_test(published_offsets_that_lead_anywhere_are_refused),
		cmocka_unit_test(endless_lists_end),
		cmocka_unit_test(a_file_that_only_has_the_name_is_no_interpreter),
	};

	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}

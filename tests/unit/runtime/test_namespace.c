/* SPDX-License-Identifier: BSD-2-Clause */
/* test_namespace.c - a Python in a pid namespace of its own: its threads are known by their ids outside, which it does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "process/process.h"
#include "runtime/runtime.h"
#include "unit/runtime/pythons.h"

static struct python pythons[PYTHONS_MAX];

/* The first process of a new pid namespace, as the kernel has it. */
static int run_apart(const struct python *python, const char **arguments, struct python_child *child)
{
	if (unshare(CLONE_NEWPID))
		return -errno;
	return python_run(python, arguments, child);
}

/* Each thread of the script has a function of its own, waits in it, and says its id as it knows it. */
static const char script[] =
	"import ctypes, os, threading, time\n"
	"def say(name): os.write(1, ('%d %s\\n' % (ctypes.CDLL(None).syscall(186), name)).encode())\n"
	"def wait_one():\n  say('wait_one')\n  time.sleep(60)\n"
	"def wait_two():\n  say('wait_two')\n  time.sleep(60)\n"
	"def wait_main():\n  say('wait_main')\n  time.sleep(60)\n"
	"threading.Thread(target=wait_one, daemon=True).start()\n"
	"threading.Thread(target=wait_two, daemon=True).start()\n"
	"wait_main()\n";

static pid_t outside(pid_t pid, pid_t inside)
{
	pid_t *tids = NULL, found = 0;
	int count = process_threads(pid, &tids);

	for (int i = 0; i < count; i++)
		if (process_thread_namespaced(pid, tids[i]) == inside)
			found = tids[i];
	free(tids);
	return found;
}

/* The innermost function of the thread with this id outside. */
static const char *innermost(struct runtime *runtime, struct strings *strings, pid_t tid)
{
	struct slot slots[32];
	enum python_end end;
	struct frame frame;

	if (cpython_ops.walk(runtime, tid, 0, slots, 32, &end, NULL) <= 0 ||
	    cpython_ops.name_frame(runtime, &slots[0], strings, &frame))
		return "";
	return strings_get(strings, frame.function);
}

static void threads_are_found_by_the_ids_they_have_outside(void **state)
{
	const char *arguments[] = {NULL, "-c", script, NULL};
	struct process_identity identity;
	struct strings *strings = strings_new();
	struct python_child child = {0};
	struct runtime *runtime = NULL;
	struct python_state found;
	struct process_maps maps;
	char note[256] = "";

	assert_int_equal(run_apart(*state, arguments, &child), 0);
	for (int i = 0, ready = 0; i < 3; i++) {
		char function[64];
		int inside, tries = 0;

		assert_int_equal(fscanf(child.out, "%d %63s", &inside, function), 2);
		assert_int_equal(process_identify(child.pid, &identity), 0);
		assert_int_equal(identity.namespace_pid, 1);
		assert_int_not_equal(outside(child.pid, inside), inside);
		if (!ready++) {
			usleep(50000);
			assert_int_equal(process_maps_load(child.pid, &maps), 0);
			if (cpython_ops.detect(&identity, &maps, &runtime, &found, note, sizeof(note)) != RUNTIME_READY)
				fail_msg("not ready: %s", note);
		}
		while (strcmp(innermost(runtime, strings, outside(child.pid, inside)), function) && tries++ < 200)
			usleep(10000); /* not yet where it waits */
		assert_string_equal(innermost(runtime, strings, outside(child.pid, inside)), function);
	}
	cpython_ops.free(runtime);
	process_maps_done(&maps);
	strings_free(strings);
	python_end_child(&child);
}

/* A process can make one namespace for its children only: each Python is tried in a process of its own. */
static void in_a_child(void **state)
{
	int status = 1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		const struct CMUnitTest test[] = {
			{"threads are found by the ids they have outside", threads_are_found_by_the_ids_they_have_outside, NULL, NULL, *state}};

		_exit(_cmocka_run_group_tests("apart", test, 1, NULL, NULL) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	static struct CMUnitTest rows[PYTHONS_MAX];
	static char names[PYTHONS_MAX][64];
	size_t count = pythons_find(pythons);

	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "3.%u%s", pythons[i].minor, pythons[i].root[0] ? " in another root" : "");
		rows[i] = (struct CMUnitTest){names[i], in_a_child, NULL, NULL, &pythons[i]};
	}
	return _cmocka_run_group_tests("namespace", rows, count, NULL, NULL);
}

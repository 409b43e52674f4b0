/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cpython.c - real CPythons, read from outside: what connprof sees is what the interpreter says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdint.h>

#include <cmocka.h>

#include "process/process.h"
#include "runtime/runtime.h"
#include "unit/runtime/pythons.h"

struct subject {
	struct python_child child;
	struct process_identity identity;
	struct process_maps maps;
	struct runtime *runtime;
	struct python_state state;
	struct strings *strings;
};

static enum runtime_found look(struct subject *s, char *note, size_t size)
{
	assert_int_equal(process_identify(s->child.pid, &s->identity), 0);
	assert_int_equal(process_maps_load(s->child.pid, &s->maps), 0);
	return cpython_ops.detect(&s->identity, &s->maps, &s->runtime, &s->state, note, size);
}

static void subject_begin(struct subject *s, const struct python *python, const char **arguments)
{
	memset(s, 0, sizeof(*s));
	s->strings = strings_new();
	assert_non_null(s->strings);
	assert_int_equal(python_run(python, arguments, &s->child), 0);
}

static void subject_end(struct subject *s)
{
	cpython_ops.free(s->runtime);
	process_maps_done(&s->maps);
	strings_free(s->strings);
	python_end_child(&s->child);
}

static void expect_ready(struct subject *s)
{
	char note[256];

	if (look(s, note, sizeof(note)) != RUNTIME_READY)
		fail_msg("not ready: %s", note);
}

/* blocked.py: generator's self is used by a function within, and lies in a cell; a lambda has no variable of its own. */
static void compare_self(const struct subject *s, const struct slot *slot, const char *function, unsigned minor)
{
	const char *dot = strrchr(function, '.'), *name = dot ? dot + 1 : function;

	if (!strcmp(name, "method") || !strcmp(name, "inner") || !strcmp(name, "callback") || !strcmp(name, "key"))
		assert_true(cpython_ops.self_known(s->runtime, slot));
	if (!strcmp(name, "generator") || !strcmp(name, "<lambda>"))
		assert_int_equal(cpython_ops.self_known(s->runtime, slot), minor < 11);
}

/* One "frame LINE FIRST_LINE FILE FUNCTION" of the target against the slot connprof read. */
static void compare_frame(struct subject *s, const struct slot *slot, const char *line, unsigned minor)
{
	char file[512], function[512];
	unsigned number, first_line;
	struct frame frame;

	assert_int_equal(sscanf(line, "frame %u %u %511s %511[^\n]", &number, &first_line, file, function), 4);
	assert_int_equal(cpython_ops.name_frame(s->runtime, slot, s->strings, &frame), 0);
	assert_string_equal(strings_get(s->strings, frame.function), function);
	assert_string_equal(strings_get(s->strings, frame.file), file);
	assert_int_equal(frame.line, number);
	assert_int_equal(frame.first_line, first_line);
	assert_int_equal(frame.kind, FRAME_PYTHON);
	compare_self(s, slot, function, minor);
}

struct walked {
	struct slot slots[PYTHON_SLOTS_MAX];
	size_t count, at;
};

static const struct slot *next_frame(struct walked *walked)
{
	while (walked->at < walked->count && !walked->slots[walked->at].a)
		walked->at++;
	return walked->at < walked->count ? &walked->slots[walked->at++] : NULL;
}

/* What the thread block leads to, without the list of threads: the thread state, whoever holds the GIL. */
static uint64_t state_through_block(const struct subject *s, uint64_t fsbase)
{
	uint64_t found = 0;

	assert_int_equal(process_read(s->child.pid, fsbase + s->state.tstate_at_fsbase, &found, sizeof(found)), 0);
	return found;
}

static void walk_thread(struct subject *s, pid_t tid, uint64_t fsbase, struct walked *out)
{
	enum python_end end;
	bool holds = true;
	int n = cpython_ops.walk(s->runtime, tid, fsbase, out->slots, PYTHON_SLOTS_MAX, &end, &holds);

	assert_true(n > 0);
	assert_int_equal(end, PYTHON_ROOT);
	assert_false(holds); /* blocked in read() */
	assert_true(!fsbase || state_through_block(s, fsbase));
	out->count = (size_t)n;
	out->at = 0;
}

/* Anchors go outward, and each lies in the thread's stack: near the others, unlike any heap or code address. Not so the
 * base frame of 3.15, which is in the thread state and has no frames before it. */
static void check_anchors(const struct walked *walked, enum python_anchor anchor, unsigned minor)
{
	size_t ends = 0, count = walked->count;
	uint64_t last = 0;

	if (minor >= 15) {
		assert_true(count > 1 && !walked->slots[count - 1].a && !walked->slots[count - 2].a);
		count--;
	}
	for (size_t i = 0; i < count; i++) {
		if (walked->slots[i].a)
			continue;
		ends++;
		assert_true(walked->slots[i].b > last);
		assert_true(!last || walked->slots[i].b - last < (8u << 20));
		last = walked->slots[i].b;
	}
	if (anchor == ANCHOR_NONE)
		assert_int_equal(ends, 0);
	else
		assert_true(ends > 0 && (!walked->slots[count - 1].a || ends == PYTHON_CALL_ENDS_MAX));
}

static void compare_truth(struct subject *s, unsigned minor)
{
	unsigned threads = 0, frames = 0;
	struct walked walked = {0};
	char line[1024];

	while (fgets(line, sizeof(line), s->child.out) && strcmp(line, "ready\n")) {
		unsigned long long ident;
		int tid;

		if (sscanf(line, "thread %llu %d", &ident, &tid) == 2) {
			struct walked by_tid;

			assert_null(next_frame(&walked)); /* the thread before had no more frames than it says */
			walk_thread(s, tid, ident, &walked);
			walk_thread(s, tid, 0, &by_tid);
			assert_int_equal(walked.count, by_tid.count);
			assert_memory_equal(walked.slots, by_tid.slots, walked.count * sizeof(struct slot));
			check_anchors(&walked, (enum python_anchor)s->state.layout.anchor, minor);
			threads++;
		} else {
			const struct slot *slot = next_frame(&walked);

			assert_non_null(slot);
			compare_frame(s, slot, line, minor);
			frames++;
		}
	}
	assert_null(next_frame(&walked));
	assert_int_equal(threads, 4);
	assert_true(frames > 300 + 25 + 7);
}

/* Reads the child's output up to its first line without taking it. */
static void await_output(struct subject *s)
{
	int c = fgetc(s->child.out);

	assert_int_not_equal(c, EOF);
	ungetc(c, s->child.out);
}

static void names_lines_and_threads_are_what_the_interpreter_says(void **state)
{
	const struct python *python = *state;
	char expected[32], script[256];
	const char *arguments[] = {NULL, script, NULL};
	struct subject s;

	assert_int_equal(python_script(python, "blocked.py", script, sizeof(script)), 0);
	subject_begin(&s, python, arguments);
	await_output(&s);
	expect_ready(&s);
	snprintf(expected, sizeof(expected), "CPython 3.%u.", python->minor);
	assert_memory_equal(cpython_ops.describe(s.runtime), expected, strlen(expected));
	assert_int_not_equal(s.state.tstate_at_fsbase, 0);
	assert_int_equal(s.state.enabled, 1);
	compare_truth(&s, python->minor);
	subject_end(&s);
}

static void the_thread_that_runs_holds_the_gil(void **state)
{
	const struct python *python = *state;
	const char *arguments[] = {NULL, "-c", "print('spin', flush=True)\nwhile True: pass", NULL};
	struct slot slots[64];
	enum python_end end;
	struct subject s;
	int held = 0;

	subject_begin(&s, python, arguments);
	await_output(&s);
	expect_ready(&s);
	for (int i = 0; i < 20; i++) {
		bool holds = false;

		usleep(5000); /* on from the write() it printed with, for which it had released the GIL */
		assert_true(cpython_ops.walk(s.runtime, s.child.pid, 0, slots, 64, &end, &holds) >= 0);
		held += holds;
	}
	assert_true(held >= 10);
	subject_end(&s);
}

static void a_lone_thread_is_found_again_when_it_lets_go_of_the_gil(void **state)
{
	const struct python *python = *state;
	const char *arguments[] = {NULL, "-c", "import threading, time\nend = time.time() + 0.5\n"
				   "print(threading.get_ident(), flush=True)\n"
				   "while time.time() < end: pass\ntime.sleep(60)", NULL};
	uint64_t fsbase, running, thread_id;
	struct subject s;

	subject_begin(&s, python, arguments);
	assert_int_equal(fscanf(s.child.out, "%" SCNu64, &fsbase), 1);
	expect_ready(&s);
	assert_int_not_equal(s.state.tstate_at_fsbase, 0);
	running = state_through_block(&s, fsbase);
	assert_int_equal(process_read(s.child.pid, running + s.state.layout.tstate_thread_id, &thread_id, sizeof(thread_id)), 0);
	assert_int_equal(thread_id, fsbase);
	usleep(700000);
	assert_int_equal(state_through_block(&s, fsbase), running);
	subject_end(&s);
}

/* gunicorn's workers: after fork() the child's only thread keeps the parent's thread state. */
static void a_forked_child_is_read_like_its_parent(void **state)
{
	const struct python *python = *state;
	const char *arguments[] = {NULL, "-c", "import os, time\n" "def child():\n  print(os.getpid(), flush=True)\n  time.sleep(60)\n"
				   "if os.fork() == 0: child()\nos.wait()", NULL};
	struct slot slots[64];
	enum python_end end;
	struct frame frame;
	struct subject s;
	pid_t parent;
	int pid, n;

	subject_begin(&s, python, arguments);
	assert_int_equal(fscanf(s.child.out, "%d", &pid), 1);
	parent = s.child.pid;
	s.child.pid = pid;
	expect_ready(&s);
	usleep(100000);
	n = cpython_ops.walk(s.runtime, pid, 0, slots, 64, &end, NULL);
	assert_true(n >= 2);
	assert_int_equal(cpython_ops.name_frame(s.runtime, &slots[0], s.strings, &frame), 0);
	assert_string_equal(strings_get(s.strings, frame.function), "child");
	assert_int_equal(frame.line, 4);
	kill(pid, SIGKILL);
	s.child.pid = parent;
	subject_end(&s);
}

/* The mark that the kernel side gives this code object. */
static uint64_t mark_at(const struct subject *s, uint64_t code)
{
	const struct python_layout *layout = &s->state.layout;
	uint64_t name, text[2]; /* length, hash */
	uint32_t first_line;

	assert_int_equal(process_read(s->child.pid, code + layout->code_name, &name, sizeof(name)), 0);
	assert_int_equal(process_read(s->child.pid, name + 16, text, sizeof(text)), 0);
	assert_int_equal(process_read(s->child.pid, code + layout->code_first_line, &first_line, sizeof(first_line)), 0);
	assert_int_not_equal(code_mark(text[0], text[1], first_line), 0);
	return (uint64_t)code_mark(text[0], text[1], first_line) << SLOT_MARK_SHIFT;
}

static void a_reused_code_address_gets_its_new_name_in_the_next_batch(void **state)
{
	const struct python *python = *state;
	const char *arguments[] = {NULL, "-c",
		"import sys\n"
		"def one(): print('x', flush=True); sys.stdin.readline()\n"
		"one()\n"
		"old = one.__code__\n"
		"import ctypes, types\n"
		"def two(): pass\n"
		/* the same address, another name: as if freed and used again */
		"words = ctypes.cast(id(old), ctypes.POINTER(ctypes.c_void_p))\n"
		"new = ctypes.cast(id(two.__code__), ctypes.POINTER(ctypes.c_void_p))\n"
		"for i in range(4, 18):\n"
		"  if words[i] in (id('one'), id(sys.intern('one'))): words[i] = id(sys.intern('two'))\n"
		"print('y', flush=True); sys.stdin.readline()\n", NULL};
	struct slot slots[64], marked;
	enum python_end end;
	struct frame frame;
	struct subject s;
	char line[16];
	uint32_t number;

	subject_begin(&s, python, arguments);
	assert_non_null(fgets(line, sizeof(line), s.child.out));
	expect_ready(&s);
	usleep(50000);
	assert_true(cpython_ops.walk(s.runtime, s.child.pid, 0, slots, 64, &end, NULL) > 0);
	assert_int_equal(cpython_ops.name_frame(s.runtime, &slots[0], s.strings, &frame), 0);
	assert_string_equal(strings_get(s.strings, frame.function), "one");
	marked = slots[0];
	marked.b |= mark_at(&s, marked.a);
	number = frame.line;
	assert_int_equal(cpython_ops.name_frame(s.runtime, &marked, s.strings, &frame), 0);
	assert_int_equal(frame.line, number);
	assert_int_equal(write(s.child.in, "\n", 1), 1);
	assert_non_null(fgets(line, sizeof(line), s.child.out));
	assert_int_equal(cpython_ops.name_frame(s.runtime, &slots[0], s.strings, &frame), 0);
	assert_string_equal(strings_get(s.strings, frame.function), "one"); /* within the batch it is taken as read */
	cpython_ops.batch(s.runtime);
	assert_int_equal(cpython_ops.name_frame(s.runtime, &slots[0], s.strings, &frame), 0);
	assert_string_equal(strings_get(s.strings, frame.function), "two");
	assert_int_equal(cpython_ops.name_frame(s.runtime, &marked, s.strings, &frame), -ESTALE); /* it is not what was seen there */
	marked.b = slots[0].b | mark_at(&s, marked.a);
	assert_int_equal(cpython_ops.name_frame(s.runtime, &marked, s.strings, &frame), 0);
	subject_end(&s);
}

/* The code of a module is the one that lives shortest, and nobody has asked for the hash of its name. */
static void code_whose_name_has_no_hash_is_told_from_what_takes_its_place(void **state)
{
	const struct python *python = *state;
	const char *arguments[] = {NULL, "-c",
		"import ctypes, sys\n"
		"def one(): print('x', flush=True); sys.stdin.readline()\n"
		"names = [''.join(['o', 'ne']), ''.join(['thr', 'ee'])]\n"
		"words = ctypes.cast(id(one.__code__), ctypes.POINTER(ctypes.c_void_p))\n"
		"places = [i for i in range(4, 18) if words[i] in (id('one'), id(sys.intern('one')))]\n"
		"def call_it(name):\n"
		"  for i in places: words[i] = id(name)\n"
		"call_it(names[0])\n"
		"one()\n"
		"hash(names[0]); print('y', flush=True); sys.stdin.readline()\n"
		"call_it(names[1]); print('z', flush=True); sys.stdin.readline()\n", NULL};
	struct slot slots[64], marked;
	enum python_end end;
	struct frame frame;
	struct subject s;
	char line[16];

	subject_begin(&s, python, arguments);
	assert_non_null(fgets(line, sizeof(line), s.child.out));
	expect_ready(&s);
	usleep(50000);
	assert_true(cpython_ops.walk(s.runtime, s.child.pid, 0, slots, 64, &end, NULL) > 0);
	marked = slots[0];
	marked.b |= mark_at(&s, marked.a);
	for (int i = 0; i < 2; i++) { /* without a hash, and once somebody has asked for it */
		assert_int_equal(cpython_ops.name_frame(s.runtime, &marked, s.strings, &frame), 0);
		assert_string_equal(strings_get(s.strings, frame.function), "one");
		assert_int_equal(write(s.child.in, "\n", 1), 1);
		assert_non_null(fgets(line, sizeof(line), s.child.out));
		cpython_ops.batch(s.runtime);
	}
	assert_int_equal(*line, 'z');
	assert_int_equal(cpython_ops.name_frame(s.runtime, &marked, s.strings, &frame), -ESTALE);
	subject_end(&s);
}

static void what_is_no_code_object_has_no_name(void **state)
{
	const struct python *python = *state;
	const char *arguments[] = {NULL, "-c", "print('x', flush=True)\nimport time\ntime.sleep(60)", NULL};
	struct slot bad[] = {{0, 0}, {1, 0}, {0xffff800000000000u, 0}, {0, 0}};
	struct frame frame;
	struct subject s;

	subject_begin(&s, python, arguments);
	await_output(&s);
	expect_ready(&s);
	bad[3].a = s.maps.items[0].start; /* readable, and no code object */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(cpython_ops.name_frame(s.runtime, &bad[i], s.strings, &frame) < 0);
	subject_end(&s);
}

#define PER_PYTHON 7

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction function;
	} tests[PER_PYTHON] = {
		{"names, lines and threads are what the interpreter says", names_lines_and_threads_are_what_the_interpreter_says},
		{"the thread that runs holds the GIL", the_thread_that_runs_holds_the_gil},
		{"a lone thread is found again when it lets go of the GIL", a_lone_thread_is_found_again_when_it_lets_go_of_the_gil},
		{"a forked child is read like its parent", a_forked_child_is_read_like_its_parent},
		{"a reused code address gets its new name in the next batch", a_reused_code_address_gets_its_new_name_in_the_next_batch},
		{"code whose name has no hash is told from what takes its place", code_whose_name_has_no_hash_is_told_from_what_takes_its_place},
		{"what is no code object has no name", what_is_no_code_object_has_no_name},
	};
	static struct python pythons[PYTHONS_MAX];
	static struct CMUnitTest rows[PYTHONS_MAX * PER_PYTHON];
	static char names[PYTHONS_MAX * PER_PYTHON][128];
	size_t count = pythons_find(pythons), at = 0;

	if (!count) {
		fprintf(stderr, "skipped: no CPython 3.6 to 3.15 found\n");
		return 77;
	}
	for (size_t p = 0; p < count; p++)
		for (size_t t = 0; t < PER_PYTHON; t++, at++) {
			snprintf(names[at], sizeof(names[at]), "3.%u%s: %s", pythons[p].minor, pythons[p].root[0] ? " in another root" : "", tests[t].name);
			rows[at] = (struct CMUnitTest){names[at], tests[t].function, NULL, NULL, &pythons[p]};
		}
	return _cmocka_run_group_tests("cpython", rows, at, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_source.c - files, lines and inlined functions of a little program built by the compiler at hand, against what its own text
 * says, wherever the debug info lies: in it, compressed, by build-id, by link, beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/apart.h"
#include "symbol/symbol.h"
#include "unit/tool.h"

/* The line numbers are what the test expects: innermost() is called in line 4, middle() in line 8, outer() begins in line 10. */
static const char program[] =
	"volatile unsigned sink;\n"
	"static inline __attribute__((always_inline)) void innermost(void)\n"
	"{\n"
	"	sink = sink * 2654435761u + 1; __asm__(\".globl here\\nhere: nop\");\n"
	"}\n"
	"static inline __attribute__((always_inline)) void middle(void)\n"
	"{\n"
	"	innermost();\n"
	"}\n"
	"__attribute__((noinline)) void outer(void)\n"
	"{\n"
	"	middle();\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	outer();\n"
	"	return 0;\n"
	"}\n";

struct answer {
	size_t count, calls;
	struct source_frame frames[SOURCE_FRAMES_MAX];
	char texts[SOURCE_FRAMES_MAX][2][256];
};

static char folder[64];
static uint64_t here;

static void take(void *context, size_t index, const struct source_frame *frames, size_t count)
{
	struct answer *answer = context;

	(void)index;
	answer->calls++;
	answer->count = count;
	for (size_t i = 0; i < count; i++) {
		answer->frames[i] = frames[i];
		snprintf(answer->texts[i][0], 256, "%s", frames[i].function);
		snprintf(answer->texts[i][1], 256, "%s", frames[i].file);
	}
}

static int build(void **state)
{
	char path[96];
	FILE *out, *stream;
	pid_t pid;
	unsigned long long address = 0;

	(void)state;
	strcpy(folder, "/tmp/connprof-source-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/program.c", folder);
	out = fopen(path, "we");
	fputs(program, out);
	fclose(out);
	if (tool_run("cd \"$1\"; gcc -O2 -g -Wl,--build-id -o full program.c; "
		     "gcc -O2 -g -gz -Wl,--build-id -o packed program.c", folder, ""))
		return -1;
	stream = tool_open(&pid, "nm \"$1\"/full | sed -n 's/ T here$//p'", folder, "");
	if (fscanf(stream, "%llx", &address) != 1)
		return -1;
	here = address;
	return tool_close(pid, stream);
}

static int clean(void **state)
{
	(void)state;
	return tool_run("rm -r \"$1\"", folder, "");
}

static int ask(const char *name, const struct symbol_place *place, struct answer *answer)
{
	char path[128];
	int fd, source, alt, code;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	source = source_open(fd, place, &alt);
	close(fd);
	if (source < 0)
		return source;
	memset(answer, 0, sizeof(*answer));
	code = source_lines(source, alt, &here, 1, clock_now_ns() + 20000000000ull, take, answer);
	close(source);
	return code;
}

static void expect_all(const struct answer *answer)
{
	static const struct { const char *function; uint32_t line, first; } wanted[] = {
		{"innermost", 4, 2}, {"middle", 8, 6}, {"outer", 12, 10},
	};

	assert_int_equal(answer->calls, 1);
	assert_int_equal(answer->count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(answer->texts[i][0], wanted[i].function);
		assert_non_null(strstr(answer->texts[i][1], "program.c"));
		assert_int_equal(answer->frames[i].line, wanted[i].line);
		assert_int_equal(answer->frames[i].first_line, wanted[i].first);
	}
}

static void inlined_functions_come_innermost_first_with_the_line_of_each_call(void **state)
{
	struct answer answer;

	(void)state;
	assert_int_equal(ask("full", NULL, &answer), 0);
	expect_all(&answer);
}

/* Assembler gives one function several names, and each of them an entry in the debug info. */
static void a_function_of_two_names_is_told_once(void **state)
{
	static const char script[] =
		"cd \"$1\"; printf '.globl main, here, there\\n.type main,@function\\n.type here,@function\\n.type there,@function\\n"
		"main:\\nhere:\\nthere: nop\\nret\\n.size main,.-main\\n.size here,.-here\\n.size there,.-there\\n' > two.s && "
		"gcc -g -no-pie -Wl,--build-id -o two two.s && nm two | sed -n 's/ T here$//p' > two.address";
	const uint64_t program_here = here;
	unsigned long long address = 0;
	struct answer answer = {0};
	char path[96];
	FILE *file;

	(void)state;
	assert_int_equal(tool_run(script, folder, ""), 0);
	snprintf(path, sizeof(path), "%s/two.address", folder);
	file = fopen(path, "re");
	assert_int_equal(fscanf(file, "%llx", &address), 1);
	fclose(file);
	here = address;
	assert_int_equal(ask("two", NULL, &answer), 0);
	here = program_here;
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.frames[0].line, 7);
}

/* A link of a name and no id behind it: nothing is read there (ASan). */
static void an_alternative_link_without_an_id_is_none(void **state)
{
	struct answer answer;

	(void)state;
	assert_int_equal(tool_run("cd \"$1\"; printf 'x\\0' > alt; objcopy --add-section .gnu_debugaltlink=alt full odd", folder, ""), 0);
	assert_int_equal(ask("odd", NULL, &answer), 0);
	expect_all(&answer);
}

static void compressed_debug_info_says_the_same(void **state)
{
	struct answer answer;
	(void)state;
	assert_int_equal(ask("packed", NULL, &answer), 0);
	expect_all(&answer);
}

static void a_stripped_object_without_a_debug_file_has_no_source(void **state)
{
	struct answer answer;

	(void)state;
	assert_int_equal(tool_run("cd \"$1\"; strip -s -o bare full", folder, ""), 0);
	assert_int_equal(ask("bare", NULL, &answer), -ENOENT);
}

/* $1: the folder, $2: where the debug file goes. The stripped object is called linked. */
static void link_debug_file(const char *flags, const char *where)
{
	char script[512];

	snprintf(script, sizeof(script), "cd \"$1\"; mkdir -p .debug; gcc -O2 -g %s -o whole program.c; "
		 "objcopy --only-keep-debug whole \"$2\"; rm -f linked; strip -s -o linked whole; "
		 "objcopy --add-gnu-debuglink=\"$2\" linked", flags);
	assert_int_equal(tool_run(script, folder, where), 0);
}

static void a_debug_file_is_found_by_its_link(void **state)
{
	static const char *const flags[] = {"-Wl,--build-id", "-Wl,--build-id=none"}, *const places[] = {"linked.debug", ".debug/linked.debug"};
	struct answer answer;
	char path[128];
	struct symbol_place place = {.pid = getpid(), .path = path};
	struct symbols *symbols = NULL;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/linked", folder);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(tool_run("rm -rf \"$1\"/*.debug \"$1\"/.debug", folder, ""), 0);
		link_debug_file(flags[i / 2], places[i % 2]);
		assert_int_equal(ask("linked", &place, &answer), 0);
		expect_all(&answer);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(symbols_from_file(fd, &place, &symbols), 0);
		assert_string_equal(symbols_find(symbols, here, NULL), "here");
		symbols_free(symbols);
		close(fd);
	}
}

static void a_debug_file_of_another_build_is_not_believed(void **state)
{
	static const char *const flags[] = {"-Wl,--build-id", "-Wl,--build-id=none"};
	struct answer answer;
	char path[128];
	struct symbol_place place = {.pid = getpid(), .path = path};

	(void)state;
	snprintf(path, sizeof(path), "%s/linked", folder);
	for (int i = 0; i < 2; i++) {
		link_debug_file(flags[i], "linked.debug");
		assert_int_equal(tool_run("cd \"$1\"; rm -rf .debug; gcc -O1 -g -DOTHER -Wl,--build-id -o other program.c; "
					  "objcopy --only-keep-debug other linked.debug", folder, ""), 0);
		assert_int_equal(ask("linked", &place, &answer), -ENOENT);
	}
}

/* The linker's own name for the place of a debug file, but it leads out of the folder. */
static void a_link_with_a_path_in_it_is_refused(void **state)
{
	struct answer answer;
	char path[128];
	struct symbol_place place = {.pid = getpid(), .path = path};

	(void)state;
	snprintf(path, sizeof(path), "%s/linked", folder);
	assert_int_equal(tool_run("cd \"$1\"; strip -s -o linked full; mkdir -p sub; "
				  "printf 'sub/linked.debug\\0\\0\\0\\0\\0\\0\\0\\0' > link; objcopy --only-keep-debug full sub/linked.debug; "
				  "objcopy --add-section .gnu_debuglink=link linked", folder, ""), 0);
	assert_int_equal(ask("linked", &place, &answer), -ENOENT);
}

/* Every byte of the debug sections turned over in turn, some thousand forgeries: each ends, and none ends this process. */
static void forged_debug_info_costs_its_own_answers_only(void **state)
{
	char path[128];
	struct answer answer;
	uint8_t *bytes;
	long size;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/full", folder);
	file = fopen(path, "re");
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t)size);
	assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
	fclose(file);
	snprintf(path, sizeof(path), "%s/forged", folder);
	for (long i = 0; i < 60; i++) {
		int code;

		for (long at = 0x2000 + i; at < size - 4096; at += 97 + i) /* past the program, all over the debug sections */
			bytes[at] ^= (uint8_t)(0x5a + i);
		file = fopen(path, "we");
		fwrite(bytes, 1, (size_t)size, file);
		fclose(file);
		code = ask("forged", NULL, &answer);
		assert_true(code <= 0 && answer.count <= SOURCE_FRAMES_MAX);
	}
	free(bytes);
}

/* ---- the process apart ---- */

static void die(void *context, FILE *out)
{
	(void)context;
	(void)out;
	raise(SIGSEGV);
}

static void spin(void *context, FILE *out)
{
	(void)context;
	(void)out;
	for (volatile int i = 0;; i++)
		;
}

#ifndef __SANITIZE_ADDRESS__ /* a sanitized process needs more than it is left (apart.c) */
/* Writes how each thing that must not work failed. */
static void escape(void *context, FILE *out)
{
	int errors[6] = {0};
	const int *secret = context;
	char byte;

	errors[0] = open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
	errors[1] = fork() < 0 ? errno : 0;
	errors[2] = kill(getppid(), 0) ? errno : 0;
	errors[3] = read(*secret, &byte, 1) < 0 ? errno : 0; /* a descriptor that was not given */
	errors[4] = setuid(0) ? errno : 0;
	errors[5] = malloc((size_t)8 << 30) ? 0 : ENOMEM;
	fwrite(errors, sizeof(errors), 1, out);
}
#endif

static ssize_t run_apart(apart_work *work, void *context, void *out, size_t size, uint64_t ns)
{
	struct apart apart;
	ssize_t n;

	assert_int_equal(apart_start(&apart, NULL, 0, work, context), 0);
	n = apart_read(&apart, out, size, clock_now_ns() + ns);
	apart_end(&apart);
	return n;
}

static void what_breaks_or_never_ends_apart_is_ended(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(run_apart(die, NULL, &byte, 1, 10000000000ull), 0);
	assert_int_equal(run_apart(spin, NULL, &byte, 1, 50000000), -ETIMEDOUT);
}

#ifndef __SANITIZE_ADDRESS__
static void nothing_but_reading_works_apart(void **state)
{
	int errors[6], secret = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(run_apart(escape, &secret, errors, sizeof(errors), 10000000000ull), sizeof(errors));
	close(secret);
	assert_int_equal(errors[0], EPERM);
	assert_int_equal(errors[1], EPERM);
	assert_int_equal(errors[2], EPERM);
	assert_int_equal(errors[3], EBADF);
	assert_int_equal(errors[4], EPERM);
	assert_int_equal(errors[5], ENOMEM);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_functions_come_innermost_first_with_the_line_of_each_call),
		cmocka_unit_test(a_function_of_two_names_is_told_once),
		cmocka_unit_test(an_alternative_link_without_an_id_is_none),
		cmocka_unit_test(compressed_debug_info_says_the_same),
		cmocka_unit_test(a_stripped_object_without_a_debug_file_has_no_source),
		cmocka_unit_test(a_debug_file_is_found_by_its_link),
		cmocka_unit_test(a_debug_file_of_another_build_is_not_believed),
		cmocka_unit_test(a_link_with_a_path_in_it_is_refused),
		cmocka_unit_test(forged_debug_info_costs_its_own_answers_only),
		cmocka_unit_test(what_breaks_or_never_ends_apart_is_ended),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(nothing_but_reading_works_apart),
#endif
	};

	return cmocka_run_group_tests(tests, build, clean);
}

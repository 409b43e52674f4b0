/* SPDX-License-Identifier: BSD-2-Clause */
/* test_names.c - demangling within bounds, perf maps, and the kernel's symbols. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbol/symbol.h"

/* ---- demangle ---- */

static void names_come_back_as_their_authors_wrote_them(void **state)
{
	static const char *const pairs[][2] = {
		{"_ZN3foo3barIiE4quuxEv", "foo::bar<int>::quux"},
		{"_ZN4node5StartEiPPc", "node::Start"},
		{"_ZNSt6vectorIiSaIiEE9push_backEOi.cold", "std::vector<int, std::allocator<int> >::push_back"},
		{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
		{"_RNvC6_123foo3bar", "123foo::bar"},
		{"_D3std5stdio4File4openMFZv", "std.stdio.File.open()"},
		{"_Zgarbage", "_Zgarbage"},
		{"_PyEval_EvalFrameDefault", "_PyEval_EvalFrameDefault"},
		{"main", "main"},
		{"", ""},
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		demangle(pairs[i][0], out, sizeof(out));
		assert_string_equal(out, pairs[i][1]);
	}
}

static void what_does_not_fit_is_cut(void **state)
{
	char out[8];

	(void)state;
	demangle("_ZN3foo3barIiE4quuxEv", out, sizeof(out));
	assert_string_equal(out, "foo::ba");
	demangle("a_plain_long_name", out, sizeof(out));
	assert_string_equal(out, "a_plain");
}

/* S0_ is the template A, S1_ is A<int, int>, and each type after it holds the one before twice: the last stands for 2^33 of them. */
static void a_name_that_would_print_for_ages_ends_with_the_buffer(void **state)
{
	static const char digits[] = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[2048] = "_Z1fI1AIiiE", out[1024];
	struct timespec from, to;

	(void)state;
	for (int i = 0; i < 33; i++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "S0_IS%c_S%c_E", digits[i], digits[i]);
	snprintf(name + strlen(name), sizeof(name) - strlen(name), "Evv");
	clock_gettime(CLOCK_MONOTONIC, &from);
	demangle(name, out, sizeof(out));
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec < 2);
	assert_int_equal(strlen(out), sizeof(out) - 1);
	assert_memory_equal(out, "f<A<int, int>, A<A<int, int>, A<int, int> >, ", 45);
}

static void a_name_past_the_limit_is_copied_raw(void **state)
{
	char *name = malloc(6000), out[16];

	(void)state;
	memset(name, 'x', 5999);
	memcpy(name, "_ZN3foo3barE", 12);
	name[5999] = '\0';
	demangle(name, out, sizeof(out));
	assert_string_equal(out, "_ZN3foo3barExxx");
	free(name);
}

/* ---- perf maps ---- */

static struct perfmap *parse(const char *text)
{
	struct perfmap *map = NULL;

	assert_int_equal(perfmap_parse(text, strlen(text), &map), 0);
	return map;
}

static const char *at(const struct perfmap *map, uint64_t address)
{
	const char *name = perfmap_find(map, address);

	return name ? name : "-";
}

static void a_perf_map_names_its_ranges(void **state)
{
	struct perfmap *map = parse("7f2b4c0010c0 1a4 LazyCompile:*render /srv/app/render.js:12\n0x1000 0x10 with prefix\r\n");

	(void)state;
	assert_string_equal(at(map, 0x7f2b4c0010c0), "LazyCompile:*render /srv/app/render.js:12");
	assert_string_equal(at(map, 0x7f2b4c001263), "LazyCompile:*render /srv/app/render.js:12");
	assert_string_equal(at(map, 0x7f2b4c001264), "-");
	assert_string_equal(at(map, 0x100f), "with prefix");
	perfmap_free(map);
}

static void the_later_of_overlapping_entries_holds(void **state)
{
	struct perfmap *map = parse("1000 100 old\n1080 10 new\n1000 8 newest\n");

	(void)state;
	assert_string_equal(at(map, 0x1007), "newest");
	assert_string_equal(at(map, 0x1008), "old");
	assert_string_equal(at(map, 0x1080), "new");
	assert_string_equal(at(map, 0x1090), "old");
	perfmap_free(map);
}

static void lines_that_are_no_entries_are_left_out(void **state)
{
	struct perfmap *map = parse("\n \nzz 10 a\n1000\n1000 10\n1000 10 \n1000 0 empty\n10000000000000000 10 wide\n"
				    "ffffffffffffffff 10 wraps\n-1 10 minus\n2000 10 good");

	(void)state;
	assert_string_equal(at(map, 0x1000), "-");
	assert_string_equal(at(map, 0xffffffffffffffff), "-");
	assert_string_equal(at(map, 0x2000), "good");
	perfmap_free(map);
}

static void a_perf_map_is_read_from_the_file_system_but_never_from_a_fifo(void **state)
{
	struct perfmap *map = NULL;
	char path[64];
	FILE *stream;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	assert_int_equal(perfmap_load(getpid(), getpid(), &map), -ENOENT);
	stream = fopen(path, "we");
	assert_non_null(stream);
	fputs("1000 10 jitted\n", stream);
	fclose(stream);
	assert_int_equal(perfmap_load(getpid(), getpid(), &map), 0);
	assert_string_equal(at(map, 0x1000), "jitted");
	perfmap_free(map);
	map = NULL;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(perfmap_load(getpid(), getpid(), &map) < 0);
	assert_null(map);
	unlink(path);
}

/* ---- the kernel's ---- */

static void the_kernel_names_its_own_functions(void **state)
{
	struct kallsyms *kallsyms = NULL;
	unsigned long long address = 0;
	char line[512];
	FILE *stream = fopen("/proc/kallsyms", "re");

	(void)state;
	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream) && !strstr(line, " tcp_v4_connect\n"))
		;
	assert_int_equal(sscanf(line, "%llx", &address), 1);
	fclose(stream);
	if (!address) { /* addresses are hidden from this user */
		assert_int_equal(kallsyms_load(&kallsyms), -EPERM);
		return;
	}
	assert_int_equal(kallsyms_load(&kallsyms), 0);
	assert_string_equal(kallsyms_find(kallsyms, address), "tcp_v4_connect");
	assert_string_equal(kallsyms_find(kallsyms, address + 9), "tcp_v4_connect");
	assert_null(kallsyms_find(kallsyms, 0x1000));
	kallsyms_free(kallsyms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_back_as_their_authors_wrote_them),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(a_name_that_would_print_for_ages_ends_with_the_buffer),
		cmocka_unit_test(a_name_past_the_limit_is_copied_raw),
		cmocka_unit_test(a_perf_map_names_its_ranges),
		cmocka_unit_test(the_later_of_overlapping_entries_holds),
		cmocka_unit_test(lines_that_are_no_entries_are_left_out),
		cmocka_unit_test(a_perf_map_is_read_from_the_file_system_but_never_from_a_fifo),
		cmocka_unit_test(the_kernel_names_its_own_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

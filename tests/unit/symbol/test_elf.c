/* SPDX-License-Identifier: BSD-2-Clause */
/* test_elf.c - symbols and build-ids of this program, of libc, and of copies stripped by the real tools. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbol/symbol.h"
#include "unit/tool.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

int plain_function(int x);
__attribute__((noinline, noclone, used)) int plain_function(int x) { return x * 3 + 1; }
int sizeless_label(void);
int after_sizeless(void);
__asm__(".text\n.globl sizeless_label\nsizeless_label:\nnop\nnop\nnop\nret\n"
	".type after_sizeless, @function\n.globl after_sizeless\nafter_sizeless:\nret\n.size after_sizeless, .-after_sizeless\n");
static const int an_object[5] = {1, 2, 3, 4, 5};

static struct symbols *symbols_of(const char *path)
{
	struct symbols *symbols = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(symbols_from_fd(fd, &symbols), 0);
	close(fd);
	return symbols;
}

static int take_bias(struct dl_phdr_info *info, size_t size, void *out)
{
	(void)size;
	*(uint64_t *)out = info->dlpi_addr;
	return 1; /* the first one is the program */
}

static uint64_t own_address(const void *pointer)
{
	uint64_t bias = 0;

	dl_iterate_phdr(take_bias, &bias);
	return (uint64_t)(uintptr_t)pointer - bias;
}

static void a_function_is_found_by_any_of_its_addresses_and_by_name(void **state)
{
	struct symbols *symbols = symbols_of("/proc/self/exe");
	uint64_t start = 0, address = 0, size = 0;

	(void)state;
	assert_string_equal(symbols_find(symbols, own_address(plain_function), &start), "plain_function");
	assert_int_equal(start, own_address(plain_function));
	assert_int_equal(symbols_lookup(symbols, "plain_function", &address, &size), 0);
	assert_int_equal(address, start);
	assert_string_equal(symbols_find(symbols, address + size - 1, NULL), "plain_function");
	assert_int_equal(symbols_lookup(symbols, "no_such_function", &address, &size), -ENOENT);
	symbols_free(symbols);
}

static void a_label_without_size_reaches_to_the_next_symbol(void **state)
{
	struct symbols *symbols = symbols_of("/proc/self/exe");
	uint64_t label = own_address(sizeless_label);

	(void)state;
	assert_string_equal(symbols_find(symbols, label, NULL), "sizeless_label");
	assert_string_equal(symbols_find(symbols, label + 3, NULL), "sizeless_label");
	assert_string_equal(symbols_find(symbols, label + 4, NULL), "after_sizeless");
	symbols_free(symbols);
}

static void an_object_is_looked_up_but_not_found_as_code(void **state)
{
	struct symbols *symbols = symbols_of("/proc/self/exe");
	uint64_t address = 0, size = 0;

	(void)state;
	assert_int_equal(symbols_lookup(symbols, "an_object", &address, &size), 0);
	assert_int_equal(address, own_address(an_object));
	assert_int_equal(size, sizeof(an_object));
	assert_null(symbols_find(symbols, address, NULL));
	symbols_free(symbols);
}

/* libc exports read under three names and malloc under two; versions are cut off. */
static void of_several_names_the_plain_one_is_found(void **state)
{
	static const char *const names[] = {"read", "malloc", "free", "connect", "qsort"};
	struct symbols *symbols = symbols_of(LIBC);
	uint64_t address, size;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(symbols_lookup(symbols, names[i], &address, &size), 0);
		assert_string_equal(symbols_find(symbols, address, NULL), names[i]);
	}
	symbols_free(symbols);
}

/* Fedora and others leave a compressed little table in stripped objects; made here the way their build does. */
static void a_stripped_object_is_read_through_its_gnu_debugdata(void **state)
{
	char folder[] = "/tmp/connprof-test-XXXXXX", exe[64], path[128];
	struct symbols *symbols;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)getpid());
	assert_int_equal(tool_run("cd \"$1\"; cp \"$2\" full; strip -s -o bare full; objcopy --only-keep-debug full mini; xz -q mini; "
				  "objcopy --add-section .gnu_debugdata=mini.xz bare", folder, exe), 0);
	snprintf(path, sizeof(path), "%s/bare", folder);
	symbols = symbols_of(path);
	assert_string_equal(symbols_find(symbols, own_address(plain_function), NULL), "plain_function");
	symbols_free(symbols);
	assert_int_equal(tool_run("rm -r \"$1\"", folder, ""), 0);
}

static void an_object_without_symbols_is_an_empty_table(void **state)
{
	char path[] = "/tmp/connprof-test-XXXXXX", exe[64];
	struct symbols *symbols;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)getpid());
	assert_int_equal(tool_run("strip -s -o \"$1\" \"$2\"", path, exe), 0);
	symbols = symbols_of(path);
	assert_null(symbols_find(symbols, own_address(an_object), NULL));
	symbols_free(symbols);
	unlink(path);
}

static void the_vdso_has_symbols(void **state)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image;
	size_t image_size = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	struct symbols *symbols = NULL;
	uint64_t address = 0, size = 0;

	(void)state;
	assert_int_equal(symbols_from_image(image, image_size, &symbols), 0);
	assert_int_equal(symbols_lookup(symbols, "__vdso_clock_gettime", &address, &size), 0);
	assert_string_equal(symbols_find(symbols, address, NULL), "clock_gettime");
	symbols_free(symbols);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct symbols *symbols = NULL;
	uint8_t id[BUILD_ID_MAX];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(symbols_from_fd(fd, &symbols), -ENOEXEC);
	assert_int_equal(build_id_from_fd(fd, id), -ENOEXEC);
	assert_null(symbols);
	close(fd);
}

static void the_build_id_is_the_one_readelf_prints(void **state)
{
	char line[256], ours[2 * BUILD_ID_MAX + 1] = "", theirs[64] = "";
	pid_t pid = -1;
	FILE *stream = tool_open(&pid, "readelf -n \"$1\"", LIBC, "");
	uint8_t id[BUILD_ID_MAX];
	int fd = open(LIBC, O_RDONLY | O_CLOEXEC), length = build_id_from_fd(fd, id);

	(void)state;
	assert_int_equal(length, 20);
	for (int i = 0; i < length; i++)
		snprintf(ours + 2 * i, 3, "%02x", id[i]);
	while (fgets(line, sizeof(line), stream))
		sscanf(line, " Build ID: %63s", theirs);
	assert_int_equal(tool_close(pid, stream), 0);
	close(fd);
	assert_string_equal(ours, theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_found_by_any_of_its_addresses_and_by_name),
		cmocka_unit_test(a_label_without_size_reaches_to_the_next_symbol),
		cmocka_unit_test(an_object_is_looked_up_but_not_found_as_code),
		cmocka_unit_test(of_several_names_the_plain_one_is_found),
		cmocka_unit_test(a_stripped_object_is_read_through_its_gnu_debugdata),
		cmocka_unit_test(an_object_without_symbols_is_an_empty_table),
		cmocka_unit_test(the_vdso_has_symbols),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(the_build_id_is_the_one_readelf_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

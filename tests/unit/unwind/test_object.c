/* SPDX-License-Identifier: BSD-2-Clause */
/* test_object.c - rows of real objects against what binutils' readelf says of each, row by row; and files that are no such object. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/tool.h"
#include "unwind/unwind.h"

#define COLUMNS 24
#define CIES 256
#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

/* ---- readelf -wF, read ----
 *
 *   00000030 0000000000000014 00000000 CIE "zR" cf=1 df=-8 ra=16
 *      LOC           CFA      ra
 *   0000000000000000 rsp+8    c-8
 *   00000048 0000000000000024 0000001c FDE cie=00000030 pc=000000000005f020..00000000000601a0
 *      LOC           CFA      rbx   rbp   ra
 *   000000000005f020 rsp+16   u     u     c-8
 */

struct cie {
	unsigned long offset;
	int signal;
	struct unwind_row row;
};

struct checker {
	const struct unwind_rows *rows;
	struct cie cies[CIES];
	size_t cie_count;
	char columns[COLUMNS][16];
	size_t column_count;
	struct cie *cie;         /* the CIE being read, or that of the function being read */
	unsigned long start, end; /* the function; end 0: a CIE is being read */
	struct unwind_row held;  /* its row that holds from held.pc up to the next one */
	size_t compared;
};

/* Splits into words; "r10 (r10)" is one. */
static size_t words(char *line, char *out[COLUMNS])
{
	char *rest = line, *word;
	size_t count = 0;

	while (count < COLUMNS && (word = strsep(&rest, " \n")))
		if (*word && *word != '(')
			out[count++] = word;
	return count;
}

/* The row readelf's columns ask for; the CFA kind is -1 for "exp": an expression, of the PLT or another one. */
static struct unwind_row wanted(const struct checker *c, char *values[COLUMNS], size_t count)
{
	struct unwind_row row = {0};
	const char *cfa = "", *bp = "u", *sp = "u", *ra = "u";
	int bp_offset = 0;

	for (size_t i = 1; i < count && i < c->column_count; i++) {
		const char *column = c->columns[i];
		const char **to = !strcmp(column, "CFA") ? &cfa : !strcmp(column, "rbp") ? &bp : !strcmp(column, "rsp") ? &sp :
				  !strcmp(column, "ra") ? &ra : NULL;

		if (to)
			*to = values[i];
	}
	row.cfa = CFA_EXPRESSION;
	if (c->cie->signal)
		row.cfa = CFA_SIGNAL;
	else if (!strcmp(ra, "u"))
		row.cfa = CFA_ROOT;
	else if (strcmp(ra, "c-8") || strcmp(sp, "u"))
		return row;
	else if (*bp == 'c' && (bp_offset = atoi(bp + 1)) && bp_offset % 8 == 0 && bp_offset >= -1024 && bp_offset < 1024)
		row.rbp_slot = (int8_t)(bp_offset / 8);
	else if (!strcmp(bp, "exp") && !strcmp(cfa, "exp"))
		row.cfa = 0xff;
	else if (strcmp(bp, "u") && strcmp(bp, "s"))
		return row;
	if (row.cfa != CFA_EXPRESSION)
		return row;
	if (!strcmp(cfa, "exp"))
		row.cfa = 0xff;
	else if ((!strncmp(cfa, "rsp", 3) || !strncmp(cfa, "rbp", 3)) && atoi(cfa + 3) == (int16_t)atoi(cfa + 3)) {
		row.cfa = cfa[1] == 's' ? CFA_RSP : CFA_RBP;
		row.cfa_offset = (int16_t)atoi(cfa + 3);
	} else if (!strncmp(cfa, "rsp", 3) && atoi(cfa + 3) % 8 == 0 && atoi(cfa + 3) / 8 == (int16_t)(atoi(cfa + 3) / 8)) {
		row.cfa = CFA_RSP_FAR;
		row.cfa_offset = (int16_t)(atoi(cfa + 3) / 8);
	} else {
		row.rbp_slot = 0;
	}
	return row;
}

/* A row that an expression may have become; those that leave rbp to the usual rule have its slot. */
static bool of_expression(const struct unwind_row *row, int8_t slot)
{
	return row->cfa == CFA_PLT || row->cfa == CFA_EXPRESSION || row->cfa == CFA_RSP || row->cfa == CFA_REALIGNED ||
	       ((row->cfa == CFA_RSP_DEREF || row->cfa == CFA_RBP_DEREF) && row->rbp_slot == slot);
}

static void compare_at(struct checker *c, unsigned long pc)
{
	const struct unwind_row *row = unwind_rows_find(c->rows, (uint32_t)pc);
	const struct unwind_row *want = &c->held;

	if (!row)
		fail_msg("no row at %lx", pc);
	c->compared++;
	if (want->cfa == 0xff ? !of_expression(row, want->rbp_slot) :
				row->cfa != want->cfa || row->rbp_slot != want->rbp_slot || row->cfa_offset != want->cfa_offset)
		fail_msg("at %lx: kind %d slot %d offset %d, readelf: kind %d slot %d offset %d", pc, row->cfa, row->rbp_slot,
			 row->cfa_offset, want->cfa, want->rbp_slot, want->cfa_offset);
}

/* The held row ended at to: our rule at its first and last byte must be it. */
static void settle(struct checker *c, unsigned long to)
{
	if (!c->end || !c->start || to <= c->held.pc)
		return;
	compare_at(c, c->held.pc);
	compare_at(c, to - 1);
}

static void read_cie(struct checker *c, unsigned long offset, const char *line)
{
	char augmentation[16] = "";

	assert_true(c->cie_count < CIES);
	c->cie = &c->cies[c->cie_count++];
	sscanf(strchr(line, '"') + 1, "%15[^\"]", augmentation);
	*c->cie = (struct cie){ .offset = offset, .signal = strchr(augmentation, 'S') != NULL };
	c->end = 0;
}

static void read_fde(struct checker *c, unsigned long cie, unsigned long start, unsigned long end)
{
	for (size_t i = 0; i < c->cie_count; i++)
		if (c->cies[i].offset == cie)
			c->cie = &c->cies[i];
	c->start = start;
	c->end = end;
	c->held = c->cie->row;
	c->held.pc = (uint32_t)start;
}

static void read_row(struct checker *c, char *values[COLUMNS], size_t count)
{
	struct unwind_row row = wanted(c, values, count);

	row.pc = (uint32_t)strtoul(values[0], NULL, 16);
	if (!c->end) {
		c->cie->row = row;
		return;
	}
	settle(c, row.pc);
	c->held = row;
}

static void read_line(struct checker *c, char *line)
{
	unsigned long offset, cie, start, end;
	char *values[COLUMNS];
	size_t count;

	if (strstr(line, " CIE \"") && sscanf(line, "%lx", &offset) == 1) {
		settle(c, c->end);
		read_cie(c, offset, line);
		return;
	}
	if (sscanf(line, "%*x %*x %*x FDE cie=%lx pc=%lx..%lx", &cie, &start, &end) == 3) {
		settle(c, c->end);
		read_fde(c, cie, start, end);
		return;
	}
	count = words(line, values);
	if (count && !strcmp(values[0], "LOC")) {
		for (size_t i = 0; i < count; i++)
			snprintf(c->columns[i], sizeof(c->columns[i]), "%s", values[i]);
		c->column_count = count;
	} else if (count > 1 && strlen(values[0]) == 16 && strspn(values[0], "0123456789abcdef") == 16) {
		read_row(c, values, count);
	}
}

/* Compares rows with readelf's account of the file at path. Returns how many rows were compared. */
static size_t compare(const char *path, const struct unwind_rows *rows)
{
	struct checker *c = calloc(1, sizeof(*c));
	char line[1024];
	size_t compared;
	pid_t pid = -1;
	FILE *stream;

	assert_non_null(c);
	c->rows = rows;
	stream = tool_open(&pid, "readelf -wF \"$1\" 2>/dev/null", path, "");
	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream) && strncmp(line, "Contents of the .debug_frame", 28))
		read_line(c, line);
	settle(c, c->end);
	tool_close(pid, stream); /* may be ended early, by a closed pipe */
	compared = c->compared;
	free(c);
	return compared;
}

/* ---- tests ---- */

static void agrees_with_readelf(const char *path, size_t at_least)
{
	struct unwind_rows rows = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unwind_rows_from_fd(fd, NULL, &rows), 0);
	assert_int_equal(rows.rejected, 0);
	assert_true(compare(path, &rows) >= at_least);
	unwind_rows_done(&rows);
	close(fd);
}

static void libc_agrees_with_readelf_row_by_row(void **state)
{
	(void)state;
	agrees_with_readelf(LIBC, 20000);
}

static void the_dynamic_linker_agrees_with_readelf_row_by_row(void **state)
{
	(void)state;
	agrees_with_readelf("/lib64/ld-linux-x86-64.so.2", 2000);
}

static void libcrypto_agrees_with_readelf_row_by_row(void **state)
{
	(void)state;
	agrees_with_readelf("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 80000);
}

static void this_program_agrees_with_readelf_row_by_row(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)getpid());
	agrees_with_readelf(path, 100);
}

static void the_vdso_agrees_with_readelf_row_by_row(void **state)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	size_t size = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	struct unwind_rows rows = {0};
	char path[64];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, image, size), size);
	assert_int_equal(unwind_rows_from_image(image, size, &rows), 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	assert_true(compare(path, &rows) >= 10);
	unwind_rows_done(&rows);
	close(fd);
}

static uint8_t *read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint8_t *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	*size = (size_t)status.st_size;
	bytes = malloc(*size);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *size), *size);
	close(fd);
	return bytes;
}

static void without_section_headers_the_same_rows_are_found(void **state)
{
	struct unwind_rows with = {0}, without = {0};
	size_t size;
	uint8_t *image = read_file(LIBC, &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;

	(void)state;
	assert_int_equal(unwind_rows_from_image(image, size, &with), 0);
	header->e_shoff = 0;
	header->e_shnum = 0;
	header->e_shstrndx = 0;
	assert_int_equal(unwind_rows_from_image(image, size, &without), 0);
	assert_int_equal(with.count, without.count);
	assert_memory_equal(with.items, without.items, with.count * sizeof(*with.items));
	unwind_rows_done(&with);
	unwind_rows_done(&without);
	free(image);
}

static void other_files_are_refused_and_write_nothing(void **state)
{
	struct unwind_rows rows = { .count = 77 };
	size_t size;
	uint8_t *image = read_file(LIBC, &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;

	(void)state;
	assert_int_equal(unwind_rows_from_image((const uint8_t *)"#!/bin/sh\n", 10, &rows), -ENOEXEC);
	assert_int_equal(unwind_rows_from_image(image, 0, &rows), -ENOEXEC);
	header->e_machine = EM_AARCH64;
	assert_int_equal(unwind_rows_from_image(image, size, &rows), -ENOEXEC);
	header->e_machine = EM_X86_64;
	header->e_type = ET_REL;
	assert_int_equal(unwind_rows_from_image(image, size, &rows), -ENOEXEC);
	header->e_type = ET_DYN;
	header->e_shnum = 0;
	header->e_shoff = 0;
	header->e_phnum = 0;
	assert_int_equal(unwind_rows_from_image(image, size, &rows), -ENODATA);
	assert_int_equal(rows.count, 77);
	free(image);
}

static void a_file_cut_short_is_no_crash(void **state)
{
	size_t size;
	uint8_t *image = read_file(LIBC, &size);

	(void)state;
	for (size_t part = 0; part < 64; part++) {
		size_t length = size * part / 64;
		uint8_t *exact = malloc(length + 1);
		struct unwind_rows rows = {0};

		assert_non_null(exact);
		memcpy(exact, image, length);
		if (unwind_rows_from_image(exact, length, &rows) == 0)
			assert_true(rows.count > 0);
		unwind_rows_done(&rows);
		free(exact);
	}
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libc_agrees_with_readelf_row_by_row),
		cmocka_unit_test(the_dynamic_linker_agrees_with_readelf_row_by_row),
		cmocka_unit_test(libcrypto_agrees_with_readelf_row_by_row),
		cmocka_unit_test(this_program_agrees_with_readelf_row_by_row),
		cmocka_unit_test(the_vdso_agrees_with_readelf_row_by_row),
		cmocka_unit_test(without_section_headers_the_same_rows_are_found),
		cmocka_unit_test(other_files_are_refused_and_write_nothing),
		cmocka_unit_test(a_file_cut_short_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

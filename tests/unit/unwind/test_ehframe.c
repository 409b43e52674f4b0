/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ehframe.c - call frame sections made by hand, byte by byte, and the rows they must become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unwind/unwind.h"

#define SECTION_ADDRESS 0x10000
#define SIGNED4_PCREL 0x1b

/* ---- a section under construction ---- */

struct image {
	uint8_t bytes[65536];
	size_t size, open; /* open: where the entry being written begins */
};

static void put(struct image *image, uint64_t value, size_t size)
{
	assert_true(image->size + size <= sizeof(image->bytes));
	memcpy(image->bytes + image->size, &value, size);
	image->size += size;
}

static void put_bytes(struct image *image, const void *bytes, size_t size)
{
	assert_true(image->size + size <= sizeof(image->bytes));
	if (size)
		memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

static void open_entry(struct image *image)
{
	image->open = image->size;
	put(image, 0, 4);
}

static void close_entry(struct image *image)
{
	uint32_t length;

	while ((image->size - image->open) % 8)
		put(image, 0, 1); /* DW_CFA_nop */
	length = (uint32_t)(image->size - image->open - 4);
	memcpy(image->bytes + image->open, &length, 4);
}

/* The CIE every compiler writes: CFA = rsp + 8, return address at CFA - 8. Returns its offset. */
static size_t put_cie(struct image *image, const char *augmentation, uint8_t encoding)
{
	static const uint8_t initial[] = {0x0c, 7, 8, 0x80 | 16, 1};

	open_entry(image);
	put(image, 0, 4);
	put(image, 1, 1);
	put_bytes(image, augmentation, strlen(augmentation) + 1);
	put(image, 1, 1);    /* code alignment */
	put(image, 0x78, 1); /* data alignment -8 */
	put(image, 16, 1);
	if (*augmentation) {
		put(image, 1, 1);
		put(image, encoding, 1);
	}
	put_bytes(image, initial, sizeof(initial));
	close_entry(image);
	return image->open;
}

static void put_fde(struct image *image, size_t cie, uint64_t start, uint32_t length, const uint8_t *program, size_t size)
{
	open_entry(image);
	put(image, image->size - cie, 4);
	put(image, start - (SECTION_ADDRESS + image->size), 4);
	put(image, length, 4);
	put(image, 0, 1);
	put_bytes(image, program, size);
	close_entry(image);
}

static struct unwind_rows parse(const struct image *image, int debug_frame)
{
	struct unwind_section section = { .bytes = image->bytes, .size = image->size, .address = SECTION_ADDRESS,
					  .debug_frame = debug_frame };
	struct unwind_rows rows = {0};

	assert_int_equal(unwind_parse_frames(&section, &rows), 0);
	assert_int_equal(unwind_rows_sort(&rows), 0);
	return rows;
}

/* Rows as text: "pc kind slot offset; …". */
static void expect(struct unwind_rows *rows, const char *want)
{
	static const char *const kinds[] = {"none", "rsp", "rbp", "plt", "signal", "root", "expression", "far", "rsp deref",
					     "rbp deref", "realigned"};
	char text[4096] = "";

	for (size_t i = 0; i < rows->count; i++) {
		const struct unwind_row *r = &rows->items[i];

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%x %s %d %d", i ? "; " : "", r->pc, kinds[r->cfa],
			 r->rbp_slot, r->cfa_offset);
	}
	assert_string_equal(text, want);
	unwind_rows_done(rows);
}

/* One function [0x1000, 0x1100) with this program after the usual CIE. */
static struct unwind_rows one(const uint8_t *program, size_t size)
{
	static struct image image;

	memset(&image, 0, sizeof(image));
	put_fde(&image, put_cie(&image, "zR", SIGNED4_PCREL), 0x1000, 0x100, program, size);
	return parse(&image, 0);
}
#define ONE(...) one((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- programs ---- */

static void a_prologue_becomes_a_row_at_each_change(void **state)
{
	/* push %rbp; mov %rsp,%rbp; … leave */
	struct unwind_rows rows = ONE(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 0x80, 0x0c, 7, 8, 0xc6);

	(void)state;
	assert_int_equal(rows.functions, 1);
	assert_int_equal(rows.rejected, 0);
	expect(&rows, "1000 rsp 0 8; 1001 rsp -2 16; 1004 rbp -2 16; 1084 rsp 0 8; 1100 none 0 0");
}

static void remembered_state_comes_back_whole(void **state)
{
	struct unwind_rows rows = ONE(0x41, 0x0e, 16, 0x86, 2, 0x44, 0x0a, 0x0c, 7, 8, 0xc6, 0x41, 0x0b);

	(void)state;
	expect(&rows, "1000 rsp 0 8; 1001 rsp -2 16; 1005 rsp 0 8; 1006 rsp -2 16; 1100 none 0 0");
}

static void every_advance_width_moves_on(void **state)
{
	struct unwind_rows rows = ONE(0x02, 0x10, 0x0e, 16, 0x03, 0x10, 0x00, 0x0e, 24, 0x04, 0x10, 0, 0, 0, 0x0e, 32);

	(void)state;
	expect(&rows, "1000 rsp 0 8; 1010 rsp 0 16; 1020 rsp 0 24; 1030 rsp 0 32; 1100 none 0 0");
}

static void signed_and_extended_forms_say_the_same(void **state)
{
	/* def_cfa_sf rsp -2 (16), offset_extended rbp 2; def_cfa_offset_sf -3 (24), offset_extended_sf rbp 3;
	 * GNU_negative_offset_extended rbp 0 is no slot; GNU_args_size is passed over */
	struct unwind_rows rows = ONE(0x12, 7, 0x7e, 0x05, 6, 2, 0x41, 0x13, 0x7d, 0x11, 6, 3, 0x41, 0x2e, 0x20, 0x06, 6);

	(void)state;
	expect(&rows, "1000 rsp -2 16; 1001 rsp -3 24; 1002 rsp 0 24; 1100 none 0 0");
}

static void undefined_return_address_is_the_root(void **state)
{
	struct unwind_rows rows = ONE(0x07, 16);

	(void)state;
	expect(&rows, "1000 root 0 0; 1100 none 0 0");
}

static void what_a_row_cannot_say_is_left_to_libunwind(void **state)
{
	struct unwind_rows rows;

	(void)state;
	rows = ONE(0x0f, 6, 0x77, 32, 0x06, 0x08, 8, 0x22); /* CFA = *(rsp + 32) + 8 by const1u, plus */
	assert_int_equal(rows.expressions, 1);
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0f, 5, 0x77, 32, 0x06, 0x23, 16); /* CFA = *(rsp + 32) + 16 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0f, 5, 0x73, 32, 0x06, 0x23, 8); /* CFA = *(rbx + 32) + 8 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0f, 3, 0x77, 32, 0x06); /* CFA = *(rsp + 32) */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0f, 7, 0x77, 0x80, 0x80, 2, 0x06, 0x23, 8); /* CFA = *(rsp + 32768) + 8 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0f, 3, 0x76, 0x78, 0x06); /* CFA = *(rbp - 8), but rbp is not said to lie at rbp */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0c, 10, 8); /* CFA = r10 + 8 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x10, 6, 2, 0x77, 8); /* rbp at an expression */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x09, 6, 3); /* rbp in rbx */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x09, 16, 5); /* return address in rdi (vfork) */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x11, 16, 0); /* return address at CFA itself */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x05, 6, 0x81, 0x01); /* rbp at CFA - 129 * 8 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0e, 0x80, 0x80, 0x10); /* CFA = rsp + 262144 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0e, 0x81, 0x80, 0x02); /* CFA = rsp + 32769 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x0c, 6, 0x80, 0x80, 0x02); /* CFA = rbp + 32768 */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
	rows = ONE(0x16, 7, 2, 0x77, 8); /* rsp is not the CFA */
	expect(&rows, "1000 expression 0 0; 1100 none 0 0");
}

static void a_cfa_kept_in_the_frame_is_a_row(void **state)
{
	struct unwind_rows rows = ONE(0x86, 2, 0x0f, 5, 0x77, 32, 0x06, 0x23, 8); /* libcrypto: *(rsp + 32) + 8, rbp at CFA - 16 */

	(void)state;
	expect(&rows, "1000 rsp deref -2 32; 1100 none 0 0");
	rows = ONE(0x0f, 5, 0x77, 0x78, 0x06, 0x23, 8); /* in the red zone */
	expect(&rows, "1000 rsp deref 0 -8; 1100 none 0 0");
	rows = ONE(0x0f, 6, 0x76, 0x98, 1, 0x06, 0x23, 8); /* *(rbp + 152) + 8 */
	expect(&rows, "1000 rbp deref 0 152; 1100 none 0 0");
	rows = ONE(0x10, 6, 2, 0x76, 0, 0x0f, 3, 0x76, 0x58, 0x06); /* gcc: *(rbp - 40), rbp at rbp */
	expect(&rows, "1000 realigned 0 -40; 1100 none 0 0");
	rows = ONE(0x0f, 3, 0x76, 0x58, 0x06, 0x41, 0x0c, 7, 8); /* and back */
	expect(&rows, "1000 expression 0 0; 1001 rsp 0 8; 1100 none 0 0");
}

static void the_limits_of_a_row_are_reached(void **state)
{
	struct unwind_rows rows = ONE(0x0e, 0xff, 0xff, 0x01, 0x05, 6, 0x80, 0x01);

	(void)state;
	expect(&rows, "1000 rsp -128 32767; 1100 none 0 0");
	rows = ONE(0x0e, 0x80, 0x80, 0x02, 0x86, 2, 0x41, 0x0e, 0xf8, 0xff, 0x0f); /* rsp + 32768, then + 262136 */
	expect(&rows, "1000 far -2 4096; 1001 far -2 32767; 1100 none 0 0");
}

static void the_plt_expression_is_known_and_its_variants_unfolded(void **state)
{
	struct unwind_rows rows = ONE(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);

	(void)state;
	expect(&rows, "1000 plt 0 0; 1100 none 0 0");
	/* with endbr64 the push ends at byte 9; two entries of a table at 0x10e0 */
	rows = ONE(0x03, 0xe0, 0x00, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22);
	expect(&rows, "1000 rsp 0 8; 10e9 rsp 0 16; 10f0 rsp 0 8; 10f9 rsp 0 16; 1100 none 0 0");
}

static void what_lies_past_the_function_is_cut(void **state)
{
	struct unwind_rows rows = ONE(0x41, 0x0e, 16, 0x03, 0xff, 0x0f, 0x0e, 24);

	(void)state;
	expect(&rows, "1000 rsp 0 8; 1001 rsp 0 16; 1100 none 0 0");
}

static void broken_programs_are_rejected_and_leave_no_row(void **state)
{
	static const uint8_t programs[][7] = { /* 7 bytes leave no padding behind them */
		{0x0b},                                     /* restore_state without remember */
		{0x3f},                                     /* no such instruction */
		{0x41, 0x16, 6, 0x7f},                      /* expression longer than the entry */
		{0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, /* number without end */
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct unwind_rows rows = one(programs[i], 7);

		assert_int_equal(rows.rejected, 1);
		assert_int_equal(rows.functions, 0);
		expect(&rows, "");
	}
}

static void endless_remembering_is_rejected(void **state)
{
	uint8_t program[4096];
	struct unwind_rows rows;

	(void)state;
	memset(program, 0x0a, sizeof(program));
	rows = one(program, sizeof(program));
	assert_int_equal(rows.rejected, 1);
	expect(&rows, "");
}

/* ---- sections ---- */

static void a_signal_trampoline_is_found_one_byte_before_its_start(void **state)
{
	static struct image image;
	struct unwind_rows rows;
	size_t cie;

	(void)state;
	memset(&image, 0, sizeof(image));
	open_entry(&image);
	cie = image.open;
	put(&image, 0, 4);
	put(&image, 1, 1);
	put_bytes(&image, "zRS", 4);
	put_bytes(&image, (const uint8_t[]){1, 0x78, 16, 1, SIGNED4_PCREL, 0x0c, 7, 8, 0x90, 1}, 10);
	close_entry(&image);
	put_fde(&image, cie, 0x2010, 9, (const uint8_t[]){0x0f, 2, 0x77, 0}, 4);
	put_fde(&image, put_cie(&image, "zR", SIGNED4_PCREL), 0x1000, 0x100, NULL, 0);
	rows = parse(&image, 0);
	expect(&rows, "1000 rsp 0 8; 1100 none 0 0; 200f signal 0 0; 2019 none 0 0");
}

static void every_pointer_encoding_is_read(void **state)
{
	static const struct { uint8_t encoding; size_t size; int relative; } cases[] = {
		{0x00, 8, 0}, {0x02, 2, 0}, {0x03, 4, 0}, {0x04, 8, 0}, {0x0a, 2, 0}, {0x0b, 4, 0}, {0x0c, 8, 0},
		{0x10, 8, 1}, {0x13, 4, 1}, {0x1b, 4, 1}, {0x1c, 8, 1},
	};
	static struct image image;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t base = 0, start = 0x1000;
		struct unwind_rows rows;
		size_t cie;

		memset(&image, 0, sizeof(image));
		cie = put_cie(&image, "zR", cases[i].encoding);
		open_entry(&image);
		put(&image, image.size - cie, 4);
		if (cases[i].relative) {
			base = SECTION_ADDRESS + image.size;
			start = 0x20000; /* above: unsigned distances cannot go down */
		}
		put(&image, start - base, cases[i].size);
		put(&image, 0x40, cases[i].size);
		put(&image, 0, 1);
		close_entry(&image);
		rows = parse(&image, 0);
		expect(&rows, cases[i].relative ? "20000 rsp 0 8; 20040 none 0 0" : "1000 rsp 0 8; 1040 none 0 0");
	}
}

static void uleb_and_aligned_pointers_are_read(void **state)
{
	static struct image image;
	struct unwind_rows rows;
	size_t cie;

	(void)state;
	memset(&image, 0, sizeof(image));
	cie = put_cie(&image, "zR", 0x01);
	open_entry(&image);
	put(&image, image.size - cie, 4);
	put_bytes(&image, (const uint8_t[]){0x80, 0x20, 0x40, 0}, 4);
	close_entry(&image);
	rows = parse(&image, 0);
	expect(&rows, "1000 rsp 0 8; 1040 none 0 0");
	memset(&image, 0, sizeof(image));
	cie = put_cie(&image, "zR", 0x50);
	open_entry(&image);
	put(&image, image.size - cie, 4);
	while (image.size % 8)
		put(&image, 0, 1);
	put(&image, 0x1000, 8);
	put(&image, 0x40, 8);
	put(&image, 0, 1);
	close_entry(&image);
	rows = parse(&image, 0);
	expect(&rows, "1000 rsp 0 8; 1040 none 0 0");
}

static void indirect_and_omitted_starts_are_rejected(void **state)
{
	static const uint8_t encodings[] = {0x9b, 0xff, 0x60, 0x07};
	static struct image image;

	(void)state;
	for (size_t i = 0; i < sizeof(encodings); i++) {
		struct unwind_rows rows;

		memset(&image, 0, sizeof(image));
		put_fde(&image, put_cie(&image, "zR", encodings[i]), 0x1000, 0x100, NULL, 0);
		rows = parse(&image, 0);
		assert_int_equal(rows.rejected, 1);
		expect(&rows, "");
	}
}

static void debug_frame_names_its_cie_by_offset(void **state)
{
	static struct image image;
	struct unwind_rows rows;

	(void)state;
	memset(&image, 0, sizeof(image));
	open_entry(&image);
	put(&image, UINT32_MAX, 4);
	put_bytes(&image, (const uint8_t[]){4, 0, 8, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1}, 12);
	close_entry(&image);
	open_entry(&image);
	put(&image, 0, 4);
	put(&image, 0x1000, 8);
	put(&image, 0x40, 8);
	put_bytes(&image, (const uint8_t[]){0x41, 0x0e, 16}, 3);
	close_entry(&image);
	rows = parse(&image, 1);
	expect(&rows, "1000 rsp 0 8; 1001 rsp 0 16; 1040 none 0 0");
}

static void entries_behind_a_terminator_are_read(void **state)
{
	static struct image image;
	struct unwind_rows rows;

	(void)state;
	memset(&image, 0, sizeof(image));
	put_fde(&image, put_cie(&image, "zR", SIGNED4_PCREL), 0x1000, 0x10, NULL, 0);
	put(&image, 0, 4);
	put(&image, 0, 4);
	put_fde(&image, put_cie(&image, "zR", SIGNED4_PCREL), 0x1010, 0x10, NULL, 0);
	rows = parse(&image, 0);
	expect(&rows, "1000 rsp 0 8; 1020 none 0 0");
}

static void cut_anywhere_it_never_reads_past_the_end(void **state)
{
	static struct image image;

	(void)state;
	memset(&image, 0, sizeof(image));
	put_fde(&image, put_cie(&image, "zR", SIGNED4_PCREL), 0x1000, 0x10, (const uint8_t[]){0x41, 0x0e, 16, 0x86, 2}, 5);
	for (size_t size = 0; size < image.size; size++) {
		uint8_t *exact = malloc(size + 1); /* on the heap, so that the sanitizer sees one byte too far */
		struct unwind_section section = { .bytes = exact + 1, .size = size, .address = SECTION_ADDRESS };
		struct unwind_rows rows = {0};

		memcpy(exact + 1, image.bytes, size);
		assert_int_equal(unwind_parse_frames(&section, &rows), 0);
		assert_int_equal(rows.functions, 0);
		unwind_rows_done(&rows);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prologue_becomes_a_row_at_each_change),
		cmocka_unit_test(remembered_state_comes_back_whole),
		cmocka_unit_test(every_advance_width_moves_on),
		cmocka_unit_test(signed_and_extended_forms_say_the_same),
		cmocka_unit_test(undefined_return_address_is_the_root),
		cmocka_unit_test(what_a_row_cannot_say_is_left_to_libunwind),
		cmocka_unit_test(a_cfa_kept_in_the_frame_is_a_row),
		cmocka_unit_test(the_limits_of_a_row_are_reached),
		cmocka_unit_test(the_plt_expression_is_known_and_its_variants_unfolded),
		cmocka_unit_test(what_lies_past_the_function_is_cut),
		cmocka_unit_test(broken_programs_are_rejected_and_leave_no_row),
		cmocka_unit_test(endless_remembering_is_rejected),
		cmocka_unit_test(a_signal_trampoline_is_found_one_byte_before_its_start),
		cmocka_unit_test(every_pointer_encoding_is_read),
		cmocka_unit_test(uleb_and_aligned_pointers_are_read),
		cmocka_unit_test(indirect_and_omitted_starts_are_rejected),
		cmocka_unit_test(debug_frame_names_its_cie_by_offset),
		cmocka_unit_test(entries_behind_a_terminator_are_read),
		cmocka_unit_test(cut_anywhere_it_never_reads_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_ehframe.c - any bytes as .eh_frame and as .debug_frame: no crash, and rows that hold what they promise.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "unwind/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct unwind_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct unwind_row *row = &rows->items[i];

		if (i && rows->items[i - 1].pc >= row->pc)
			abort();
		if (row->cfa >= CFA_RBX || (row->cfa_offset && (row->cfa == CFA_NONE || (row->cfa >= CFA_PLT && row->cfa <= CFA_EXPRESSION))))
			abort();
		if (unwind_rows_find(rows, row->pc) != row)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int debug_frame = 0; debug_frame < 2; debug_frame++) {
		struct unwind_section section = { .bytes = data, .size = size, .address = 0x400000, .debug_frame = debug_frame };
		struct unwind_rows rows = {0};

		if (unwind_parse_frames(&section, &rows) == 0 && unwind_rows_sort(&rows) == 0)
			check(&rows);
		unwind_rows_done(&rows);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_prologue.c - any bytes as a function without call frame information: no crash, an end, and rows in order inside of it. */
#include <stdlib.h>

#include "unwind/prologue.h"

#define AT 0x1000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_rows rows = {0};

	if (prologue_follow(data, size, AT, &rows) == 0 && (!rows.count || rows.items[0].pc != AT ||
							     rows.items[rows.count - 1].cfa != CFA_NONE))
		abort();
	for (size_t i = 0; i < rows.count; i++)
		if (rows.items[i].pc > AT + size || (i && rows.items[i].pc <= rows.items[i - 1].pc))
			abort();
	unwind_rows_done(&rows);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_cpython_lines.c - any bytes as any of CPython's line tables: no crash, and no line for an offset past every entry. */
#include <stdlib.h>
#include <string.h>

#include "runtime/cpython_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int32_t first_line;
	int64_t offset;
	enum cpython_line_table kind;

	if (size < 13)
		return 0;
	kind = (enum cpython_line_table)(data[0] % 3 + 1);
	memcpy(&first_line, data + 1, sizeof(first_line));
	memcpy(&offset, data + 5, sizeof(offset));
	cpython_line(kind, data + 13, size - 13, first_line, offset);
	cpython_line(kind, data + 13, size - 13, first_line, offset & 0xffff);
	/* An entry covers at most 255 bytes of code and takes at least one byte of table. */
	if (kind != LINES_LNOTAB && cpython_line(kind, data + 13, size - 13, first_line, (int64_t)(size * 256)) != 0)
		abort();
	return 0;
}

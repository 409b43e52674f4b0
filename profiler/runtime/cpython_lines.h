/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_lines.h - from a place in a code object's bytecode to its source line: three table formats, pure functions of
 * bytes.
 *
 * Sources: Objects/lnotab_notes.txt of CPython 3.9 (co_lnotab) and of 3.10 (co_linetable), Objects/locations.md of 3.11.
 */
#ifndef CONNPROF_RUNTIME_CPYTHON_LINES_H
#define CONNPROF_RUNTIME_CPYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

enum cpython_line_table {
	LINES_LNOTAB = 1,    /* <= 3.9: pairs of unsigned address step, signed line step; the step comes before its line */
	LINES_RANGES = 2,    /* 3.10: pairs of unsigned range length, signed line step (-128: no line) */
	LINES_LOCATIONS = 3, /* >= 3.11: variable-length entries with columns */
};

/* The line of the instruction at `offset` bytes into the bytecode (negative: not started, the first line); 0: it has none,
 * or the table is malformed. */
uint32_t cpython_line(enum cpython_line_table kind, const uint8_t *table, size_t size, int32_t first_line, int64_t offset);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* cpython_lines.c - the three line table formats of CPython, read from hostile bytes. */
#include "runtime/cpython_lines.h"

#include <stdbool.h>

#define LINE_MAX_SEEN INT32_MAX
#define NO_LINE (-128)          /* 3.10: as a line step */
#define LOCATION_START 0x80     /* set in an entry's first byte only */
#define LOCATION_NONE 15        /* entry kinds */
#define LOCATION_LONG 14
#define LOCATION_NO_COLUMNS 13
#define LOCATION_ONE_LINE 10    /* to 12: the line step is the kind minus this */

static uint32_t as_line(int64_t line)
{
	return line > 0 && line <= LINE_MAX_SEEN ? (uint32_t)line : 0;
}

static uint32_t line_by_lnotab(const uint8_t *table, size_t size, int64_t line, int64_t offset)
{
	int64_t address = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		address += table[i];
		if (address > offset)
			break;
		line += (int8_t)table[i + 1];
	}
	return as_line(line);
}

static uint32_t line_by_ranges(const uint8_t *table, size_t size, int64_t line, int64_t offset)
{
	int64_t end = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		int8_t step = (int8_t)table[i + 1];

		if (step != NO_LINE)
			line += step;
		end += table[i];
		if (offset < end)
			return step == NO_LINE ? 0 : as_line(line);
	}
	return 0;
}

/* Six bits a byte, least significant first, 0x40 says that more follow; the lowest bit of the value is the sign. */
static bool read_signed(const uint8_t *table, size_t size, size_t *at, int64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < size && shift < 36; shift += 6) {
		uint8_t byte = table[(*at)++];

		value |= (uint64_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40)) {
			*out = value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
			return true;
		}
	}
	return false;
}

static uint32_t line_by_locations(const uint8_t *table, size_t size, int64_t line, int64_t offset)
{
	int64_t end = 0;
	size_t at = 0;

	while (at < size) {
		uint8_t first = table[at++];
		unsigned kind = first >> 3 & 15;
		int64_t step = 0;

		if (!(first & LOCATION_START))
			return 0;
		if (kind == LOCATION_LONG || kind == LOCATION_NO_COLUMNS) {
			if (!read_signed(table, size, &at, &step))
				return 0;
		} else if (kind >= LOCATION_ONE_LINE && kind < LOCATION_NO_COLUMNS) {
			step = kind - LOCATION_ONE_LINE;
		}
		line += step;
		end += ((first & 7) + 1) * 2; /* code units of two bytes */
		if (offset < end)
			return kind == LOCATION_NONE ? 0 : as_line(line);
		while (at < size && !(table[at] & LOCATION_START)) /* columns and end line */
			at++;
	}
	return 0;
}

uint32_t cpython_line(enum cpython_line_table kind, const uint8_t *table, size_t size, int32_t first_line, int64_t offset)
{
	if (offset < 0)
		return as_line(first_line);
	switch (kind) {
	case LINES_LNOTAB:
		return line_by_lnotab(table, size, first_line, offset);
	case LINES_RANGES:
		return line_by_ranges(table, size, first_line, offset);
	case LINES_LOCATIONS:
		return line_by_locations(table, size, first_line, offset);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* cursor.c - bounded reads of the integers and pointers that unwind sections are made of. */
#include "unwind/cursor.h"

#include <string.h>

static void fail(struct cursor *c)
{
	c->bad = true;
	c->at = c->end;
}

/* x86-64 only: the bytes are in the order of the host. */
static void read_bytes(struct cursor *c, void *out, size_t size)
{
	memset(out, 0, size);
	if (cursor_left(c) < size) {
		fail(c);
		return;
	}
	memcpy(out, c->at, size);
	c->at += size;
}

uint8_t cursor_u8(struct cursor *c)
{
	if (c->at < c->end)
		return *c->at++;
	c->bad = true;
	return 0;
}

uint16_t cursor_u16(struct cursor *c)
{
	uint16_t value;

	read_bytes(c, &value, sizeof(value));
	return value;
}

uint32_t cursor_u32(struct cursor *c)
{
	uint32_t value;

	read_bytes(c, &value, sizeof(value));
	return value;
}

uint64_t cursor_u64(struct cursor *c)
{
	uint64_t value;

	read_bytes(c, &value, sizeof(value));
	return value;
}

uint64_t cursor_uleb(struct cursor *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0; c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		if (shift > 63 || (shift == 63 && (byte & 0x7e)))
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	fail(c);
	return 0;
}

int64_t cursor_sleb(struct cursor *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0; c->at < c->end && shift <= 63;) {
		uint8_t byte = *c->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift < 64)
			value |= ~0ull << shift;
		return (int64_t)value;
	}
	fail(c);
	return 0;
}

void cursor_skip(struct cursor *c, uint64_t bytes)
{
	if (bytes > cursor_left(c))
		fail(c);
	else
		c->at += bytes;
}

struct cursor cursor_part(struct cursor *c, uint64_t bytes)
{
	struct cursor part = *c;

	cursor_skip(c, bytes);
	part.bad = c->bad;
	part.end = c->bad ? part.at : c->at;
	return part;
}

/* The stored value of a pointer, sign-extended where its format is signed. */
static uint64_t stored_pointer(struct cursor *c, uint8_t format)
{
	switch (format) {
	case 0x0: /* absptr */
	case 0x4: /* udata8 */
	case 0xc: /* sdata8 */
		return cursor_u64(c);
	case 0x1: return cursor_uleb(c);
	case 0x2: return cursor_u16(c);
	case 0x3: return cursor_u32(c);
	case 0x9: return (uint64_t)cursor_sleb(c);
	case 0xa: return (uint64_t)(int64_t)(int16_t)cursor_u16(c);
	case 0xb: return (uint64_t)(int64_t)(int32_t)cursor_u32(c);
	default:
		fail(c);
		return 0;
	}
}

uint64_t cursor_pointer(struct cursor *c, uint8_t encoding, uint64_t function)
{
	uint64_t here = cursor_address(c);

	if (encoding & POINTER_INDIRECT) { /* POINTER_OMIT too */
		fail(c);
		return 0;
	}
	switch (encoding & POINTER_BASE_MASK) {
	case 0x00: return stored_pointer(c, encoding & POINTER_FORMAT_MASK);
	case 0x10: return here + stored_pointer(c, encoding & POINTER_FORMAT_MASK);
	case 0x20: return c->text + stored_pointer(c, encoding & POINTER_FORMAT_MASK);
	case 0x30: return c->data + stored_pointer(c, encoding & POINTER_FORMAT_MASK);
	case 0x40: return function + stored_pointer(c, encoding & POINTER_FORMAT_MASK);
	case 0x50: /* aligned: an absolute pointer at the next multiple of its size */
		cursor_skip(c, -here & 7);
		return cursor_u64(c);
	default:
		fail(c);
		return 0;
	}
}

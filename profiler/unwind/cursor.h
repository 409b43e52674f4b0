/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cursor.h - reading unwind bytes front to back without ever passing their end.
 *
 * A read past the end, or of something that cannot be, sets `bad`, moves to the end and gives 0: check `bad` once after a
 * group of reads. Encodings: DWARF 5 section 7.6 (LEB128), LSB 5.0 Core 10.5.1 (DW_EH_PE_*).
 */
#ifndef CONNPROF_UNWIND_CURSOR_H
#define CONNPROF_UNWIND_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DW_EH_PE_*: the low four bits say how a pointer is stored, the next three what it is relative to. */
enum pointer_encoding {
	POINTER_ABSOLUTE = 0x00,
	POINTER_FORMAT_MASK = 0x0f,
	POINTER_BASE_MASK = 0x70,
	POINTER_INDIRECT = 0x80,
	POINTER_OMIT = 0xff,
};

struct cursor {
	const uint8_t *at, *end;
	const uint8_t *origin;   /* the byte whose ELF virtual address is `address` */
	uint64_t address;
	uint64_t text, data;     /* bases of textrel and datarel pointers */
	bool bad;
};

/* The ELF virtual address of the next byte. */
static inline uint64_t cursor_address(const struct cursor *c)
{
	return c->address + (uint64_t)(c->at - c->origin);
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint64_t cursor_uleb(struct cursor *c); /* bad past 64 bits */
int64_t cursor_sleb(struct cursor *c);
void cursor_skip(struct cursor *c, uint64_t bytes);
/* The next `bytes` bytes as a cursor of their own; c moves past them. */
struct cursor cursor_part(struct cursor *c, uint64_t bytes);
/* A pointer in an encoding; function is the base of funcrel ones. Indirect and omitted ones are bad. */
uint64_t cursor_pointer(struct cursor *c, uint8_t encoding, uint64_t function);

#endif

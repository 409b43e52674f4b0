/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ehframe.c - .eh_frame and .debug_frame sections into rows: one pass over the entries, each function's program run once.
 *
 *   entry:  length (4; or 0xffffffff and 8) | id (4 or 8) | body          psABI 0.99.6 section 3.7, DWARF 5 section 6.4.1
 *   CIE:    id 0 (.debug_frame: all ones) | version | augmentation "zPLRSB" | alignments | RA column | [data] | instructions
 *   FDE:    id = distance back to its CIE (.debug_frame: the CIE's offset) | start | length | [data] | instructions
 */
#include <errno.h>
#include <string.h>

#include "unwind/cfi.h"

/* CIEs are few and neighbours share one, but the linker may let functions point far back. */
#define CIE_CACHE 64

struct section {
	const struct unwind_section *input;
	struct cursor all;
	struct cfi_cie cache[CIE_CACHE]; /* by offset; offset UINT64_MAX: free */
};

struct entry {
	uint64_t offset;    /* of the entry in the section */
	uint64_t id_offset; /* of its id: FDEs count back from here */
	uint64_t id;
	struct cursor body; /* behind the id */
	bool wide;          /* 64-bit DWARF */
};

static uint64_t offset_of(const struct section *s, const struct cursor *c)
{
	return (uint64_t)(c->at - s->input->bytes);
}

/* Reads the entry at c and moves c past it. 0: read, 1: nothing here (a terminator), -EBADMSG. */
static int read_entry(const struct section *s, struct cursor *c, struct entry *entry)
{
	uint64_t length;

	entry->offset = offset_of(s, c);
	length = cursor_u32(c);
	entry->wide = length == UINT32_MAX;
	if (entry->wide)
		length = cursor_u64(c);
	if (length == 0 && !c->bad)
		return 1;
	entry->body = cursor_part(c, length);
	entry->id_offset = offset_of(s, &entry->body);
	entry->id = entry->wide ? cursor_u64(&entry->body) : cursor_u32(&entry->body);
	return entry->body.bad ? -EBADMSG : 0;
}

static bool is_cie(const struct section *s, const struct entry *entry)
{
	if (!s->input->debug_frame)
		return entry->id == 0;
	return entry->id == (entry->wide ? UINT64_MAX : UINT32_MAX);
}

/* The CIE's augmentation data, as the letters of its string say. False: it cannot be understood. */
static bool read_augmentation(struct cfi_cie *cie, struct cursor *body, const char *letters)
{
	struct cursor data;

	if (!*letters)
		return true;
	if (*letters != 'z')
		return false; /* without a length nothing behind it can be found ("eh" of gcc 2) */
	cie->has_length = true;
	data = cursor_part(body, cursor_uleb(body));
	for (letters++; *letters; letters++)
		switch (*letters) {
		case 'L': /* how FDEs store their LSDA, which their length lets us skip */
			cursor_u8(&data);
			break;
		case 'P': {
			uint8_t encoding = cursor_u8(&data);

			if (encoding != POINTER_OMIT)
				cursor_pointer(&data, encoding & ~POINTER_INDIRECT, 0);
			break;
		}
		case 'R':
			cie->pointer_encoding = cursor_u8(&data);
			break;
		case 'S':
			cie->signal = true;
			break;
		default: /* 'B' (arm64 only), or unknown: what is known so far stands, its length is known */
			return !data.bad;
		}
	return !data.bad;
}

static void parse_cie(const struct section *s, const struct entry *entry, struct cfi_cie *cie)
{
	struct cursor body = entry->body;
	uint8_t version = cursor_u8(&body);
	const char *letters = (const char *)body.at;
	uint64_t ra;

	memset(cie, 0, sizeof(*cie));
	cie->offset = entry->offset;
	if (!is_cie(s, entry) || (version != 1 && version != 3 && version != 4) || !memchr(letters, 0, cursor_left(&body)))
		return;
	cursor_skip(&body, strlen(letters) + 1);
	if (version == 4 && (cursor_u8(&body) != 8 || cursor_u8(&body) != 0))
		return; /* address size, segment selector size */
	cie->code_align = cursor_uleb(&body);
	cie->data_align = cursor_sleb(&body);
	ra = version == 1 ? cursor_u8(&body) : cursor_uleb(&body);
	if (ra != 16 || cie->code_align > UINT16_MAX || cie->data_align < INT16_MIN || cie->data_align > INT16_MAX)
		return;
	if (!read_augmentation(cie, &body, letters) || body.bad || cursor_left(&body) > CFI_INITIAL_BYTES_MAX)
		return;
	cie->usable = cfi_run_initial(cie, body) == 0;
}

/* The CIE at offset, parsed once while it stays in the cache. */
static const struct cfi_cie *cie_at(struct section *s, uint64_t offset)
{
	struct cfi_cie *cie = &s->cache[offset / 8 % CIE_CACHE];
	struct cursor c = s->all;
	struct entry entry;

	if (cie->offset == offset)
		return cie->usable ? cie : NULL;
	cursor_skip(&c, offset);
	if (c.bad || read_entry(s, &c, &entry) != 0)
		return NULL;
	parse_cie(s, &entry, cie);
	return cie->usable ? cie : NULL;
}

/* 0 (also when rejected), -ENOMEM or -E2BIG. */
static int parse_function(struct section *s, const struct entry *entry, struct unwind_rows *rows)
{
	uint64_t cie_offset = s->input->debug_frame ? entry->id : entry->id_offset - entry->id;
	const struct cfi_cie *cie = cie_at(s, cie_offset);
	struct cursor body = entry->body;
	uint64_t start, length;
	int code;

	if (!cie)
		goto reject;
	start = cursor_pointer(&body, cie->pointer_encoding, 0);
	length = cursor_pointer(&body, cie->pointer_encoding & POINTER_FORMAT_MASK, 0);
	if (cie->has_length)
		cursor_skip(&body, cursor_uleb(&body));
	if (body.bad || start >= UINT32_MAX || length > UINT32_MAX - start)
		goto reject;
	if (start == 0 || length == 0)
		return 0; /* its section was dropped at link time */
	code = cfi_run_function(cie, body, (uint32_t)start, (uint32_t)(start + length), rows);
	if (code == -EBADMSG)
		goto reject;
	rows->functions += code == 0;
	return code;
reject:
	rows->rejected++;
	return 0;
}

int unwind_parse_frames(const struct unwind_section *input, struct unwind_rows *rows)
{
	struct section s = { .input = input };
	struct cursor c;

	s.all = (struct cursor){ .at = input->bytes, .end = input->bytes + input->size, .origin = input->bytes,
				 .address = input->address, .text = input->text, .data = input->data };
	for (size_t i = 0; i < CIE_CACHE; i++)
		s.cache[i].offset = UINT64_MAX;
	c = s.all;
	while (cursor_left(&c) >= 4) {
		struct entry entry;
		int code = read_entry(&s, &c, &entry);

		if (code == 1)
			continue; /* crtend's terminator may lie before other objects' entries */
		if (code == 0 && is_cie(&s, &entry))
			continue;
		if (code == 0)
			code = parse_function(&s, &entry, rows);
		else
			rows->rejected++;
		if (code == -ENOMEM || code == -E2BIG)
			return code;
	}
	return 0;
}

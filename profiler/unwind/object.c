/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.c - finds the unwind sections of an ELF file or image and has them parsed.
 *
 * .eh_frame is found by its section header, else (sstrip, packed files) through PT_GNU_EH_FRAME, whose table begins with a pointer
 * to it. .debug_frame, where there is one, fills what .eh_frame leaves open. Sections are read into heap memory,
 * never mapped: the target owns the file and may cut it short at any time.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "process/elf_guard.h"
#include "unwind/cursor.h"
#include "unwind/prologue.h"
#include "unwind/unwind.h"

#define SECTION_BYTES_MAX (128u << 20) /* of one unwind section; node's is 9 MB */
#define SEGMENTS_MAX 1024

/* x86-64 executables and shared objects only. */
static int check_header(Elf *elf)
{
	GElf_Ehdr header;

	if (elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64 || !gelf_getehdr(elf, &header) ||
	    header.e_machine != EM_X86_64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return -ENOEXEC;
	return 0;
}

/* Finds both sections by name: found[0] .eh_frame, found[1] .debug_frame. Of Go's .debug_frame only a part
 * counts (go_rows): *go says that it is Go's. */
static void by_section_headers(Elf *elf, struct unwind_section found[2], bool *go)
{
	static const char *const names[] = {".eh_frame", ".debug_frame"};
	Elf_Scn *section = NULL;
	size_t seen = 0;
	while ((section = elf_nextscn(elf, section)) && seen++ < ELF_SECTIONS_MAX) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_guard_name(elf, &header) : NULL;

		*go = *go || (name && strstr(name, "gopclntab")); /* .gopclntab; position independent: .data.rel.ro.gopclntab */
		for (int i = 0; name && i < 2; i++) {
			Elf_Data *data = found[i].bytes || strcmp(name, names[i])
						 ? NULL
						 : elf_guard_bytes(section, &header, SECTION_BYTES_MAX);

			if (!data)
				continue;
			found[i] = (struct unwind_section){ .bytes = data->d_buf, .size = data->d_size,
							    .address = header.sh_addr, .debug_frame = i == 1 };
		}
	}
}

/* File bytes from an ELF virtual address to the end of the segment that holds it; NULL: none. */
static Elf_Data *segment_bytes(Elf *elf, uint64_t address)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) || count > SEGMENTS_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;
		uint64_t skip, size;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || address < p.p_vaddr ||
		    address - p.p_vaddr >= p.p_filesz)
			continue;
		skip = address - p.p_vaddr;
		size = p.p_filesz - skip < SECTION_BYTES_MAX ? p.p_filesz - skip : SECTION_BYTES_MAX;
		if (p.p_offset + skip > INT64_MAX)
			return NULL;
		return elf_getdata_rawchunk(elf, (int64_t)(p.p_offset + skip), size, ELF_T_BYTE);
	}
	return NULL;
}

/* Without section headers nothing says how long .eh_frame is: up to its terminator. */
static size_t size_to_terminator(const uint8_t *bytes, size_t size)
{
	struct cursor c = { .at = bytes, .end = bytes + size, .origin = bytes };

	while (cursor_left(&c) >= 4) {
		uint64_t length = cursor_u32(&c);

		if (length == UINT32_MAX)
			length = cursor_u64(&c);
		if (length == 0 || length > cursor_left(&c))
			break;
		cursor_skip(&c, length);
	}
	return (size_t)(c.at - bytes);
}

/* .eh_frame_hdr: version 1 | encoding of the pointer | … of the count | … of the table | pointer to .eh_frame | … (LSB 5.0 10.6.2) */
static int by_program_headers(Elf *elf, struct unwind_section *found)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) || count > SEGMENTS_MAX)
		return 0;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;
		Elf_Data *table, *frames;
		struct cursor c;
		uint64_t address;
		uint8_t encoding;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_GNU_EH_FRAME || !(table = segment_bytes(elf, p.p_vaddr)))
			continue;
		c = (struct cursor){ .at = table->d_buf, .origin = table->d_buf, .address = p.p_vaddr, .data = p.p_vaddr };
		c.end = c.at + table->d_size;
		if (cursor_u8(&c) != 1)
			continue;
		encoding = cursor_u8(&c);
		cursor_skip(&c, 2);
		address = cursor_pointer(&c, encoding, 0);
		frames = c.bad ? NULL : segment_bytes(elf, address);
		if (!frames)
			continue;
		*found = (struct unwind_section){ .bytes = frames->d_buf, .address = address,
						  .size = size_to_terminator(frames->d_buf, frames->d_size) };
		return 1;
	}
	return 0;
}

/* Go's .debug_frame says the CFA, but neither where rbp is saved nor where a goroutine's stack ends; its frame pointers do (always
 * there on x86-64), except in the innermost frame while that has not saved rbp (CFA = rsp + 8), or not moved it (+ 16). */
static void go_rows(struct unwind_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct unwind_row *row = &rows->items[i];

		if (row->cfa == CFA_RSP && (row->cfa_offset == 8 || row->cfa_offset == 16))
			*row = (struct unwind_row){row->pc, CFA_RSP_LEAF, row->cfa_offset == 16 ? -2 : 0, row->cfa_offset};
		else
			*row = (struct unwind_row){.pc = row->pc, .cfa = CFA_NONE};
	}
}

static int parse_sections(const struct unwind_section sections[2], bool go, struct unwind_rows *rows)
{
	struct unwind_rows more = {0};
	int code = 0;

	if (sections[0].bytes)
		code = unwind_parse_frames(&sections[0], rows);
	if (!code)
		code = unwind_rows_sort(rows);
	if (!code && sections[1].bytes) {
		code = unwind_parse_frames(&sections[1], &more);
		if (!code && go)
			go_rows(&more);
		if (!code)
			code = unwind_rows_sort(&more);
		if (!code)
			code = unwind_rows_fill(rows, &more);
	}
	unwind_rows_done(&more);
	return code ? code : rows->count ? 0 : -ENODATA;
}

/* patience_ns: functions without call frame information too, by their instructions; NULL: not those. */
static int rows_from_elf(Elf *elf, uint64_t *patience_ns, struct unwind_rows *rows)
{
	struct unwind_section sections[2] = {0};
	struct unwind_rows fresh = {0};
	bool go = false;
	int code;

	if (!elf)
		return -ENOEXEC;
	code = check_header(elf);
	if (code)
		goto out;
	by_section_headers(elf, sections, &go);
	if (!sections[0].bytes)
		by_program_headers(elf, &sections[0]);
	code = parse_sections(sections, go, &fresh);
	if (!code)
		unwind_rows_close_gaps(&fresh); /* before: what is not known in the middle of a decoded function stays so */
	if (!code && patience_ns && !go)
		uncovered_fill(elf, &fresh, patience_ns);
	if (!code)
		*rows = fresh;
	else
		unwind_rows_done(&fresh);
out:
	elf_end(elf);
	return code;
}

int unwind_rows_from_fd(int fd, uint64_t *patience_ns, struct unwind_rows *rows)
{
	return rows_from_elf(elf_guard_open(fd), patience_ns, rows);
}

int unwind_rows_from_image(const uint8_t *image, size_t size, struct unwind_rows *rows)
{
	return rows_from_elf(elf_guard_image(image, size), NULL, rows);
}

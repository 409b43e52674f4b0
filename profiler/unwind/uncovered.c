/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uncovered.c - functions that an object's symbols name and its call frame information leaves out: which they are, and the rows that
 * their instructions give, read in a process apart.
 *
 * Which functions are worth it is known only here: one that another symbol of code begins in the middle of may be entered there, with the
 * stack in any state, and is left alone. (A label that is an object file's own is no such symbol: compilers and assembler code use
 * them for loops.) What the child says comes function by function, and each answer is checked on its own:
 *
 *   { function, rows } row … { function, rows } row … { ALL_SAID, 0 }
 */
#include "unwind/prologue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/apart.h"
#include "base/array.h"
#include "base/clock.h"
#include "process/elf_guard.h"

#define SYMBOLS_MAX (2u << 20)
#define FUNCTIONS_MAX (8u << 10)      /* OpenBLAS: 1,391 */
#define DECODED_BYTES_MAX (32u << 20) /* of one object; numpy's OpenBLAS has 6.4 MB for 20 kinds of processor */

struct piece {
	uint32_t start, size;
	const uint8_t *code;
};

struct pieces {
	struct piece *items; /* sorted by start once they are all there */
	size_t count, capacity, bytes;
	uint32_t *entries;   /* where the symbols say that code begins; sorted like them */
	size_t entry_count, entry_capacity;
	bool too_many;
};

#define ALL_SAID UINT32_MAX /* in the place of a function, at the end */
struct head {
	uint32_t function, rows;
};

/* ---- which ---- */

/* No rule anywhere in it? */
static bool is_uncovered(const struct unwind_rows *rows, uint64_t start, uint64_t size)
{
	const struct unwind_row *row = unwind_rows_find(rows, (uint32_t)start);
	const struct unwind_row *next = row ? row + 1 : rows->items;

	return (!row || row->cfa == CFA_NONE) && (next == rows->items + rows->count || next->pc >= start + size);
}

/* The function's bytes; NULL: they are not in the file. */
static const uint8_t *code_of(Elf *elf, const GElf_Sym *symbol)
{
	Elf_Scn *section = elf_getscn(elf, symbol->st_shndx);
	GElf_Shdr header;
	Elf_Data *data;

	if (!section || !gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS || !(header.sh_flags & SHF_EXECINSTR) ||
	    symbol->st_value < header.sh_addr || symbol->st_value - header.sh_addr >= header.sh_size ||
	    symbol->st_size > header.sh_size - (symbol->st_value - header.sh_addr) ||
	    header.sh_offset > INT64_MAX - (symbol->st_value - header.sh_addr))
		return NULL;
	data = elf_getdata_rawchunk(elf, (int64_t)(header.sh_offset + (symbol->st_value - header.sh_addr)), symbol->st_size, ELF_T_BYTE);
	return data && data->d_size == symbol->st_size ? data->d_buf : NULL;
}

/* Code that others may enter: a function of any size, or a label that is not the object file's own. */
static bool is_entry(const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx < SHN_LORESERVE && symbol->st_value <= UINT32_MAX &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL));
}

static int add_entry(struct pieces *pieces, uint64_t address)
{
	int code = array_reserve(&pieces->entries, &pieces->entry_capacity, pieces->entry_count + 1, sizeof(*pieces->entries), SYMBOLS_MAX);

	if (!code)
		pieces->entries[pieces->entry_count++] = (uint32_t)address;
	return code;
}

static int add_piece(Elf *elf, const GElf_Sym *symbol, struct pieces *pieces)
{
	const uint8_t *bytes;
	int code;

	if (pieces->count == FUNCTIONS_MAX || symbol->st_size > DECODED_BYTES_MAX - pieces->bytes) {
		pieces->too_many = true;
		return 0;
	}
	bytes = code_of(elf, symbol);
	if (!bytes)
		return 0;
	code = array_reserve(&pieces->items, &pieces->capacity, pieces->count + 1, sizeof(*pieces->items), FUNCTIONS_MAX);
	if (code)
		return code;
	pieces->items[pieces->count++] = (struct piece){(uint32_t)symbol->st_value, (uint32_t)symbol->st_size, bytes};
	pieces->bytes += symbol->st_size;
	return 0;
}

static int add_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const struct unwind_rows *rows, struct pieces *pieces)
{
	Elf_Data *data = elf_guard_bytes(section, header, SYMBOLS_MAX * sizeof(Elf64_Sym));
	int code = 0;

	for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Sym) && !code; i++) {
		Elf64_Sym symbol;

		memcpy(&symbol, (const uint8_t *)data->d_buf + i * sizeof(symbol), sizeof(symbol));
		if (!is_entry(&symbol))
			continue;
		code = add_entry(pieces, symbol.st_value);
		if (!code && ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_size && symbol.st_size <= PROLOGUE_BYTES_MAX &&
		    symbol.st_value <= UINT32_MAX - symbol.st_size && is_uncovered(rows, symbol.st_value, symbol.st_size))
			code = add_piece(elf, &symbol, pieces);
	}
	return code;
}

static int by_start(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Does code begin in the middle of it? */
static bool is_entered(const struct pieces *pieces, const struct piece *piece)
{
	size_t low = 0, high = pieces->entry_count;

	while (low < high) { /* the first entry behind its first byte */
		size_t middle = (low + high) / 2;

		if (pieces->entries[middle] <= piece->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < pieces->entry_count && pieces->entries[low] < piece->start + piece->size;
}

/* Two names of one function count once; functions that overlap, or are entered in the middle, do not count. */
static void keep_separate(struct pieces *pieces)
{
	uint64_t end = 0;
	size_t kept = 0;

	qsort(pieces->items, pieces->count, sizeof(*pieces->items), by_start);
	qsort(pieces->entries, pieces->entry_count, sizeof(*pieces->entries), by_value);
	for (size_t i = 0; i < pieces->count; i++) {
		struct piece piece = pieces->items[i];
		bool overlaps = piece.start < end;

		while (i + 1 < pieces->count && !by_start(&piece, &pieces->items[i + 1]))
			i++;
		if (end < (uint64_t)piece.start + piece.size)
			end = (uint64_t)piece.start + piece.size;
		if (!overlaps && !is_entered(pieces, &piece))
			pieces->items[kept++] = piece;
	}
	pieces->count = kept;
}

static int find(Elf *elf, const struct unwind_rows *rows, struct pieces *pieces)
{
	static const uint32_t tables[] = {SHT_SYMTAB, SHT_DYNSYM};
	int code = 0;

	for (int t = 0; t < 2 && !pieces->count && !code; t++) {
		Elf_Scn *section = NULL;
		GElf_Shdr header;
		size_t seen = 0;
		bool found = false; /* a file has one of each */

		while (!found && (section = elf_nextscn(elf, section)) && seen++ < ELF_SECTIONS_MAX) {
			found = gelf_getshdr(section, &header) && header.sh_type == tables[t];
			if (found)
				code = add_symbols(elf, section, &header, rows, pieces);
		}
	}
	if (pieces->count)
		keep_separate(pieces);
	return code;
}

/* ---- what they do ---- */

static void work(void *context, FILE *out)
{
	const struct pieces *pieces = context;
	struct unwind_rows rows = {0};

	for (size_t i = 0; i < pieces->count; i++) {
		const struct piece *piece = &pieces->items[i];
		struct head head = {.function = (uint32_t)i};

		rows.count = 0;
		if (prologue_follow(piece->code, piece->size, piece->start, &rows))
			continue;
		head.rows = (uint32_t)rows.count;
		fwrite(&head, sizeof(head), 1, out);
		fwrite(rows.items, sizeof(*rows.items), rows.count, out);
	}
	fwrite(&(struct head){.function = ALL_SAID}, sizeof(struct head), 1, out);
	unwind_rows_done(&rows);
}

/* Reads exactly this much; false: the child has no more to say, or not in time. */
static bool read_whole(struct apart *apart, void *out, size_t size, uint64_t deadline_ns)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = apart_read(apart, (char *)out + got, size - got, deadline_ns);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/* Are these rows of that function, in order, to a gap at their end? */
static bool are_right(const struct unwind_row *rows, size_t count, const struct piece *piece)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t cfa = rows[i].cfa;

		if (rows[i].pc < piece->start || rows[i].pc - piece->start > piece->size || (i && rows[i].pc <= rows[i - 1].pc) ||
		    (cfa != CFA_NONE && cfa != CFA_RSP && cfa != CFA_RSP_FAR && cfa != CFA_RBP && cfa != CFA_RBX))
			return false;
	}
	return count && rows[count - 1].cfa == CFA_NONE;
}

static int take_answers(struct apart *apart, const struct pieces *pieces, uint64_t deadline_ns, struct unwind_rows *more)
{
	struct head head;
	int code = 0;

	while (!code && read_whole(apart, &head, sizeof(head), deadline_ns)) {
		if (head.function == ALL_SAID && !head.rows)
			return 0;
		if (head.function >= pieces->count || head.rows > pieces->items[head.function].size + 1)
			break;
		code = array_reserve(&more->items, &more->capacity, more->count + head.rows, sizeof(*more->items), UNWIND_ROWS_MAX);
		if (code || !read_whole(apart, more->items + more->count, head.rows * sizeof(*more->items), deadline_ns) ||
		    !are_right(more->items + more->count, head.rows, &pieces->items[head.function]))
			break;
		more->count += head.rows;
		more->functions++;
	}
	return code ? code : -ETIMEDOUT;
}

/* A negative errno: not all of them were read; what was is kept. */
static int decode_apart(struct pieces *pieces, uint64_t deadline_ns, struct unwind_rows *rows)
{
	struct unwind_rows more = {0};
	struct apart apart;
	int code = apart_start(&apart, NULL, 0, work, pieces), filled = 0;

	if (code)
		return code;
	code = take_answers(&apart, pieces, deadline_ns, &more);
	apart_end(&apart);
	if (more.count)
		filled = unwind_rows_sort(&more);
	if (more.count && !filled)
		filled = unwind_rows_fill(rows, &more);
	unwind_rows_done(&more);
	return code ? code : filled;
}

void uncovered_fill(Elf *elf, struct unwind_rows *rows, uint64_t *patience_ns)
{
	uint64_t begin_ns = clock_now_ns(), deadline_ns = begin_ns + *patience_ns, spent_ns;
	struct pieces pieces = {0};
	int code = *patience_ns ? find(elf, rows, &pieces) : -ETIMEDOUT;

	if (!code && pieces.count)
		code = decode_apart(&pieces, deadline_ns, rows);
	rows->unread = code || pieces.too_many;
	free(pieces.items);
	free(pieces.entries);
	spent_ns = clock_now_ns() - begin_ns;
	*patience_ns -= spent_ns < *patience_ns ? spent_ns : *patience_ns;
}

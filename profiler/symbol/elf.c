/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * elf.c - the symbols of one ELF object: .symtab, else .dynsym and what lies beside it.
 *
 * Of several names for one place the plainest is kept for finding (read, not __read nor __libc_read); looking up by name knows all.
 * A symbol without a size reaches to the next one, at most to the end of its section.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "process/elf_guard.h"
#include "symbol/debug_files.h"
#include "symbol/symbol.h"
#include "symbol/table.h"

#define SYMTAB_BYTES_MAX (256u << 20)

struct symbol {
	uint64_t address, size;
	uint64_t section_end;
	uint32_t name;
	uint8_t function;   /* code: may be found by address */
	uint8_t typed;      /* STT_FUNC or STT_GNU_IFUNC, not just a label */
};

struct symbols {
	struct symbol *items;
	size_t count, capacity;
	struct table table;
	bool cut;           /* there were more than are kept */
};

/* ---- reading ---- */

/* Is this symbol kept, and as what? False: not. */
static bool classify(Elf *elf, const GElf_Sym *sym, struct symbol *out)
{
	int type = GELF_ST_TYPE(sym->st_info);
	Elf_Scn *section;
	GElf_Shdr header;

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE || !sym->st_value)
		return false;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT && type != STT_NOTYPE)
		return false;
	section = elf_getscn(elf, sym->st_shndx);
	if (!section || !gelf_getshdr(section, &header) || sym->st_value < header.sh_addr ||
	    sym->st_value - header.sh_addr > header.sh_size)
		return false;
	out->address = sym->st_value;
	out->size = sym->st_size;
	out->section_end = header.sh_addr + header.sh_size;
	out->typed = type == STT_FUNC || type == STT_GNU_IFUNC;
	out->function = type != STT_OBJECT && (header.sh_flags & SHF_EXECINSTR);
	if (out->size > out->section_end - out->address)
		out->size = out->section_end - out->address;
	return out->function || type != STT_NOTYPE;
}

static int add_symbol(struct symbols *symbols, struct symbol *symbol, const char *name)
{
	size_t length = strnlen(name, TABLE_NAME_MAX);
	const char *version = memchr(name, '@', length); /* memcpy@@GLIBC_2.14 */
	int code;

	if (version && version != name)
		length = (size_t)(version - name);
	if (!length || name[0] == '$' || !strncmp(name, ".L", 2))
		return 0;
	code = table_name(&symbols->table, name, length, &symbol->name);
	if (!code)
		code = array_reserve(&symbols->items, &symbols->capacity, symbols->count + 1, sizeof(*symbols->items),
				     SYMBOLS_MAX);
	if (!code)
		symbols->items[symbols->count++] = *symbol;
	return code;
}

/* Returns how many were added, -ENOMEM, or -ENOENT: there is no such table. Past a limit the first ones stand. */
static int read_table(Elf *elf, uint32_t type, struct symbols *symbols)
{
	size_t before = symbols->count, count;
	Elf_Scn *section = NULL;
	GElf_Shdr header = {0};
	Elf_Data *data;
	int code = 0;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == type)
			break;
	data = section && header.sh_size <= SYMTAB_BYTES_MAX ? elf_getdata(section, NULL) : NULL;
	if (!data || !data->d_buf || !elf_guard_strings(elf, header.sh_link))
		return -ENOENT;
	count = data->d_size / sizeof(Elf64_Sym);
	for (size_t i = 1; i < count && i <= SYMBOLS_MAX && !code; i++) {
		struct symbol symbol = {0};
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym) || !classify(elf, &sym, &symbol))
			continue;
		name = elf_strptr(elf, header.sh_link, sym.st_name);
		if (name)
			code = add_symbol(symbols, &symbol, name);
	}
	symbols->cut |= code == -E2BIG || count > SYMBOLS_MAX;
	return code == -ENOMEM ? code : (int)(symbols->count - before);
}

static int read_debug_file(Elf *elf, const struct symbol_place *place, struct symbols *symbols)
{
	int fd = debug_file_open(elf, place), code;
	Elf *debug;

	if (fd < 0)
		return fd;
	debug = elf_guard_open(fd);
	code = debug ? read_table(debug, SHT_SYMTAB, symbols) : -ENOEXEC;
	elf_end(debug);
	close(fd);
	return code;
}

static int read_debugdata(Elf *elf, struct symbols *symbols)
{
	uint8_t *bytes = NULL;
	size_t size = 0;
	int code = debugdata_unpack(elf, &bytes, &size);
	Elf *debug;

	if (code)
		return code;
	debug = elf_guard_image(bytes, size);
	code = debug ? read_table(debug, SHT_SYMTAB, symbols) : -ENOEXEC;
	elf_end(debug);
	free(bytes);
	return code;
}

/* Everything there is, best source first. Only running out of memory is a failure. */
static int read_all(Elf *elf, const struct symbol_place *place, struct symbols *symbols)
{
	int code = read_table(elf, SHT_SYMTAB, symbols);

	if (code > 0 || code == -ENOMEM)
		return code;
	code = read_table(elf, SHT_DYNSYM, symbols);
	if (code != -ENOMEM)
		code = read_debug_file(elf, place, symbols);
	if (code <= 0 && code != -ENOMEM)
		code = read_debugdata(elf, symbols);
	return code;
}

/* ---- finding ---- */

static int leading_underscores(const char *name)
{
	return strncmp(name, "_Z", 2) && strncmp(name, "_R", 2) ? (int)strspn(name, "_") : 0;
}

/* By address; of one address the plainest name last, where it outranks the others. */
static int by_address(const void *a, const void *b, void *context)
{
	const struct symbol *x = a, *y = b;
	const struct table *table = context;
	const char *x_name = table_text(table, x->name), *y_name = table_text(table, y->name);
	int difference;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->typed != y->typed)
		return x->typed - y->typed;
	if (!x->size != !y->size)
		return x->size ? 1 : -1;
	difference = leading_underscores(y_name) - leading_underscores(x_name);
	if (!difference)
		difference = (int)strlen(y_name) - (int)strlen(x_name);
	return difference ? difference : strcmp(y_name, x_name);
}

static int fill_table(struct symbols *symbols)
{
	uint64_t next = UINT64_MAX;
	int code = 0;

	if (symbols->count)
		qsort_r(symbols->items, symbols->count, sizeof(*symbols->items), by_address, &symbols->table);
	for (size_t i = symbols->count; i-- > 0 && !code;) {
		const struct symbol *s = &symbols->items[i];
		uint64_t end = s->address + s->size;

		if (!s->function)
			continue;
		if (!s->size)
			end = next < s->section_end ? next : s->section_end;
		code = table_add(&symbols->table, s->address, end, (uint32_t)i, s->name);
		if (!i || symbols->items[i - 1].address != s->address)
			next = s->address;
	}
	return code ? code : table_build(&symbols->table);
}

static int symbols_from_elf(Elf *elf, const struct symbol_place *place, struct symbols **out)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	int code = symbols ? 0 : -ENOMEM;

	if (!code && !elf)
		code = -ENOEXEC;
	if (!code)
		code = read_all(elf, place, symbols) == -ENOMEM ? -ENOMEM : fill_table(symbols);
	if (!code)
		*out = symbols;
	else
		symbols_free(symbols);
	elf_end(elf);
	return code;
}

int symbols_from_file(int fd, const struct symbol_place *place, struct symbols **out)
{
	return symbols_from_elf(elf_guard_open(fd), place, out);
}

int symbols_from_fd(int fd, struct symbols **out)
{
	return symbols_from_file(fd, NULL, out);
}

int symbols_from_image(const uint8_t *image, size_t size, struct symbols **out)
{
	return symbols_from_elf(elf_guard_image(image, size), NULL, out);
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	table_done(&symbols->table);
	free(symbols->items);
	free(symbols);
}

size_t symbols_bytes(const struct symbols *symbols)
{
	return symbols->capacity * sizeof(*symbols->items) + table_bytes(&symbols->table);
}

bool symbols_cut(const struct symbols *symbols)
{
	return symbols->cut;
}

const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *start)
{
	const struct span *span = table_find(&symbols->table, address);

	if (!span)
		return NULL;
	if (start)
		*start = span->origin;
	return table_text(&symbols->table, span->name);
}

int symbols_lookup(const struct symbols *symbols, const char *name, uint64_t *address, uint64_t *size)
{
	for (size_t i = 0; i < symbols->count; i++) {
		if (strcmp(table_text(&symbols->table, symbols->items[i].name), name))
			continue;
		*address = symbols->items[i].address;
		*size = symbols->items[i].size;
		return 0;
	}
	return -ENOENT;
}

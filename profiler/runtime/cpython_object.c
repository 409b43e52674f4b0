/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_object.c - finds the interpreter among a process's objects: libpython, or the executable itself when it is
 * linked in. Symbols come from .dynsym, which stripping keeps, then from .symtab. The file is the target's: libelf
 * checks its structure, sizes are limited here.
 */
#include "runtime/cpython_object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "process/elf_guard.h"

#define SECTION_BYTES_MAX (64u << 20)
#define OBJECTS_TRIED_MAX 16
#define EVAL_FUNCTION "_PyEval_EvalFrameDefault"

/* "libpython3.8.so.1.0", "python3.11", "libpython3.7m.so": the version after "python". */
static void version_from_name(const char *name, struct cpython_object *out)
{
	const char *at = strstr(name, "python");
	unsigned major, minor;

	if (at && sscanf(at, "python%1u.%2u", &major, &minor) == 2) {
		out->major = major;
		out->minor = minor;
	}
}

static Elf_Data *section_data(Elf_Scn *section, GElf_Shdr *header)
{
	if (!gelf_getshdr(section, header) || header->sh_type == SHT_NOBITS || header->sh_size > SECTION_BYTES_MAX)
		return NULL;
	return elf_getdata(section, NULL);
}

/* Is name the eval function or a part the compiler split off ("….cold", "….part.0")? */
static bool is_eval_name(const char *name)
{
	size_t length = sizeof(EVAL_FUNCTION) - 1;

	return !strncmp(name, EVAL_FUNCTION, length) && (name[length] == '\0' || name[length] == '.');
}

static void add_eval(struct cpython_object *out, uint64_t start, uint64_t size)
{
	for (size_t i = 0; i < out->eval_count; i++)
		if (out->eval[i].start == start)
			return;
	if (size && start + size > start && out->eval_count < CPYTHON_RANGES_MAX)
		out->eval[out->eval_count++] = (struct cpython_range){start, start + size};
}

static void take_symbol(struct cpython_object *out, const char *name, uint64_t address, uint64_t size)
{
	if (!strcmp(name, "_PyRuntime"))
		out->runtime = address;
	else if (!strcmp(name, "interp_head"))
		out->interp_head = address;
	else if (!strcmp(name, "PyInterpreterState_Head"))
		out->interp_reader = address;
	else if (!strcmp(name, "_PyThreadState_Current"))
		out->current_state = address;
	else if (!strcmp(name, "Py_Version"))
		out->version_symbol = address;
	else if (!strcmp(name, "PyCode_Type"))
		out->code_type = address;
	else if (!strcmp(name, "PyUnicode_Type"))
		out->str_type = address;
	else if (!strcmp(name, "PyLong_Type"))
		out->int_type = address;
	else if (is_eval_name(name))
		add_eval(out, address, size);
}

static void read_symbols(Elf *elf, uint64_t bias, GElf_Word type, struct cpython_object *out)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		Elf_Data *data;
		size_t count;

		if (!gelf_getshdr(section, &header) || header.sh_type != type || !elf_guard_strings(elf, header.sh_link) ||
		    !(data = section_data(section, &header)))
			continue;
		count = data->d_size / sizeof(Elf64_Sym);
		for (size_t i = 0; i < count && i < INT32_MAX; i++) {
			const char *name;
			GElf_Sym symbol;

			if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
				continue;
			name = elf_strptr(elf, header.sh_link, symbol.st_name);
			if (name)
				take_symbol(out, name, bias + symbol.st_value, symbol.st_size);
		}
		return; /* gABI: an object has one of each; more are forged, and libelf would keep the bytes of all */
	}
}

/* Is text, of length bytes, a release like "3.8.18" or "2.7.18+"? */
static bool parse_release(const char *text, size_t length, unsigned *major, unsigned *minor, unsigned *micro)
{
	char copy[16];
	int end = 0;

	if (length < 5 || length >= sizeof(copy) || (text[0] != '2' && text[0] != '3') || text[1] != '.')
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (sscanf(copy, "%1u.%2u.%3u%n", major, minor, micro, &end) != 3)
		return false;
	return copy[end] == '\0' || copy[end] == '+' || copy[end] == 'a' || copy[end] == 'b' || copy[end] == 'r';
}

/* Where a release number would start at the end of the string [start, zero): linkers merge a string into the tail of
 * another ("/opt/python/3.8.18"). */
static const char *tail_number(const char *start, const char *zero)
{
	const char *at = zero;

	while (at > start && zero - at < 12 && memchr("0123456789.+abrc", at[-1], 16))
		at--;
	while (at < zero && (*at < '0' || *at > '9'))
		at++;
	return at;
}

/* PY_VERSION is a string constant of every build. Other libraries' numbers may be linked in ("3.40.1" of SQLite): what the
 * name says wins if it is there; else the only plausible one. */
static void read_release(Elf *elf, struct cpython_object *out)
{
	unsigned found_major = 0, found_minor = 0, found_micro = 0, kinds = 0, major, minor, micro;
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || !(name = elf_strptr(elf, names, header.sh_name)) ||
		    strcmp(name, ".rodata") || !(data = section_data(section, &header)) || !data->d_buf)
			continue;
		for (const char *at = data->d_buf, *end = at + data->d_size, *zero; at < end; at = zero + 1) {
			zero = memchr(at, '\0', (size_t)(end - at));
			if (!zero)
				break;
			at = tail_number(at, zero);
			if (!parse_release(at, (size_t)(zero - at), &major, &minor, &micro) || (major == 3 && minor > 30))
				continue;
			if (out->major == major && out->minor == minor) {
				out->micro = (int)micro;
				return;
			}
			kinds += found_major != major || found_minor != minor;
			found_major = major;
			found_minor = minor;
			found_micro = micro;
		}
		break; /* likewise */
	}
	if (kinds == 1) {
		out->major = found_major;
		out->minor = found_minor;
		out->micro = (int)found_micro;
	}
}

/* What is added to the object's addresses: by its first executable segment and the mapping of it. */
static int find_bias(Elf *elf, const struct process_map *map, uint64_t *bias)
{
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return -ENOEXEC;
	for (size_t i = 0; i < count && i < 256; i++) {
		GElf_Phdr segment;
		uint64_t page;

		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
			continue;
		page = segment.p_offset & ~4095ull;
		if (map->offset < page || map->offset >= segment.p_offset + segment.p_filesz)
			continue;
		*bias = map->start - map->offset + segment.p_offset - segment.p_vaddr;
		return 0;
	}
	return -ENOEXEC;
}

static bool same_file(const struct process_map *a, const struct process_map *b)
{
	return a->device == b->device && a->inode == b->inode;
}

static void add_code_ranges(const struct process_maps *maps, const struct process_map *map, struct cpython_object *out)
{
	for (size_t i = 0; i < maps->count && out->code_count < CPYTHON_RANGES_MAX; i++)
		if (maps->items[i].execute && same_file(&maps->items[i], map))
			out->code[out->code_count++] = (struct cpython_range){maps->items[i].start, maps->items[i].end};
}

static int read_elf(Elf *elf, const struct process_map *map, struct cpython_object *out)
{
	GElf_Ehdr header;
	uint64_t bias;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) || gelf_getclass(elf) != ELFCLASS64 ||
	    header.e_machine != EM_X86_64 || find_bias(elf, map, &bias))
		return -ENOENT;
	read_symbols(elf, bias, SHT_DYNSYM, out);
	if (!out->eval_count && !out->runtime && !strstr(text_base_name(map->path), "python"))
		return -ENOENT; /* do not read the whole symbol table of what is no Python */
	if (!out->runtime || out->minor < 10) /* 3.6's local interp_head; the eval function's parts where there are no anchors */
		read_symbols(elf, bias, SHT_SYMTAB, out);
	if (!out->runtime && !out->eval_count)
		return -ENOENT;
	read_release(elf, out);
	return 0;
}

static int read_object(const struct process_identity *process, const struct process_maps *maps,
		       const struct process_map *map, struct cpython_object *out)
{
	struct cpython_object object = {.micro = -1};
	int fd, code = -ENOENT;
	Elf *elf;

	if (strstr(text_base_name(map->path), "pypy")) {
		object.pypy = true;
		*out = object;
		return 0;
	}
	fd = process_open_map(process->pid, map, NULL);
	if (fd < 0)
		return -ENOENT;
	version_from_name(text_base_name(map->path), &object);
	if ((elf = elf_guard_open(fd))) {
		code = read_elf(elf, map, &object);
		elf_end(elf);
	}
	close(fd);
	if (!code) {
		add_code_ranges(maps, map, &object);
		*out = object;
	}
	return code;
}

/* A library by that name, or the executable (whatever its name): the interpreter may be linked into it. */
static bool is_candidate(const struct process_identity *process, const struct process_map *map)
{
	const char *name = text_base_name(map->path);

	return map->execute && map->path[0] == '/' && (!strcmp(map->path, process->exe) || !strncmp(name, "libpython", 9) ||
		!strncmp(name, "python", 6) || !strncmp(name, "libpypy", 7));
}

int cpython_object_find(const struct process_identity *process, const struct process_maps *maps, struct cpython_object *out)
{
	size_t tried = 0;

	for (size_t i = 0; i < maps->count && tried < OBJECTS_TRIED_MAX; i++) {
		const struct process_map *map = &maps->items[i];

		if (!is_candidate(process, map) || (i && maps->items[i - 1].execute && same_file(map, &maps->items[i - 1])))
			continue;
		tried++;
		if (read_object(process, maps, map, out) == 0)
			return 0;
	}
	return -ENOENT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dwarf.c - file, line and inlined functions of addresses, by libdw.
 *
 * One pass over the units: a unit that holds none of the addresses costs a look at its ranges; in one that does, the tree of
 * entries is gone down once an address. What an address shows, innermost first:
 *
 *   subprogram outer                     call_file:call_line of middle             -> "outer", the real frame
 *     inlined_subroutine middle          call_file:call_line of inner              -> inlined "middle"
 *       inlined_subroutine inner         line of the address in the line table     -> inlined "inner"
 *
 * Where there is a line table but no function (assembler), the one frame has no name.
 */
#include "symbol/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define SCOPES_MAX 256   /* entries gone down for one address */
#define NAMESPACES_MAX 16/* namespaces and types one in the other, above a function */
#define NAME_BYTES 1024

struct search {
	const uint64_t *addresses; /* sorted */
	size_t count;
	source_found *found;
	void *context;
	Dwarf_Die unit;
	Dwarf_Files *files;
	bool *told;                /* by address; owned by dwarf_read */
};

/* The functions at one address, outermost first. */
struct chain {
	Dwarf_Die items[SOURCE_FRAMES_MAX];
	size_t count;
};

/* ---- names and places ---- */

static void name_of(Dwarf_Die *die, char *out, size_t size)
{
	Dwarf_Attribute attribute;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));

	if (!name)
		name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute));
	if (!name)
		name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
	demangle(name ? name : "", out, size);
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;

	if (dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &value) || value > INT32_MAX)
		return 0;
	return (uint32_t)value;
}

static const char *call_file(const struct search *search, Dwarf_Die *die)
{
	const char *file = search->files ? dwarf_filesrc(search->files, number_of(die, DW_AT_call_file), NULL, NULL) : NULL;

	return file ? file : "";
}

static void tell(const struct search *search, size_t index, struct chain *chain)
{
	char names[SOURCE_FRAMES_MAX][NAME_BYTES];
	struct source_frame frames[SOURCE_FRAMES_MAX];
	Dwarf_Die unit = search->unit;
	Dwarf_Line *line = dwarf_getsrc_die(&unit, search->addresses[index]);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;

	if (line)
		dwarf_lineno(line, &number);
	for (size_t i = 0; i < chain->count; i++) {
		Dwarf_Die *die = &chain->items[chain->count - 1 - i];

		name_of(die, names[i], sizeof(names[i]));
		frames[i] = (struct source_frame){.function = names[i], .file = file ? file : "",
						  .line = number > 0 ? (uint32_t)number : 0,
						  .first_line = number_of(die, DW_AT_decl_line)};
		file = call_file(search, die);
		number = (int)number_of(die, DW_AT_call_line);
	}
	if (!chain->count && line)
		frames[chain->count++] = (struct source_frame){.function = "", .file = file ? file : "",
							       .line = number > 0 ? (uint32_t)number : 0};
	search->told[index] = true;
	if (chain->count)
		search->found(search->context, index, frames, chain->count);
}

/* ---- the tree ---- */

/* The child of *die that covers the address takes its place. False: none does. */
static bool go_down(Dwarf_Die *die, uint64_t address)
{
	Dwarf_Die child;
	int more = dwarf_child(die, &child);

	for (; more == 0; more = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);

		if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
		     tag == DW_TAG_catch_block || tag == DW_TAG_subprogram) && dwarf_haspc(&child, address) > 0) {
			*die = child;
			return true;
		}
	}
	return false;
}

static void resolve(const struct search *search, Dwarf_Die *function, size_t index)
{
	struct chain chain = {.count = 1};
	Dwarf_Die die = *function;

	if (search->told[index]) /* an alias of the function that told it: one of them has to do */
		return;
	chain.items[0] = die;
	for (int depth = 0; depth < SCOPES_MAX && go_down(&die, search->addresses[index]); depth++) {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram) /* one function nested in another is called, not inlined */
			chain.count = 0;
		if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram) && chain.count < SOURCE_FRAMES_MAX)
			chain.items[chain.count++] = die;
	}
	tell(search, index, &chain);
}

static size_t first_from(const struct search *search, uint64_t address)
{
	size_t low = 0, high = search->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void resolve_untold(const struct search *search, Dwarf_Die *die, size_t index)
{
	struct chain none = {0};

	(void)die;
	if (!search->told[index])
		tell(search, index, &none);
}

/* Calls visit, unless it is NULL, for each address in the ranges of an entry. Returns how many there are. */
static size_t each_address(const struct search *search, Dwarf_Die *die,
			   void (*visit)(const struct search *search, Dwarf_Die *die, size_t index))
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	size_t count = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0)
		for (size_t i = first_from(search, low); i < search->count && search->addresses[i] < high; i++) {
			count++;
			if (visit)
				visit(search, die, i);
		}
	return count;
}

/* Functions lie in a unit, or (C++, Rust) in its namespaces and types. */
static void each_function(const struct search *search, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	for (; more == 0; more = dwarf_siblingof(&die, &die))
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			each_address(search, &die, resolve);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			if (depth < NAMESPACES_MAX && dwarf_haschildren(&die) > 0)
				each_function(search, &die, depth + 1);
			break;
		default:
			break;
		}
}

static void each_unit(Dwarf *dwarf, struct search *search)
{
	Dwarf_CU *unit = NULL;
	uint8_t kind;

	while (dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &search->unit, NULL) == 0) {
		if ((kind != DW_UT_compile && kind != DW_UT_skeleton) || !each_address(search, &search->unit, NULL))
			continue;
		search->files = NULL;
		if (dwarf_getsrcfiles(&search->unit, &search->files, NULL))
			search->files = NULL;
		each_function(search, &search->unit, 0);
		each_address(search, &search->unit, resolve_untold);
	}
}

int dwarf_read(int fd, int alt_fd, const uint64_t *addresses, size_t count, source_found *found, void *context)
{
	struct search search = {.addresses = addresses, .count = count, .found = found, .context = context};
	Dwarf *dwarf = NULL, *alt = NULL;
	int code = -ENOMEM;

	search.told = calloc(count + 1, sizeof(*search.told));
	if (!search.told)
		goto out;
	dwarf = dwarf_begin(fd, DWARF_C_READ);
	alt = alt_fd >= 0 ? dwarf_begin(alt_fd, DWARF_C_READ) : NULL;
	if (dwarf && alt)
		dwarf_setalt(dwarf, alt);
	code = dwarf ? 0 : -ENODATA;
	if (dwarf)
		each_unit(dwarf, &search);
out:
	dwarf_end(dwarf);
	dwarf_end(alt);
	free(search.told);
	return code;
}

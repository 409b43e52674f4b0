/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h - names of address ranges that may overlap: at each address the range of the highest rank is the one found.
 *
 * Fill (table_name, table_add), build once, find. Internal to symbol/.
 */
#ifndef CONNPROF_SYMBOL_TABLE_H
#define CONNPROF_SYMBOL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_SPANS_MAX (2u << 20)   /* ranges in one table */
#define TABLE_NAMES_MAX (256u << 20) /* bytes of names */
#define TABLE_NAME_MAX 4096          /* bytes of one name; longer ones are cut */

struct span {
	uint64_t start, end;
	uint64_t origin;     /* where the range began before others were laid over it */
	uint32_t name;       /* offset in names */
	uint32_t rank;
};

struct table {
	struct span *items;  /* after table_build: sorted, no two overlap; owned */
	size_t count, capacity;
	char *names;         /* each with its NUL; owned */
	size_t names_size, names_capacity;
};

/* Keeps a copy of a name of length bytes (control characters untouched): 0, -ENOMEM or -E2BIG. */
int table_name(struct table *table, const char *name, size_t length, uint32_t *out);
/* Empty ranges are left out. 0, -ENOMEM or -E2BIG. */
int table_add(struct table *table, uint64_t start, uint64_t end, uint32_t rank, uint32_t name);
int table_build(struct table *table);
/* NULL: none. Borrowed. */
const struct span *table_find(const struct table *table, uint64_t address);
const char *table_text(const struct table *table, uint32_t name);
size_t table_bytes(const struct table *table);
void table_done(struct table *table);

#endif

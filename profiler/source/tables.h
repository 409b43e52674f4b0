/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.h - room in the two tables the kernel walker reads: unwind rows, once per object, and mappings, a run per process
 * image. A run of mappings that was replaced may still be read by a walk on another CPU: it is used again only after
 * TABLES_GRACE_NS.
 */
#ifndef CONNPROF_SOURCE_TABLES_H
#define CONNPROF_SOURCE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

#define TABLES_GRACE_NS 1000000000u

struct tables;

/* rows, mappings: the mapped tables, borrowed. NULL when out of memory. */
struct tables *tables_new(struct unwind_row *rows, size_t row_capacity, struct mapping_row *mappings,
			  size_t mapping_capacity);
void tables_free(struct tables *tables);

/* Copies rows in; *first is their place. 0, or -ENOSPC (counted in tables_refused). */
int tables_add_rows(struct tables *tables, const struct unwind_row *rows, size_t count, uint32_t *first);
/* Copies a run of mappings in; *first is its place. 0, -ENOMEM or -ENOSPC. */
int tables_add_mappings(struct tables *tables, const struct mapping_row *rows, size_t count, uint64_t now_ns,
			uint32_t *first);
/* Gives a run back. */
void tables_retire_mappings(struct tables *tables, uint32_t first, uint64_t now_ns);

size_t tables_row_count(const struct tables *tables);
size_t tables_refused(const struct tables *tables);

#endif

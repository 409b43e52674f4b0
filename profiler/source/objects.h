/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.h - the ELF files mapped by followed processes, each once, whoever maps it: its unwind rows in the kernel's table,
 * its segments, and its symbols when first asked for.
 *
 * The key is device + inode + mtime + size (a path is not an identity); the vdso is one object for all. The file stays open until
 * its symbols are read, so that an upgrade or an exit in between loses nothing.
 */
#ifndef CONNPROF_SOURCE_OBJECTS_H
#define CONNPROF_SOURCE_OBJECTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/recording.h"
#include "process/process.h"
#include "source/tables.h"
#include "symbol/symbol.h"

struct object;
struct objects;

/* NULL when out of memory. Rows go to tables (borrowed), which may be NULL: then none are read. */
struct objects *objects_new(struct tables *tables);
void objects_free(struct objects *objects);

/* The object behind an executable mapping of pid: borrowed until objects_free; NULL: not an ELF file, or unreadable. */
struct object *objects_get(struct objects *objects, pid_t pid, const struct process_map *map);

/* Target address - bias = ELF virtual address, for this mapping of the object. */
uint64_t object_bias(const struct object *object, const struct process_map *map);
/* Its rows in the kernel's table; count 0: none. */
void object_rows(const struct object *object, uint32_t *first, uint32_t *count);
const char *object_path(const struct object *object); /* as mapped first */
/* Name of the function at an ELF virtual address, raw; NULL: none. Reads the symbols at the first call. */
const char *object_symbol(struct object *object, uint64_t address);

/* Where a function of that name begins, in the file, and its size: 0 or -ENOENT. Reads the symbols at the first call. */
int object_function(struct object *object, const char *name, uint64_t *address, uint64_t *offset, uint64_t *size);

/* The file with its debug info, kept open since its symbols were read (borrowed, like *alt_fd; -1: none): symbol.h, source_open. */
int object_source(const struct object *object, int *alt_fd);
/* Its build-id, if it has no debug info at hand: bytes written to id, 0: none, or there is no need of it. */
int object_wanted_id(const struct object *object, uint8_t id[BUILD_ID_MAX]);

/* What was met and not taken in: each is counted, and told as a note at the end, with the first object's name. */
enum object_trouble {
	OBJECT_TOO_MANY,        /* OBJECTS_MAX are known already */
	OBJECT_UNOPENED,        /* the file is there, but could not be opened */
	OBJECT_UNWIND_REFUSED,  /* its ELF structure or unwind information is damaged, or past a limit */
	OBJECT_SYMBOLS_CUT,     /* it has more symbols than are read */
	OBJECT_SYMBOLS_UNREAD,  /* the symbols read so far take SYMBOL_BYTES_MAX */
	OBJECT_CODE_UNREAD,     /* functions without call frame information: too many, or DECODE_PATIENCE_NS are used up */
	OBJECT_SOURCE_UNREAD,   /* SOURCES_OPEN_MAX objects keep their debug info open */
	OBJECT_TROUBLES,
};
#define OBJECTS_MAX 8192
#define SYMBOL_BYTES_MAX ((size_t)1 << 30) /* of all objects together */
#define SOURCES_OPEN_MAX 128
#define DECODE_PATIENCE_NS 4000000000ull /* for all objects together */
size_t objects_trouble(const struct objects *objects, enum object_trouble trouble);
void objects_tell(const struct objects *objects, struct connprof_recording *recording);

/* How many rows the objects that pid maps would need, for sizing the table: a guess from the sizes of .eh_frame. */
size_t objects_guess_rows(pid_t pid);

#endif

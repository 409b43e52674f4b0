/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * symbol.h - addresses to function names. Symbol tables are read once per object (keyed by build-id, else device + inode +
 * mtime + size) and kept in a cache with a cap; names come out demangled.
 */
#ifndef CONNPROF_SYMBOL_SYMBOL_H
#define CONNPROF_SYMBOL_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- elf.c: one object's symbols ---- */

#define BUILD_ID_MAX 20
#define SYMBOLS_MAX (2u << 20)      /* symbols kept of one object */

struct symbols;
/* Where an object was found: a process that maps it and the path it has there. Its debug file may lie beside it. */
struct symbol_place {
	pid_t pid;
	const char *path;
};
/* Function symbols of an ELF fd: .symtab, else .dynsym plus the .symtab of a separate debug file (debug_files.h) or of
 * .gnu_debugdata. place may be NULL. 0 or -errno; an object without symbols is an empty table, not an error. */
int symbols_from_file(int fd, const struct symbol_place *place, struct symbols **out);
int symbols_from_fd(int fd, struct symbols **out);
int symbols_from_image(const uint8_t *image, size_t size, struct symbols **out);
void symbols_free(struct symbols *symbols);
/* Bytes it takes; and whether the object had more symbols than are kept. */
size_t symbols_bytes(const struct symbols *symbols);
bool symbols_cut(const struct symbols *symbols);
/* Raw (mangled) name of the function that covers the ELF virtual address, NULL: none. *start (may be NULL) is where it begins. Borrowed. */
const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *start);
/* Address and size of a named symbol (functions and objects, .dynsym and .symtab): 0 or -ENOENT. */
int symbols_lookup(const struct symbols *symbols, const char *name, uint64_t *address, uint64_t *size);

/* ---- returns.c ---- */

#define RETURNS_BYTES_MAX 8192    /* of a function whose return instructions are looked for */
#define RETURNS_MAX 32

/* Where a function's return instructions are, from its beginning, for a breakpoint there: their count, or -EBADMSG (not all of it
 * decodes), -ENOTSUP (it may leave without returning), -ENOENT (it has none), -E2BIG (more than RETURNS_MAX), or another
 * negative errno. */
int returns_find(const uint8_t *code, size_t size, uint64_t address, size_t out[RETURNS_MAX]);

/* ---- source_lines.c: file, line and inlined functions, from debug info ---- */

/* The file that has an object's .debug_info: itself, or a debug file (debug_files.h); *alt_fd: the file that one shares with others
 * (.gnu_debugaltlink), or -1. Both owned by the caller. The descriptor, or -ENOENT: there is none. */
int source_open(int fd, const struct symbol_place *place, int *alt_fd);

#define SOURCE_FRAMES_MAX 32       /* functions shown for one address */
#define SOURCE_ADDRESSES_MAX (1u << 20)

struct source_frame {
	const char *function;      /* demangled; "": not known */
	const char *file;          /* as compiled; "": not known */
	uint32_t line;             /* 0: not known */
	uint32_t first_line;       /* where the function is declared; 0: not known */
};
/* What an address shows, innermost first: all but the last are inlined. Strings last for the call. */
typedef void source_found(void *context, size_t index, const struct source_frame *frames, size_t count);

/* Reads debug info (fd: the file that has .debug_info; alt_fd: the one it shares with others, or -1) for sorted addresses, in a
 * process that can do nothing else (apart.h), until deadline_ns (CLOCK_MONOTONIC). found is called for each address that is known,
 * also where the rest was not reached. 0, -ETIMEDOUT, -EPROTO (the reader broke off: damaged or forged), or another negative errno. */
int source_lines(int fd, int alt_fd, const uint64_t *addresses, size_t count, uint64_t deadline_ns, source_found *found,
		 void *context);

/* ---- debuginfod.c ---- */
/* Has the user named a server ($DEBUGINFOD_URLS)? Else none is ever asked. */
bool debuginfod_wanted(void);
/* A descriptor of the debug file for a build-id, from the server or from the client's cache, owned by the caller. -ENOENT: nobody
 * has it, -ELIBACC: the client library is not installed, -ETIMEDOUT, -EINTR, or another negative errno. */
int debuginfod_open(const uint8_t *id, int length, uint64_t deadline_ns);

/* ---- demangle.c ---- */
/* C++ (Itanium), Rust v0 and legacy, D; other names are copied. Writes a terminated string. */
void demangle(const char *name, char *out, size_t size);

/* ---- kallsyms.c ---- */
struct kallsyms;
int kallsyms_load(struct kallsyms **out);            /* -EPERM when addresses are hidden (kptr_restrict) */
void kallsyms_free(struct kallsyms *kallsyms);
const char *kallsyms_find(const struct kallsyms *kallsyms, uint64_t address); /* borrowed; NULL: none */

/* ---- perfmap.c: /tmp/perf-PID.map of a JIT, by the namespaced pid, through the target's root ---- */
#define PERF_MAP_BYTES_MAX (64u << 20)
struct perfmap;
int perfmap_load(pid_t pid, pid_t namespace_pid, struct perfmap **out); /* -ENOENT: none */
int perfmap_parse(const char *text, size_t length, struct perfmap **out);
void perfmap_free(struct perfmap *map);
size_t perfmap_bytes(const struct perfmap *map);
const char *perfmap_find(const struct perfmap *map, uint64_t address);

/* ---- build-id ---- */
/* Bytes of the GNU build-id note written to id (at most BUILD_ID_MAX), 0: none, or -errno. */
int build_id_from_fd(int fd, uint8_t id[BUILD_ID_MAX]);
int build_id_from_image(const uint8_t *image, size_t size, uint8_t id[BUILD_ID_MAX]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * symbol.h - addresses to function names. Symbol tables are read once per object (keyed by build-id, else device + inode +
 * mtime + size) and kept in a cache with a cap; names come out demangled.
 */
#ifndef CONNPROF_SYMBOL_SYMBOL_H
#define CONNPROF_SYMBOL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- elf.c: one object's symbols ---- */

#define SYMBOLS_MAX (2u << 20)      /* symbols kept of one object */

struct symbols;
/* Function symbols of an ELF fd: .symtab, else .dynsym plus .gnu_debugdata, plus a separate debug file (by build-id under
 * /usr/lib/debug) where there is one. 0 or -errno; an object without symbols is an empty table, not an error. */
int symbols_from_fd(int fd, struct symbols **out);
int symbols_from_image(const uint8_t *image, size_t size, struct symbols **out);
void symbols_free(struct symbols *symbols);
/* Raw (mangled) name of the function that covers the ELF virtual address, NULL: none. *start (may be NULL) is where it begins. Borrowed. */
const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *start);
/* Address and size of a named symbol (functions and objects, .dynsym and .symtab): 0 or -ENOENT. */
int symbols_lookup(const struct symbols *symbols, const char *name, uint64_t *address, uint64_t *size);

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
const char *perfmap_find(const struct perfmap *map, uint64_t address);

/* ---- build-id ---- */
#define BUILD_ID_MAX 20
/* Bytes of the GNU build-id note written to id (at most BUILD_ID_MAX), 0: none, or -errno. */
int build_id_from_fd(int fd, uint8_t id[BUILD_ID_MAX]);
int build_id_from_image(const uint8_t *image, size_t size, uint8_t id[BUILD_ID_MAX]);

#endif

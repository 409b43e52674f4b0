/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug_files.h - where the symbols and debug info of a stripped object went.
 *
 * In this order: /usr/lib/debug/.build-id of connprof's own file system, then of the target's root; the name in .gnu_debuglink,
 * under /usr/lib/debug, then beside the object (DIR/NAME, DIR/.debug/NAME) in the target's root. A file is believed only if it
 * carries the object's build-id, or, where the object has none, the checksum that its link says. Internal to symbol/.
 */
#ifndef CONNPROF_SYMBOL_DEBUG_FILES_H
#define CONNPROF_SYMBOL_DEBUG_FILES_H

#include <libelf.h>
#include <stdint.h>

#include "symbol/symbol.h"

/* Bytes written to id, 0: none. */
int elf_build_id(Elf *elf, uint8_t id[BUILD_ID_MAX]);
/* A descriptor of the object's debug file, or -ENOENT. place may be NULL: then the target's root is not looked at. */
int debug_file_open(Elf *elf, const struct symbol_place *place);
/* The little symbol table that distributions leave in a stripped object (.gnu_debugdata: an xz-compressed ELF): *out is
 * owned by the caller (free). 0, -ENOENT, or another negative errno. */
int debugdata_unpack(Elf *elf, uint8_t **out, size_t *size);

#endif

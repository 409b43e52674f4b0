/* SPDX-License-Identifier: BSD-2-Clause */
/* elf_file.h - the ELF objects in which one object's symbols may be found. Internal to symbol/. */
#ifndef CONNPROF_SYMBOL_ELF_FILE_H
#define CONNPROF_SYMBOL_ELF_FILE_H

#include <libelf.h>
#include <stdint.h>

#include "symbol/symbol.h"

/* Bytes written to id, 0: none, -ENOEXEC. */
int elf_build_id(Elf *elf, uint8_t id[BUILD_ID_MAX]);

/* An ELF object opened beside another one. */
struct elf_beside {
	Elf *elf;
	uint8_t *bytes; /* owned image, or NULL */
	int fd;         /* owned, or -1 */
};
/* The little symbol table that distributions leave in a stripped object (.gnu_debugdata: an xz-compressed ELF). */
int elf_open_debugdata(Elf *elf, struct elf_beside *out); /* 0, -ENOENT, or another negative errno */
/* The separate debug file of the same build-id under /usr/lib/debug. */
int elf_open_debug_file(Elf *elf, struct elf_beside *out); /* 0, -ENOENT, or another negative errno */
void elf_beside_close(struct elf_beside *beside);

#endif

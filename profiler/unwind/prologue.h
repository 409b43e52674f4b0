/* SPDX-License-Identifier: BSD-2-Clause */
/* prologue.h - rows read out of instructions, for functions without call frame information. Internal to unwind/. */
#ifndef CONNPROF_UNWIND_PROLOGUE_H
#define CONNPROF_UNWIND_PROLOGUE_H

#include "process/elf_guard.h"
#include "unwind/unwind.h"

#define PROLOGUE_BYTES_MAX (256u << 10) /* of one function; OpenBLAS's largest has 30 KB */

/* Follows one function of the bytes [code, code + size), which lies at this ELF virtual address, and appends its rows, with a gap row
 * where nothing is known and at the end. 0; -ENOTSUP, rows as before: it is not understood to its last instruction; -ENOMEM or
 * -E2BIG. The bytes may be forged, and the decoder was not written for that: call it in a process of its own. */
int prologue_follow(const uint8_t *code, size_t size, uint32_t address, struct unwind_rows *rows);

/* ---- uncovered.c ---- */

/* Adds rows for the functions that an object's symbols name and its sorted rows leave out. What is not understood stays a gap; so does
 * what is too much, or takes longer than *patience_ns, which becomes what is left: rows->unread is set. The rows stay as they are where it
 * fails. */
void uncovered_fill(Elf *elf, struct unwind_rows *rows, uint64_t *patience_ns);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* dwarf.h - what debug info says of addresses: file, line and the functions inlined there. Internal to symbol/. */
#ifndef CONNPROF_SYMBOL_DWARF_H
#define CONNPROF_SYMBOL_DWARF_H

#include "symbol/symbol.h"

/* Reads the debug info of an ELF fd (alt_fd: its .gnu_debugaltlink file, or -1) for sorted ELF addresses; calls found once for each
 * that it knows. Trusts libdw with bytes that may be forged: call it in a process of its own (apart.h). 0 or -errno. */
int dwarf_read(int fd, int alt_fd, const uint64_t *addresses, size_t count, source_found *found, void *context);

/* Takes the answers of a process apart that was asked for count addresses, as far as they can be believed (source_lines.c). */
struct apart;
int source_answers(struct apart *apart, size_t count, uint64_t deadline_ns, source_found *found, void *context);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind.h - call frame information made into rows the kernel walker can use, and libunwind for what rows cannot say.
 *
 * Sources: System V x86-64 psABI 0.99.6 section 3.7 (.eh_frame), DWARF 5 section 6.4 (call frame instructions), LSB 5.0
 * Core 10.6 (.eh_frame_hdr, pointer encodings).
 */
#ifndef CONNPROF_UNWIND_UNWIND_H
#define CONNPROF_UNWIND_UNWIND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/events.h"

/* ---- ehframe.c: bytes in, rows out ---- */

#define UNWIND_ROWS_MAX (4u << 20) /* rows of one object */

struct unwind_rows {
	struct unwind_row *items; /* sorted by pc, no two equal; owned */
	size_t count, capacity;
	size_t functions;         /* FDEs read */
	size_t rejected;          /* FDEs or CIEs that did not parse: hostile or unknown */
	size_t expressions;       /* rows that became CFA_EXPRESSION */
	int unread;               /* functions without call frame information were left out: too many, or too slow */
};

/* One section of call frame information, borrowed. */
struct unwind_section {
	const uint8_t *bytes;
	size_t size;
	uint64_t address;         /* the section's ELF virtual address */
	uint64_t text, data;      /* bases of DW_EH_PE_textrel and datarel pointers; 0 if none */
	int debug_frame;          /* .debug_frame, else .eh_frame */
};

/* Parses a section. Rows are appended; call unwind_rows_sort at the end. 0, -ENOMEM or -E2BIG. What does not parse is
 * counted in rejected, never a failure. */
int unwind_parse_frames(const struct unwind_section *section, struct unwind_rows *rows);
/* Sorts, removes duplicates (a rule wins over CFA_NONE, CFA_ROOT is kept apart from gaps), merges equal neighbours.
 * 0 or -ENOMEM. */
int unwind_rows_sort(struct unwind_rows *rows);
/* Adds sorted rows where the sorted rows have none. 0, -ENOMEM or -E2BIG. */
int unwind_rows_fill(struct unwind_rows *rows, const struct unwind_rows *more);
/* Gives gaps of a few bytes between two functions the rule of code that has pushed nothing. No more of call frame information can be filled in then. */
void unwind_rows_close_gaps(struct unwind_rows *rows);
void unwind_rows_done(struct unwind_rows *rows);
/* The rule at pc, or NULL: the walker's own search, for tests. */
const struct unwind_row *unwind_rows_find(const struct unwind_rows *rows, uint32_t pc);

/* ---- object.c: an ELF file's rows ---- */

/* Reads an ELF image's unwind sections (by section header, else by PT_GNU_EH_FRAME) from an fd, and what functions do that these leave
 * out (uncovered.c), for which *patience_ns is left, and less afterwards; NULL: only the former. x86-64 only.
 * *rows is overwritten, owned by the caller (unwind_rows_done), sorted. 0, -ENOEXEC (not such an ELF), -ENODATA (no unwind information), or another negative errno. */
int unwind_rows_from_fd(int fd, uint64_t *patience_ns, struct unwind_rows *rows);
/* The same from an image in memory (the vdso): of its unwind sections only. */
int unwind_rows_from_image(const uint8_t *image, size_t size, struct unwind_rows *rows);

/* ---- remote.c: libunwind over a copy of the stack ---- */

struct unwind_frame {
	uint64_t pc;
	uint64_t cfa;       /* the caller's rsp, 0 if not known */
	int exact_pc;       /* pc is no return address */
};

struct unwind_registers {
	uint64_t pc, sp, bp;
	uint64_t rbx, r12, r13, r14, r15; /* 0 where not known */
	int all;                          /* these are known too: of the innermost frame */
	uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11;
};

struct unwind_stack {
	pid_t pid;              /* whose modules and (where the copy ends) memory are read; read-only, nothing is stopped */
	uint64_t address;       /* of bytes[0] */
	const uint8_t *bytes;
	size_t size;
	int moving;             /* the thread has run on since: what is not in the copy is another moment's, and is not read */
};

struct unwind_remote;
/* A libunwind address space over pid's modules. Keeps ELF data cached; free with unwind_remote_free. */
int unwind_remote_new(pid_t pid, struct unwind_remote **out);
void unwind_remote_free(struct unwind_remote *remote);
/* Walks from registers. Returns how many frames (innermost first, at most limit), *end says how it ended. */
int unwind_remote_walk(struct unwind_remote *remote, const struct unwind_registers *registers,
		       const struct unwind_stack *stack, struct unwind_frame *frames, size_t limit, enum stack_end *end);

#endif

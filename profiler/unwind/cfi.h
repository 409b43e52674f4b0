/* SPDX-License-Identifier: BSD-2-Clause */
/* cfi.h - one call frame program: the rules it sets up, and the rows they make. Internal to unwind/. */
#ifndef CONNPROF_UNWIND_CFI_H
#define CONNPROF_UNWIND_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/cursor.h"
#include "unwind/unwind.h"

/* How one register of the caller is found. */
struct cfi_rule {
	enum { RULE_UNSET = 0, RULE_SAME, RULE_UNDEFINED, RULE_SAVED, RULE_AT_RBP, RULE_OTHER } kind;
	int32_t offset; /* RULE_SAVED: at CFA + offset */
};

/* What is known of the caller at one pc: the CFA and the only three registers a row speaks of. */
struct cfi_state {
	enum { CFI_REGISTER = 0, CFI_PLT, CFI_DEREF, CFI_OTHER } cfa;
	uint32_t cfa_register;  /* CFI_REGISTER, CFI_DEREF: DWARF number */
	int64_t cfa_offset;     /* from it; CFI_PLT: the low pc bits from which 8 more bytes are pushed */
	uint64_t cfa_added;     /* CFI_DEREF: to what lies there */
	struct cfi_rule bp, sp, ra;
};

/* What a function's program needs from its CIE. */
struct cfi_cie {
	uint64_t offset;         /* in the section: its identity */
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;/* of the FDE's addresses */
	bool has_length;         /* augmentation 'z': FDEs carry augmentation data */
	bool signal;             /* augmentation 'S': a signal trampoline */
	bool usable;
	struct cfi_state initial;
};

/* The most bytes a CIE's initial instructions may have: real ones have under 16. */
#define CFI_INITIAL_BYTES_MAX 256

/* Runs a CIE's initial instructions into cie->initial. 0 or -EBADMSG. */
int cfi_run_initial(struct cfi_cie *cie, struct cursor program);
/* Runs the program of the function [start, end) and appends its rows, with a gap row at the end.
 * 0, -EBADMSG (rows as before), -ENOMEM or -E2BIG. */
int cfi_run_function(const struct cfi_cie *cie, struct cursor program, uint32_t start, uint32_t end,
		     struct unwind_rows *rows);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expression.c DEPTH [BELOW] - burns CPU below a function whose caller can only be found by a DWARF expression (its frame keeps the
 * caller's stack pointer in memory, as realigned frames and hand-written assembler do), with DEPTH plain calls above it and BELOW (10)
 * below it.
 */
#include <stdlib.h>

#include "workload.h"

static volatile uint64_t sink;
static unsigned below_count = 10;

KEEP void burn(void);
KEEP void below(unsigned left);
KEEP void above(unsigned left);
void realigned(unsigned left);

KEEP void burn(void)
{
	while (!workload_over())
		sink += workload_burn(200, sink);
}

KEEP void below(unsigned left)
{
	if (left)
		below(left - 1);
	else
		burn();
	sink++;
}

/* Moves its stack pointer to a 64-byte boundary and saves the old one at the new one. From then on:
 * DW_CFA_def_cfa_expression (0x0f), 5 bytes: DW_OP_breg7 (rsp) 0, DW_OP_deref, DW_OP_lit8, DW_OP_plus: CFA = *(rsp) + 8, said in a way
 * that no compiler says it, so that no row knows it. */
__asm__(".text\n"
	".globl realigned\n"
	".type realigned, @function\n"
	"realigned:\n"
	"	.cfi_startproc\n"
	"	mov %rsp, %rax\n"
	"	.cfi_def_cfa_register rax\n"
	"	sub $64, %rsp\n"
	"	and $-64, %rsp\n"
	"	mov %rax, (%rsp)\n"
	"	.cfi_escape 0x0f, 5, 0x77, 0, 0x06, 0x38, 0x22\n"
	"	call below\n"
	"	mov (%rsp), %rsp\n"
	"	.cfi_def_cfa rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size realigned, . - realigned\n");

KEEP void above(unsigned left)
{
	if (left)
		above(left - 1);
	else
		realigned(below_count);
	sink++;
}

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;

	if (argc > 2)
		below_count = (unsigned)strtoul(argv[2], NULL, 10);
	if (depth > 1000 || below_count > 1000)
		return 2;
	workload_ready("\"depth\": %u", depth);
	above(depth);
	workload_answer("\"depth\": %u", depth);
	return 0;
}

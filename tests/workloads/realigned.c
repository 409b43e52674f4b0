/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * realigned.c - a function that aligns its stack to 64 bytes, as code with vector registers does: built with -mforce-drap, so
 * that the compiler says its frame by an expression (CFA = *(rbp - N), the caller's rbp at rbp).
 */
#include "workload.h"

static volatile uint64_t sink;

KEEP static void burn(volatile char *buffer)
{
	buffer[3] = 1;
	sink += workload_burn(200, sink);
}

KEEP static void aligned(void)
{
	_Alignas(64) volatile char buffer[256];

	buffer[3] = 0;
	burn(buffer);
	sink += (uint64_t)buffer[3];
}

KEEP static void caller(void)
{
	aligned();
	sink++;
}

int main(void)
{
	workload_ready("\"chain\": [\"main\", \"caller\", \"aligned\", \"burn\"]");
	while (!workload_over())
		caller();
	workload_answer("\"done\": true");
	return 0;
}

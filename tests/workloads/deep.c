/* SPDX-License-Identifier: BSD-2-Clause */
/* deep.c DEPTH - burns CPU at the bottom of exactly DEPTH recursive calls, with frames of differing sizes. */
#include <stdlib.h>

#include "workload.h"

static volatile uint64_t sink;

KEEP static void leaf(void) { sink += workload_burn(200, sink); }

KEEP static uint64_t recurse(unsigned left)
{
	/* A frame size that neither a page nor a cache line divides, and live values across the call. */
	volatile uint64_t padding[13];

	padding[left % 13] = left;
	if (left == 1) {
		while (!workload_over())
			leaf();
		return padding[1];
	}
	return recurse(left - 1) + padding[left % 13];
}

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100;

	if (depth < 1 || depth > 5000)
		return 2;
	workload_ready("\"depth\": %u", depth);
	sink += recurse(depth);
	workload_answer("\"depth\": %u", depth);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* split.c - spends its CPU time about 50/30/20 in alpha, beta and gamma, each under its own caller, and measures the exact
 * split itself. Built -O2 -fomit-frame-pointer: what a profiler meets in production. */
#include <unistd.h>

#include "workload.h"

static volatile uint64_t sink;

KEEP static void alpha(uint64_t rounds) { sink += workload_burn(rounds, sink); }
KEEP static void beta(uint64_t rounds) { sink += workload_burn(rounds, sink); }
KEEP static void gamma_work(uint64_t rounds) { sink += workload_burn(rounds, sink); }

/* The callers keep work after the call, or it would be a jump and they would have no frame. */
KEEP static void call_alpha(uint64_t rounds) { alpha(rounds); sink++; }
KEEP static void call_beta(uint64_t rounds) { beta(rounds); sink++; }
KEEP static void call_gamma(uint64_t rounds) { gamma_work(rounds); sink++; }

/* With an argument it waits for a line on standard input before it begins. */
int main(int argc, char **argv)
{
	char line[16];

	uint64_t spent[3] = { 0, 0, 0 }, at, next, jitter = 1;

	workload_ready("\"functions\": [\"alpha\", \"beta\", \"gamma_work\"]");
	(void)argv;
	if (argc > 1 && read(0, line, sizeof(line)) <= 0)
		return 2;
	while (!workload_over()) {
		/* Uneven rounds, so that no sampling period can stay in step with the loop. */
		jitter = jitter * 1103515245 + 12345;
		uint64_t unit = 60 + (jitter >> 16) % 90;

		at = workload_cpu_ns();
		call_alpha(unit * 5);
		next = workload_cpu_ns();
		spent[0] += next - at;
		call_beta(unit * 3);
		at = workload_cpu_ns();
		spent[1] += at - next;
		call_gamma(unit * 2);
		spent[2] += workload_cpu_ns() - at;
	}
	workload_answer("\"alpha\": %llu, \"beta\": %llu, \"gamma_work\": %llu", (unsigned long long)spent[0],
			(unsigned long long)spent[1], (unsigned long long)spent[2]);
	return 0;
}

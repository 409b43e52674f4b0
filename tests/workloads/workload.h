/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workload.h - what the workloads share: they say "ready {json}", begin on "go" (a line on stdin), work until stdin is
 * closed, and end with "answer {json}", the right answer by their own count.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdint.h>

#define KEEP __attribute__((noinline, noclone, noipa))

/* Prints the ready line; the text is what the JSON object holds ("" for none). */
void workload_ready(const char *format, ...) __attribute__((format(printf, 1, 2)));
void workload_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Blocks until a line arrives on stdin. */
void workload_wait_go(void);

/* Has a line arrived? For a loop that works while it waits; ends the process when stdin closes first. */
int workload_went(void);

/* Has stdin been closed? Cheap enough for a loop that also works. */
int workload_over(void);

/* Burns CPU for about `rounds` of 1000 multiplications; in the caller's own frame's name only if inlined, so each workload
 * calls it through a named function of its own. */
static inline uint64_t workload_burn(uint64_t rounds, uint64_t seed)
{
	for (uint64_t i = 0; i < rounds * 1000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

/* CPU time of this thread, ns. */
uint64_t workload_cpu_ns(void);

#endif

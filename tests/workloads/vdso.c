/* SPDX-License-Identifier: BSD-2-Clause */
/* vdso.c - asks the time without pause: most samples are inside the vdso, whose unwind rows come from the target's memory. */
#include <time.h>

#include "workload.h"

static volatile uint64_t sink;

KEEP static void ask_time(void)
{
	struct timespec now;

	for (int i = 0; i < 20000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		sink += (uint64_t)now.tv_nsec;
	}
}

int main(void)
{
	workload_ready("\"caller\": \"ask_time\"");
	while (!workload_over())
		ask_time();
	workload_answer("\"sink\": %llu", (unsigned long long)(sink & 0xffff));
	return 0;
}

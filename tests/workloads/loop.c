/* SPDX-License-Identifier: BSD-2-Clause */
/* loop.c - burns CPU without pause; for each line on stdin it says how far it has come: rounds, CPU ns, wall ns. */
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

static volatile uint64_t sink;

KEEP static void loop_round(void) { sink += workload_burn(20, sink); }

static int asked(void)
{
	struct pollfd stdin_poll = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	if (poll(&stdin_poll, 1, 0) <= 0)
		return 0;
	if (read(STDIN_FILENO, &c, 1) <= 0)
		return -1;
	return c == '\n';
}

int main(void)
{
	struct timespec now;
	uint64_t rounds = 0;
	int question;

	workload_ready("\"function\": \"loop_round\"");
	while ((question = asked()) >= 0) {
		if (question) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			printf("%llu %llu %llu\n", (unsigned long long)rounds, (unsigned long long)workload_cpu_ns(),
			       (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec);
			fflush(stdout);
		}
		/* About 2 ms between two questions, so that asking costs nothing. */
		for (int i = 0; i < 100; i++, rounds++)
			loop_round();
	}
	workload_answer("\"rounds\": %llu", (unsigned long long)rounds);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* threads.c THREADS SPINNERS - of THREADS threads the first SPINNERS share the CPU (thread_spin), the others sleep. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "workload.h"

static volatile int over;
static volatile uint64_t sink;

KEEP static void thread_spin(void) { sink += workload_burn(100, sink); }

static void *spinner(void *number)
{
	char name[16];

	snprintf(name, sizeof(name), "spin-%ld", (long)number);
	pthread_setname_np(pthread_self(), name);
	while (!over)
		thread_spin();
	return 0;
}

static void *sleeper(void *unused)
{
	(void)unused;
	while (!over)
		usleep(50000);
	return 0;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], 0, 10) : 4, spinners = argc > 2 ? strtol(argv[2], 0, 10) : count;
	pthread_attr_t attributes;
	pthread_t *threads;

	if (count < 1 || count > 5000 || !(threads = calloc((size_t)count, sizeof(*threads))))
		return 2;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], &attributes, i < spinners ? spinner : sleeper, (void *)i))
			return 1;
	workload_ready("\"threads\": %ld, \"spinners\": %ld", count, spinners);
	while (!workload_over())
		usleep(20000);
	over = 1;
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], 0);
	workload_answer("\"threads\": %ld", count);
	free(threads);
	return 0;
}

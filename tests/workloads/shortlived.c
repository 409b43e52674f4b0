/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shortlived.c - burns CPU in threads and in processes that each live for less than a clock period (2 ms against 10 ms at
 * 99 Hz), one after the other, and says how much in each kind.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

#define LIFE_NS 2000000u

static volatile uint64_t sink;

KEEP void burn_in_thread(void);
KEEP void burn_in_process(void);

KEEP void burn_in_thread(void)
{
	while (workload_cpu_ns() < LIFE_NS)
		sink += workload_burn(20, sink);
}

KEEP void burn_in_process(void)
{
	while (workload_cpu_ns() < LIFE_NS)
		sink += workload_burn(20, sink);
}

static void *thread(void *spent)
{
	burn_in_thread();
	*(uint64_t *)spent += workload_cpu_ns();
	return NULL;
}

static uint64_t one_process(void)
{
	struct rusage usage;
	pid_t pid = fork();

	if (pid == 0) {
		burn_in_process();
		_exit(0);
	}
	if (pid < 0 || wait4(pid, NULL, 0, &usage) != pid)
		exit(1);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

int main(void)
{
	uint64_t in_threads = 0, in_processes = 0;

	workload_ready("\"functions\": [\"burn_in_thread\", \"burn_in_process\"]");
	while (!workload_over()) {
		pthread_t id;

		if (pthread_create(&id, NULL, thread, &in_threads))
			return 1;
		pthread_join(id, NULL);
		in_processes += one_process();
	}
	workload_answer("\"burn_in_thread\": %llu, \"burn_in_process\": %llu", (unsigned long long)in_threads,
			(unsigned long long)in_processes);
	return 0;
}

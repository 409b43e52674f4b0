/* SPDX-License-Identifier: BSD-2-Clause */
/* threadlets.c - makes one thread after the other that does nothing: its time is that of clone(), called from `make_one`. */
#include <pthread.h>
#include <stddef.h>

#include "workload.h"

static void *nothing(void *argument) { return argument; }

KEEP static int make_one(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}

int main(void)
{
	long made = 0;

	workload_ready("\"caller\": \"make_one\"");
	for (; !workload_over(); made++)
		if (make_one())
			return 1;
	workload_answer("\"made\": %ld", made);
	return 0;
}

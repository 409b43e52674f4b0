/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vforks.c - a child after the other by vfork(), which runs on its parent's stack, burns CPU there and ends; the parent, which
 * waited, burns some too. In vfork() itself the return address is in a register.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

static volatile uint64_t sink;

KEEP static void child_burn(void) { sink += workload_burn(1000, sink); }
KEEP static void parent_burn(void) { sink += workload_burn(500, sink); }

KEEP static int spawn(void)
{
	pid_t child = vfork();

	if (child == 0) {
		child_burn();
		_exit(0);
	}
	return child < 0 || waitpid(child, NULL, 0) < 0;
}

/* Children that do nothing: what passes is vfork's own time. */
KEEP static int spawn_many(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = vfork();

		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			return 1;
	}
	return 0;
}

int main(void)
{
	long spawned = 0;

	workload_ready("\"child\": \"child_burn\", \"parent\": \"parent_burn\", \"caller\": \"spawn\"");
	for (; !workload_over(); spawned++) {
		if (spawn() || spawn_many())
			return 1;
		parent_burn();
	}
	workload_answer("\"spawned\": %ld", spawned);
	return 0;
}

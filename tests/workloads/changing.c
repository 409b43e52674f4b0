/* SPDX-License-Identifier: BSD-2-Clause */
/* changing.c WHAT [ARGUMENT…] - on "go" the process changes under the profiler, then burns CPU in a named place:
 *   exit            ends (status 7)
 *   exec PROGRAM…   becomes another program
 *   fork            forks; the child burns in child_burn, the parent waits
 *   dlopen FILE     loads FILE and burns in its plugin_burn
 *   burn            just burns in before_burn
 * Before "go" it burns in before_burn. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

static volatile uint64_t sink;

KEEP static void before_burn(void) { sink += workload_burn(200, sink); }
KEEP static void child_burn(void) { sink += workload_burn(200, sink); }

static int burn_in_child(void)
{
	pid_t child = fork();

	if (child < 0)
		return 1;
	if (child == 0) {
		while (!workload_over())
			child_burn();
		_exit(0);
	}
	return waitpid(child, NULL, 0) < 0;
}

static int burn_in_plugin(const char *path)
{
	void *plugin = dlopen(path, RTLD_NOW);
	void (*burn)(void);

	if (!plugin)
		return 1;
	*(void **)&burn = dlsym(plugin, "plugin_burn");
	if (!burn)
		return 1;
	while (!workload_over())
		burn();
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "burn";

	workload_ready("\"before\": \"before_burn\"");
	while (!workload_went())
		before_burn();
	if (!strcmp(what, "exit"))
		return 7;
	if (!strcmp(what, "exec") && argc > 2) {
		execv(argv[2], argv + 2);
		return 1;
	}
	if (!strcmp(what, "fork"))
		return burn_in_child();
	if (!strcmp(what, "dlopen") && argc > 2)
		return burn_in_plugin(argv[2]);
	while (!workload_over())
		before_burn();
	return 0;
}

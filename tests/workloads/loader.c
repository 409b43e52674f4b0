/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loader.c FILE - loads an object, has its functions bound one by one at their first call, and unloads it, over and over: its
 * time passes in ld.so, much of it below _dl_runtime_resolve, whose frame is found by rbx.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "workload.h"

KEEP static int load(const char *path)
{
	void *object = dlopen(path, RTLD_LAZY);
	void (*run)(void);

	if (!object)
		return 1;
	*(void **)&run = dlsym(object, "call_each_once");
	if (!run)
		return 1;
	run();
	return dlclose(object);
}

int main(int argc, char **argv)
{
	long loads = 0;

	if (argc < 2)
		return 2;
	workload_ready("\"caller\": \"load\", \"lazy\": \"call_each_once\"");
	for (; !workload_over(); loads++)
		if (load(argv[1]))
			return 1;
	workload_answer("\"loads\": %ld", loads);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* threads.c - the threads of a process, their names and states. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "process/process.h"
#include "process/procfs.h"

int process_threads(pid_t pid, pid_t **out)
{
	pid_t *found = NULL;
	size_t count = 0, capacity = 0;
	struct dirent *entry;
	char path[64];
	int code = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return procfs_error(errno);
	while ((entry = readdir(tasks)) && count < PROCESS_THREADS_MAX) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid <= 0)
			continue;
		code = array_reserve(&found, &capacity, count + 1, sizeof(*found), PROCESS_THREADS_MAX);
		if (code)
			break;
		found[count++] = tid;
	}
	closedir(tasks);
	if (!code && !count)
		code = -ESRCH;
	if (code) {
		free(found);
		return code;
	}
	*out = found;
	return (int)count;
}

void process_thread_name(pid_t pid, pid_t tid, char *out, size_t size)
{
	char name[48], comm[64];
	ssize_t n;

	snprintf(name, sizeof(name), "task/%d/comm", (int)tid);
	n = procfs_read(pid, name, comm, sizeof(comm));
	if (n > 0 && comm[n - 1] == '\n')
		n--;
	text_clean(out, size, comm, n > 0 ? (size_t)n : 0);
}

char process_thread_state(pid_t pid, pid_t tid)
{
	char name[48], stat[2048];
	const char *close;

	snprintf(name, sizeof(name), "task/%d/stat", (int)tid);
	if (procfs_read(pid, name, stat, sizeof(stat)) <= 0)
		return 0;
	close = strrchr(stat, ')');
	return close && close[1] == ' ' ? close[2] : 0;
}

pid_t process_thread_namespaced(pid_t pid, pid_t tid)
{
	char name[48], status[PROCFS_STATUS_BYTES];
	const char *at;
	pid_t inner = tid;

	snprintf(name, sizeof(name), "task/%d/status", (int)tid);
	if (procfs_read(pid, name, status, sizeof(status)) < 0)
		return tid;
	at = procfs_field(status, "NSpid");
	while (at && *at && *at != '\n') { /* "NSpid:\t812\t7": outermost first */
		char *end;
		long value = strtol(at, &end, 10);

		if (end == at)
			break;
		inner = (pid_t)value;
		at = end + strspn(end, " \t");
	}
	return inner;
}

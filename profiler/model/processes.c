/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * processes.c - target rows by pid: a uthash table from pid to the row of the process that has the pid now. A pid that is
 * used again after an exit gets a row of its own.
 */
#include "model/processes.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"

struct process {
	UT_hash_handle hh;
	uint32_t pid;
	size_t row;
};

struct processes {
	struct connprof_recording *recording;
	struct process *by_pid;
};

struct processes *processes_new(struct connprof_recording *recording)
{
	struct processes *processes = calloc(1, sizeof(*processes));

	if (processes)
		processes->recording = recording;
	return processes;
}

void processes_free(struct processes *processes)
{
	struct process *process, *next;

	if (!processes)
		return;
	HASH_ITER(hh, processes->by_pid, process, next) {
		HASH_DELETE(hh, processes->by_pid, process);
		free(process);
	}
	free(processes);
}

static struct process *find(struct processes *processes, uint32_t pid)
{
	struct process *process;

	HASH_FIND(hh, processes->by_pid, &pid, sizeof(pid), process);
	return process;
}

static int add_row(struct processes *processes, const struct event *event)
{
	struct connprof_recording *recording = processes->recording;
	struct process *process;
	int code = array_reserve(&recording->targets, &recording->target_capacity, recording->target_count + 1,
				 sizeof(*recording->targets), TARGET_ROWS_MAX);

	if (code)
		return code;
	process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->pid = event->pid;
	process->row = recording->target_count;
	HASH_ADD(hh, processes->by_pid, pid, sizeof(process->pid), process);
	if (!process->hh.tbl) {
		free(process);
		return -ENOMEM;
	}
	recording->targets[recording->target_count++] = (struct target_row){
		.pid = event->pid,
		.parent = event->process.parent == event->pid ? 0 : event->process.parent,
		.comm = event->process.comm,
		.exe = event->process.exe,
	};
	return 0;
}

int processes_add(struct processes *processes, const struct event *event)
{
	struct process *process = find(processes, event->pid);
	struct target_row *row;

	if (!process)
		return add_row(processes, event);
	row = &processes->recording->targets[process->row];
	row->comm = event->process.comm;
	row->exe = event->process.exe;
	if (event->process.parent != event->pid && !row->parent)
		row->parent = event->process.parent;
	return 0;
}

void processes_exit(struct processes *processes, uint32_t pid)
{
	struct process *process = find(processes, pid);

	if (!process)
		return;
	processes->recording->targets[process->row].exited = true;
	HASH_DELETE(hh, processes->by_pid, process);
	free(process);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* workers.c - two uthash tables: processes by pid, workers by (pid, tid, unit). */
#include "model/workers.h"

#include <stdlib.h>

struct process *process_find(const struct workers *workers, uint32_t pid)
{
	struct process *process;

	HASH_FIND(hh, workers->processes, &pid, sizeof(pid), process);
	return process;
}

struct process *process_of(struct workers *workers, uint32_t pid)
{
	struct process *process = process_find(workers, pid);

	if (process)
		return process;
	process = HASH_COUNT(workers->processes) < WORKERS_MAX ? calloc(1, sizeof(*process)) : NULL;
	if (!process) {
		workers->refused++;
		return NULL;
	}
	process->pid = pid;
	HASH_ADD(hh, workers->processes, pid, sizeof(process->pid), process);
	if (process->hh.tbl)
		return process;
	free(process);
	return NULL;
}

struct worker *worker_find(const struct workers *workers, uint32_t pid, uint32_t tid, uint32_t unit)
{
	struct worker_key key = { .pid = pid, .tid = tid, .unit = unit };
	struct worker *worker;

	HASH_FIND(hh, workers->by_key, &key, sizeof(key), worker);
	return worker;
}

/* Thread-per-request servers make threads without end, event loops tasks, and their ends are not told: when the table is full,
 * those with nothing going on are forgotten, which at worst makes an old one look new. */
static void forget_idle(struct workers *workers, uint64_t time_ns)
{
	struct worker *worker, *next;

	HASH_ITER(hh, workers->by_key, worker, next) {
		if (!workers->idle(workers->context, worker, time_ns))
			continue;
		HASH_DELETE(hh, workers->by_key, worker);
		free(worker);
	}
}

struct worker *worker_of(struct workers *workers, uint32_t pid, uint32_t tid, uint32_t unit, uint64_t time_ns)
{
	struct worker *worker = worker_find(workers, pid, tid, unit);

	if (worker)
		return worker;
	if (HASH_COUNT(workers->by_key) >= WORKERS_MAX)
		forget_idle(workers, time_ns);
	worker = HASH_COUNT(workers->by_key) < WORKERS_MAX ? calloc(1, sizeof(*worker)) : NULL;
	if (!worker) {
		workers->refused++;
		return NULL;
	}
	worker->key = (struct worker_key){ .pid = pid, .tid = tid, .unit = unit };
	HASH_ADD(hh, workers->by_key, key, sizeof(worker->key), worker);
	if (worker->hh.tbl)
		return worker;
	free(worker);
	return NULL;
}

void process_forget(struct workers *workers, struct process *process)
{
	struct worker *worker, *next;

	HASH_ITER(hh, workers->by_key, worker, next)
		if (worker->key.pid == process->pid) {
			HASH_DELETE(hh, workers->by_key, worker);
			free(worker);
		}
	HASH_DELETE(hh, workers->processes, process);
	free(process);
}

void workers_done(struct workers *workers)
{
	struct process *process, *next_process;
	struct worker *worker, *next_worker;

	HASH_ITER(hh, workers->processes, process, next_process) {
		HASH_DELETE(hh, workers->processes, process);
		free(process);
	}
	HASH_ITER(hh, workers->by_key, worker, next_worker) {
		HASH_DELETE(hh, workers->by_key, worker);
		free(worker);
	}
}

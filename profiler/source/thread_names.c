/* SPDX-License-Identifier: BSD-2-Clause */
/* thread_names.c - threads' names, cached by tid. */
#include "source/thread_names.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "process/process.h"

#define THREADS_MAX 65536
#define BELIEVED_BATCHES 32

struct thread {
	UT_hash_handle hh;
	pid_t tid;
	uint32_t name, batch;
};

struct thread_names {
	struct strings *strings;
	struct thread *threads;
	uint32_t batch;
};

struct thread_names *thread_names_new(struct strings *strings)
{
	struct thread_names *names = calloc(1, sizeof(*names));

	if (names)
		names->strings = strings;
	return names;
}

static void forget(struct thread_names *names)
{
	struct thread *thread, *next;

	HASH_ITER(hh, names->threads, thread, next) {
		HASH_DEL(names->threads, thread);
		free(thread);
	}
}

void thread_names_free(struct thread_names *names)
{
	if (!names)
		return;
	forget(names);
	free(names);
}

static struct thread *add(struct thread_names *names, pid_t tid)
{
	struct thread *thread;

	if (HASH_COUNT(names->threads) >= THREADS_MAX)
		forget(names);
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->tid = tid;
	HASH_ADD_INT(names->threads, tid, thread);
	if (thread->hh.tbl)
		return thread;
	free(thread);
	return NULL;
}

uint32_t thread_names_get(struct thread_names *names, pid_t pid, pid_t tid)
{
	struct thread *thread;
	char name[64];

	HASH_FIND_INT(names->threads, &tid, thread);
	if (thread && names->batch - thread->batch < BELIEVED_BATCHES)
		return thread->name;
	if (!thread && !(thread = add(names, tid)))
		return 0;
	process_thread_name(pid, tid, name, sizeof(name));
	if (name[0])
		thread->name = strings_add(names->strings, name);
	thread->batch = names->batch;
	return thread->name;
}

void thread_names_batch(struct thread_names *names)
{
	names->batch++;
}

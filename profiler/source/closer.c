/* SPDX-License-Identifier: BSD-2-Clause */
/* closer.c - a few threads, started when there is work, that do nothing but close. */
#include "source/closer.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define THREADS_MAX 32
#define WAITING_MAX (1u << 20)

struct closer {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct probe_link **waiting;
	size_t count, capacity, idle;
	pthread_t threads[THREADS_MAX];
	size_t thread_count;
	bool ending;
};

struct closer *closer_new(void)
{
	struct closer *closer = calloc(1, sizeof(*closer));

	if (!closer)
		return NULL;
	pthread_mutex_init(&closer->lock, NULL);
	pthread_cond_init(&closer->work, NULL);
	return closer;
}

static void *run(void *context)
{
	struct closer *closer = context;

	pthread_mutex_lock(&closer->lock);
	for (;;) {
		struct probe_link *link;

		while (!closer->count && !closer->ending) {
			closer->idle++;
			pthread_cond_wait(&closer->work, &closer->lock);
			closer->idle--;
		}
		if (!closer->count)
			break;
		link = closer->waiting[--closer->count];
		pthread_mutex_unlock(&closer->lock);
		probe_unlink(link);
		pthread_mutex_lock(&closer->lock);
	}
	pthread_mutex_unlock(&closer->lock);
	return NULL;
}

/* Threads for what waits, which take no signals: those are the caller's. */
static void staff(struct closer *closer)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (closer->thread_count < THREADS_MAX && closer->idle + closer->thread_count < closer->count &&
	       !pthread_create(&closer->threads[closer->thread_count], NULL, run, closer))
		closer->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void closer_add(struct closer *closer, struct probe_link **links, size_t count)
{
	bool kept;

	pthread_mutex_lock(&closer->lock);
	kept = !array_reserve(&closer->waiting, &closer->capacity, closer->count + count, sizeof(*closer->waiting), WAITING_MAX);
	if (kept && count) {
		memcpy(closer->waiting + closer->count, links, count * sizeof(*links));
		closer->count += count;
		staff(closer);
		pthread_cond_broadcast(&closer->work);
	}
	pthread_mutex_unlock(&closer->lock);
	for (size_t i = 0; !kept && i < count; i++)
		probe_unlink(links[i]);
}

void closer_free(struct closer *closer)
{
	if (!closer)
		return;
	pthread_mutex_lock(&closer->lock);
	closer->ending = true;
	pthread_cond_broadcast(&closer->work);
	pthread_mutex_unlock(&closer->lock);
	for (size_t i = 0; i < closer->thread_count; i++)
		pthread_join(closer->threads[i], NULL);
	while (closer->count) /* no thread could be started */
		probe_unlink(closer->waiting[--closer->count]);
	pthread_cond_destroy(&closer->work);
	pthread_mutex_destroy(&closer->lock);
	free(closer->waiting);
	free(closer);
}

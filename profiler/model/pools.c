/* SPDX-License-Identifier: BSD-2-Clause */
/* pools.c - a uthash table of the pools that have connections open, and sets of those that had: open addressing, grown at two thirds. */
#include "model/pools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define JUDGED_MIN 10      /* fewer connections say nothing (the rules ask for as many) */
#define OWN_SHARE 0.9      /* so many different pools a connection: nearly each has its own */
#define FEW_SHARE 0.1      /* so many at most: a few pools open them all, as far as places tell */
#define SET_CAPACITY 16    /* to begin with */

struct pool {
	UT_hash_handle hh;
	uint64_t key;
	uint64_t newest;   /* connection */
	uint32_t opened;   /* connections so far */
	uint32_t open;
};

struct pools {
	struct pool *by_key;
};

static uint64_t key_of(uint32_t pid, uint32_t place)
{
	return (uint64_t)pid << 32 | place;
}

struct pools *pools_new(void)
{
	return calloc(1, sizeof(struct pools));
}

void pools_free(struct pools *pools)
{
	struct pool *pool, *next;

	if (!pools)
		return;
	HASH_ITER(hh, pools->by_key, pool, next) {
		HASH_DELETE(hh, pools->by_key, pool);
		free(pool);
	}
	free(pools);
}

static struct pool *add(struct pools *pools, uint64_t key)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->key = key;
	HASH_ADD(hh, pools->by_key, key, sizeof(pool->key), pool);
	if (pool->hh.tbl)
		return pool;
	free(pool);
	return NULL;
}

struct pool *pools_opened(struct pools *pools, uint32_t pid, uint32_t place, uint64_t conn)
{
	uint64_t key = key_of(pid, place);
	struct pool *pool;

	HASH_FIND(hh, pools->by_key, &key, sizeof(key), pool);
	if (!pool)
		pool = add(pools, key);
	if (!pool)
		return NULL;
	pool->opened++;
	pool->open++;
	pool->newest = conn;
	return pool;
}

void pools_gone(struct pools *pools, struct pool *pool)
{
	if (!pool || --pool->open)
		return;
	HASH_DELETE(hh, pools->by_key, pool);
	free(pool);
}

uint64_t pool_newest(const struct pool *pool, uint32_t *seen)
{
	if (*seen == pool->opened)
		return 0;
	*seen = pool->opened;
	return pool->newest;
}

/* ---- sets ---- */

/* Where a key is, or would be. There is always an empty place. */
static size_t place_of(const uint64_t *keys, size_t capacity, uint64_t key)
{
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15ull >> 32) & (capacity - 1); /* Fibonacci hashing: Knuth, TAOCP 3, 6.4 */

	while (keys[at] && keys[at] != key)
		at = (at + 1) & (capacity - 1);
	return at;
}

static int reserve(struct pool_set *set)
{
	size_t capacity = set->capacity ? 2 * set->capacity : SET_CAPACITY;
	uint64_t *keys;

	if (set->capacity && 3 * (set->distinct + 1) <= 2 * set->capacity)
		return 0;
	keys = calloc(capacity, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < set->capacity; i++)
		if (set->keys[i])
			keys[place_of(keys, capacity, set->keys[i])] = set->keys[i];
	free(set->keys);
	set->keys = keys;
	set->capacity = capacity;
	return 0;
}

/* 0 or -ENOMEM. With a limit the set is full, and unchanged, where one more would exceed it. */
static int put(struct pool_set *set, uint64_t key, uint64_t limit)
{
	size_t at;

	if (reserve(set))
		return -ENOMEM;
	at = place_of(set->keys, set->capacity, key);
	if (set->keys[at])
		return 0;
	set->full = set->distinct >= limit;
	if (set->full)
		return 0;
	set->keys[at] = key;
	set->distinct++;
	return 0;
}

int pool_set_add(struct pool_set *set, uint32_t pid, uint32_t place, bool shared)
{
	if (set->full)
		return 0;
	if (put(set, key_of(pid, place), POOLS_TOLD_MAX))
		return -ENOMEM;
	set->connects += !set->full;
	set->shared += !set->full && shared;
	return 0;
}

int pool_set_merge(struct pool_set *into, const struct pool_set *from)
{
	for (size_t i = 0; i < from->capacity; i++)
		if (from->keys[i] && put(into, from->keys[i], UINT64_MAX))
			return -ENOMEM;
	into->connects += from->connects;
	into->shared += from->shared;
	return 0;
}

void pool_set_done(struct pool_set *set)
{
	free(set->keys);
	memset(set, 0, sizeof(*set));
}

enum pooling_id pool_set_judge(const struct pool_set *set, uint64_t known, uint64_t connects)
{
	bool few = (double)set->distinct <= FEW_SHARE * (double)set->connects;

	if (set->connects < JUDGED_MIN || 2 * known < connects)
		return POOLING_UNKNOWN;
	if ((double)set->distinct >= OWN_SHARE * (double)set->connects)
		return POOLING_OWN;
	if (2 * set->shared >= set->connects || (few && set->shared >= JUDGED_MIN))
		return POOLING_SHARED;
	return POOLING_UNKNOWN;
}

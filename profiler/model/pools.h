/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pools.h - which pool opened a connection: the client library's object whose method is on the stack at connect(), by its place.
 *
 * Different places in one process are different objects, always: CPython moves none. The same place may be an older object's
 * that is gone, so it proves nothing alone. What does prove one object: a connection that is in use keeps its pool alive, so if
 * it is used after another was opened from the same place, both are of one pool; and if requests that overlap opened the two,
 * that pool is no request's own.
 */
#ifndef CONNPROF_MODEL_POOLS_H
#define CONNPROF_MODEL_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/recording.h"

/* ---- pools with open connections ---- */

struct pools;
struct pool; /* one place in one process, as long as a connection from there is open */

struct pools *pools_new(void);
void pools_free(struct pools *pools);
/* A connection opens. NULL when out of memory. */
struct pool *pools_opened(struct pools *pools, uint32_t pid, uint32_t place, uint64_t conn);
void pools_gone(struct pools *pools, struct pool *pool);
/* The connection opened last, if that was since *seen (then renewed) was; else 0. */
uint64_t pool_newest(const struct pool *pool, uint32_t *seen);

/* ---- how many there were ---- */

#define POOLS_TOLD_MAX 512 /* different ones in one set; once there are more, nothing is added to it any more */

/* All zero is an empty set. */
struct pool_set {
	uint64_t *keys;              /* owned: a hash table, 0 where nothing is */
	size_t capacity;             /* a power of two */
	uint64_t distinct;
	uint64_t connects, shared;   /* connections; those proved to be of a pool that another request used too */
	bool full;
};

/* A connection of the pool at that place. 0 or -ENOMEM; then it is not counted. */
int pool_set_add(struct pool_set *set, uint32_t pid, uint32_t place, bool shared);
int pool_set_merge(struct pool_set *into, const struct pool_set *from);
void pool_set_done(struct pool_set *set);
/* What that comes to for a site; known of so many of its connections. */
enum pooling_id pool_set_judge(const struct pool_set *set, uint64_t known, uint64_t connects);

#endif

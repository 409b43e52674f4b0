/* SPDX-License-Identifier: BSD-2-Clause */
/* groups.c - tables of groups (by stack and peer) and of patterns (by content), both uthash over stable allocations. */
#include "model/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"

struct group_key {
	struct endpoint peer;
	uint32_t stack, opened;
};

struct group_entry {
	UT_hash_handle hh;
	struct group_key key;
	uint32_t index;
	struct group group;
};

struct pattern_key {
	uint32_t touches[REQUEST_TOUCHES_MAX];
	uint32_t count, early;
};

struct pattern_entry {
	UT_hash_handle hh;
	struct pattern_key key;
	struct pattern pattern;
};

struct groups {
	struct group_entry *by_key, **by_index;
	size_t count, capacity;
	struct pattern_entry *by_content, **patterns;
	size_t pattern_count, pattern_capacity;
};

struct groups *groups_new(void)
{
	return calloc(1, sizeof(struct groups));
}

void groups_free(struct groups *groups)
{
	if (!groups)
		return;
	HASH_CLEAR(hh, groups->by_key);
	for (size_t i = 0; i < groups->count; i++) {
		counts_done(&groups->by_index[i]->group.counts);
		free(groups->by_index[i]);
	}
	free(groups->by_index);
	HASH_CLEAR(hh, groups->by_content);
	for (size_t i = 0; i < groups->pattern_count; i++)
		free(groups->patterns[i]);
	free(groups->patterns);
	free(groups);
}

static int add_group(struct groups *groups, const struct group_key *key)
{
	struct group_entry *entry;
	int code = array_reserve(&groups->by_index, &groups->capacity, groups->count + 1, sizeof(*groups->by_index),
				 2 * GROUPS_MAX);

	if (code)
		return code;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->key = *key;
	entry->index = (uint32_t)groups->count;
	entry->group.stack = key->stack;
	entry->group.opened = key->opened;
	entry->group.peer = key->peer;
	HASH_ADD(hh, groups->by_key, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	groups->by_index[groups->count++] = entry;
	return (int)entry->index;
}

int groups_find(struct groups *groups, uint32_t stack, bool opened, const struct endpoint *peer)
{
	struct group_key key = { .peer = endpoint_plain(peer), .stack = stack, .opened = opened };
	struct group_entry *entry;

	HASH_FIND(hh, groups->by_key, &key, sizeof(key), entry);
	if (!entry && groups->count >= GROUPS_MAX) {
		key.stack = 0;
		HASH_FIND(hh, groups->by_key, &key, sizeof(key), entry);
	}
	return entry ? (int)entry->index : add_group(groups, &key);
}

struct group *groups_at(const struct groups *groups, size_t index)
{
	return &groups->by_index[index]->group;
}

size_t groups_count(const struct groups *groups)
{
	return groups->count;
}

void pattern_touch(struct pattern *pattern, uint32_t group, bool opened)
{
	for (size_t i = 0; i < pattern->count; i++)
		if (pattern->touches[i] >> 1 == group) {
			pattern->touches[i] |= opened;
			return;
		}
	if (pattern->count < REQUEST_TOUCHES_MAX)
		pattern->touches[pattern->count++] = TOUCH(group, (uint32_t)opened);
}

static int compare_touches(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static struct pattern_entry *add_pattern(struct groups *groups, const struct pattern_key *key,
					 const struct pattern *pattern)
{
	struct pattern_entry *entry;

	if (array_reserve(&groups->patterns, &groups->pattern_capacity, groups->pattern_count + 1,
			  sizeof(*groups->patterns), PATTERNS_MAX))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = *key;
	entry->pattern = *pattern;
	entry->pattern.requests = 0;
	HASH_ADD(hh, groups->by_content, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	groups->patterns[groups->pattern_count++] = entry;
	return entry;
}

void groups_request(struct groups *groups, struct pattern *pattern)
{
	struct pattern_key key = { .count = pattern->count, .early = pattern->early };
	struct pattern_entry *entry;

	if (!pattern->count)
		return;
	qsort(pattern->touches, pattern->count, sizeof(*pattern->touches), compare_touches);
	memcpy(key.touches, pattern->touches, pattern->count * sizeof(*key.touches));
	HASH_FIND(hh, groups->by_content, &key, sizeof(key), entry);
	if (!entry)
		entry = add_pattern(groups, &key, pattern);
	if (entry) {
		entry->pattern.requests++;
		return;
	}
	/* No room: counted as uses only, which can lower a ratio and never raise it. */
	for (size_t i = 0; i < pattern->count; i++)
		groups_at(groups, pattern->touches[i] >> 1)->more_using++;
}

const struct pattern *groups_pattern(const struct groups *groups, size_t index)
{
	return &groups->patterns[index]->pattern;
}

size_t groups_pattern_count(const struct groups *groups)
{
	return groups->pattern_count;
}

void counts_close_stack(struct counts *counts, uint32_t stack, uint64_t count)
{
	struct close_stack *rarest = &counts->close_stacks[0];

	if (!stack)
		return;
	for (size_t i = 0; i < CLOSE_STACKS_MAX; i++) {
		struct close_stack *kept = &counts->close_stacks[i];

		if (!kept->count || kept->stack == stack) {
			kept->stack = stack;
			kept->count += count;
			return;
		}
		if (kept->count < rarest->count)
			rarest = kept;
	}
	/* Full: the newcomer wears the rarest down and takes its place in the end (a majority is always among those kept). */
	if (rarest->count <= count)
		*rarest = (struct close_stack){ stack, count };
	else
		rarest->count -= count;
}

int counts_merge(struct counts *into, const struct counts *from)
{
	into->connects += from->connects;
	into->failed += from->failed;
	into->early += from->early;
	into->reconnected += from->reconnected;
	into->long_lived += from->long_lived;
	into->reused += from->reused;
	for (size_t i = 0; i < TIE_COUNT; i++) {
		into->single[i] += from->single[i];
		into->ties[i] += from->ties[i];
	}
	into->aside += from->aside;
	into->closed_single += from->closed_single;
	into->closed_reused += from->closed_reused;
	into->brief_untied += from->brief_untied;
	into->brief += from->brief;
	into->closed += from->closed;
	into->open += from->open;
	into->close_wait += from->close_wait;
	into->served += from->served;
	into->commands += from->commands;
	into->untied_uses += from->untied_uses;
	into->first_of_thread += from->first_of_thread;
	into->first_of_process += from->first_of_process;
	into->bytes_sent += from->bytes_sent;
	into->bytes_received += from->bytes_received;
	into->last_birth_ns = from->last_birth_ns > into->last_birth_ns ? from->last_birth_ns : into->last_birth_ns;
	for (size_t i = 0; i < CLOSE_STACKS_MAX; i++)
		counts_close_stack(into, from->close_stacks[i].stack, from->close_stacks[i].count);
	into->library = from->library ? from->library : into->library;
	into->protocol = from->protocol ? from->protocol : into->protocol;
	into->confirmed |= from->confirmed;
	into->tls |= from->tls;
	into->handshake_trips += from->handshake_trips;
	into->pooled += from->pooled;
	return pool_set_merge(&into->pools, &from->pools) || sketch_merge(&into->lifetime, &from->lifetime) || sketch_merge(&into->setup, &from->setup) ||
	       sketch_merge(&into->idle_at_close, &from->idle_at_close) || sketch_merge(&into->connect, &from->connect) ||
	       sketch_merge(&into->tls_handshake, &from->tls_handshake) || sketch_merge(&into->handshake, &from->handshake) ? -ENOMEM : 0;
}

void counts_done(struct counts *counts)
{
	sketch_done(&counts->lifetime);
	sketch_done(&counts->setup);
	sketch_done(&counts->idle_at_close);
	sketch_done(&counts->connect);
	sketch_done(&counts->tls_handshake);
	sketch_done(&counts->handshake);
	pool_set_done(&counts->pools);
}

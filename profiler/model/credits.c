/* SPDX-License-Identifier: BSD-2-Clause */
/* credits.c - a uthash table by process and peer. */
#include "model/credits.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct credit_key {
	struct endpoint peer;
	uint32_t pid, reserved;
};

struct credit {
	UT_hash_handle hh;
	struct credit_key key;
	uint64_t count;
};

struct credits {
	struct credit *by_key;
};

struct credits *credits_new(void)
{
	return calloc(1, sizeof(struct credits));
}

void credits_free(struct credits *credits)
{
	struct credit *credit, *next;

	if (!credits)
		return;
	HASH_ITER(hh, credits->by_key, credit, next) {
		HASH_DELETE(hh, credits->by_key, credit);
		free(credit);
	}
	free(credits);
}

static struct credit *find(const struct credits *credits, uint32_t pid, const struct endpoint *peer)
{
	struct credit_key key = { .peer = *peer, .pid = pid };
	struct credit *credit;

	HASH_FIND(hh, credits->by_key, &key, sizeof(key), credit);
	return credit;
}

static struct credit *make(struct credits *credits, uint32_t pid, const struct endpoint *peer)
{
	struct credit *credit = HASH_COUNT(credits->by_key) < CREDITS_MAX ? calloc(1, sizeof(*credit)) : NULL;

	if (!credit)
		return NULL;
	credit->key = (struct credit_key){ .peer = *peer, .pid = pid };
	HASH_ADD(hh, credits->by_key, key, sizeof(credit->key), credit);
	if (credit->hh.tbl)
		return credit;
	free(credit);
	return NULL;
}

void credit_give(struct credits *credits, uint32_t pid, const struct endpoint *peer)
{
	struct credit *credit = find(credits, pid, peer);

	if (!credit)
		credit = make(credits, pid, peer);
	if (credit)
		credit->count++;
}

bool credit_take(struct credits *credits, uint32_t pid, const struct endpoint *peer)
{
	struct credit *credit = find(credits, pid, peer);

	if (!credit || !credit->count)
		return false;
	credit->count--;
	return true;
}

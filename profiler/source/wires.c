/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wires.c - a parser per connection, by key. What a TLS library carried for a connection has one of its own, beside that of
 * the ciphertext.
 */
#include "source/wires.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define WIRES_MAX 65536             /* connections whose protocol is followed at once */
#define INSIDE_TLS (1ULL << 62)     /* in a key: the plaintext's */

struct wire_entry {
	UT_hash_handle hh;
	uint64_t key;
	struct wire *wire;
};

struct wires {
	struct wire_entry *by_key;
};

struct wires *wires_new(void)
{
	return calloc(1, sizeof(struct wires));
}

static void forget(struct wires *wires, uint64_t key)
{
	struct wire_entry *entry;

	HASH_FIND(hh, wires->by_key, &key, sizeof(key), entry);
	if (!entry)
		return;
	HASH_DEL(wires->by_key, entry);
	wire_free(entry->wire);
	free(entry);
}

void wires_forget(struct wires *wires, uint64_t conn)
{
	forget(wires, conn);
	forget(wires, conn | INSIDE_TLS);
}

void wires_free(struct wires *wires)
{
	struct wire_entry *entry, *next;

	if (!wires)
		return;
	HASH_ITER(hh, wires->by_key, entry, next)
		forget(wires, entry->key);
	free(wires);
}

static struct wire *wire_of(struct wires *wires, uint64_t key)
{
	struct wire_entry *entry;

	HASH_FIND(hh, wires->by_key, &key, sizeof(key), entry);
	if (entry)
		return entry->wire;
	if (HASH_COUNT(wires->by_key) >= WIRES_MAX || !(entry = calloc(1, sizeof(*entry))))
		return NULL;
	entry->key = key;
	entry->wire = wire_new();
	if (entry->wire) {
		HASH_ADD(hh, wires->by_key, key, sizeof(entry->key), entry);
		if (entry->hh.tbl)
			return entry->wire;
	}
	wire_free(entry->wire);
	free(entry);
	return NULL;
}

void wires_feed(struct wires *wires, const struct io_body *body, struct wire_facts *facts)
{
	bool plain = body->flags & IO_PLAIN;
	struct wire *wire;

	if (body->flags & IO_SEALED) {
		*facts = (struct wire_facts){.flags = WIRE_TLS | WIRE_SEALED};
		return;
	}
	wire = wire_of(wires, plain ? body->conn | INSIDE_TLS : body->conn);
	if (wire)
		wire_feed(wire, body->flags & IO_SENT ? WIRE_SENT : WIRE_RECEIVED, (const uint8_t *)(body + 1),
			  body->payload_bytes, body->bytes, facts);
	if (plain)
		facts->flags |= WIRE_INSIDE_TLS;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* wires.c - a uthash table. */
#include "source/wires.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	uint64_t conn;
	struct wire *wire;
};

struct wires {
	struct entry *by_conn;
};

struct wires *wires_new(void)
{
	return calloc(1, sizeof(struct wires));
}

static struct entry *find(const struct wires *wires, uint64_t conn)
{
	struct entry *entry;

	HASH_FIND(hh, wires->by_conn, &conn, sizeof(conn), entry);
	return entry;
}

static void drop(struct wires *wires, struct entry *entry)
{
	HASH_DEL(wires->by_conn, entry);
	wire_free(entry->wire);
	free(entry);
}

void wires_free(struct wires *wires)
{
	struct entry *entry, *next;

	if (!wires)
		return;
	HASH_ITER(hh, wires->by_conn, entry, next)
		drop(wires, entry);
	free(wires);
}

struct wire *wires_get(struct wires *wires, uint64_t conn)
{
	struct entry *entry = find(wires, conn);

	if (entry)
		return entry->wire;
	if (HASH_COUNT(wires->by_conn) >= WIRES_MAX || !(entry = calloc(1, sizeof(*entry))))
		return NULL;
	entry->conn = conn;
	entry->wire = wire_new();
	if (entry->wire) {
		HASH_ADD(hh, wires->by_conn, conn, sizeof(entry->conn), entry);
		if (entry->hh.tbl)
			return entry->wire;
	}
	wire_free(entry->wire);
	free(entry);
	return NULL;
}

void wires_forget(struct wires *wires, uint64_t conn)
{
	struct entry *entry = find(wires, conn);

	if (entry)
		drop(wires, entry);
}

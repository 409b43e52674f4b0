/* SPDX-License-Identifier: BSD-2-Clause */
/* unixes.c - by key; each network namespace's table is read once a sweep. */
#include "source/unixes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "process/process.h"

#define NAMESPACES_MAX 16 /* in one sweep; connections of further ones wait for the next */

struct open_unix {
	UT_hash_handle hh;
	uint64_t conn, inode, missed_ns; /* the last: when it was first not listed, 0: it was */
	pid_t owner;
};

struct unixes {
	struct open_unix *by_conn;
};

struct namespace_table {
	uint64_t namespace;
	uint64_t *inodes;
	size_t count;
};

struct sweep {
	struct namespace_table tables[NAMESPACES_MAX];
	size_t count;
};

struct unixes *unixes_new(void)
{
	return calloc(1, sizeof(struct unixes));
}

static void drop(struct unixes *unixes, struct open_unix *item)
{
	HASH_DEL(unixes->by_conn, item);
	free(item);
}

void unixes_free(struct unixes *unixes)
{
	struct open_unix *item, *next;

	if (!unixes)
		return;
	HASH_ITER(hh, unixes->by_conn, item, next)
		drop(unixes, item);
	free(unixes);
}

void unixes_add(struct unixes *unixes, uint64_t conn, uint64_t inode, pid_t owner)
{
	struct open_unix *item = inode ? calloc(1, sizeof(*item)) : NULL;

	if (!item)
		return; /* its end is seen by the kernel side, or not at all */
	item->conn = conn;
	item->inode = inode;
	item->owner = owner;
	HASH_ADD(hh, unixes->by_conn, conn, sizeof(item->conn), item);
	if (!item->hh.tbl)
		free(item);
}

void unixes_remove(struct unixes *unixes, uint64_t conn)
{
	struct open_unix *item;

	HASH_FIND(hh, unixes->by_conn, &conn, sizeof(conn), item);
	if (item)
		drop(unixes, item);
}

/* 0: the process has gone. */
static uint64_t namespace_of(pid_t pid)
{
	char path[64];
	struct stat file;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return stat(path, &file) ? 0 : file.st_ino;
}

/* The table that pid sees; NULL: it cannot be read. */
static const struct namespace_table *table_of(struct sweep *sweep, pid_t pid, uint64_t namespace)
{
	struct namespace_table *table;
	int count;

	for (size_t i = 0; i < sweep->count; i++)
		if (sweep->tables[i].namespace == namespace)
			return &sweep->tables[i];
	if (sweep->count == NAMESPACES_MAX)
		return NULL;
	table = &sweep->tables[sweep->count];
	count = process_unix_inodes(pid, &table->inodes);
	if (count < 0)
		return NULL;
	table->namespace = namespace;
	table->count = (size_t)count;
	sweep->count++;
	return table;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool has_ended(struct sweep *sweep, const struct open_unix *item, pid_t alive)
{
	uint64_t namespace = namespace_of(item->owner);
	const struct namespace_table *table;
	pid_t through = item->owner;

	if (!namespace && alive)
		namespace = namespace_of(through = alive);
	if (!namespace)
		return true; /* nobody followed is left to hold it */
	table = table_of(sweep, through, namespace);
	return table && !bsearch(&item->inode, table->inodes, table->count, sizeof(*table->inodes), by_value);
}

void unixes_sweep(struct unixes *unixes, const struct unixes_look *look)
{
	struct open_unix *item, *next;
	struct sweep sweep = {0};

	HASH_ITER(hh, unixes->by_conn, item, next) {
		if (!has_ended(&sweep, item, look->alive)) /* the kernel's list may lack one that is there, once */
			item->missed_ns = 0;
		else if (!item->missed_ns)
			item->missed_ns = look->now_ns;
		if (!item->missed_ns || (item->missed_ns == look->now_ns && !look->last))
			continue;
		look->gone(look->context, item->conn, item->owner, item->missed_ns);
		drop(unixes, item);
	}
	for (size_t i = 0; i < sweep.count; i++)
		free(sweep.tables[i].inodes);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* children.c - the living descendants of a process, by parent pids of one pass over /proc. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "process/process.h"
#include "process/procfs.h"

#define PIDS_MAX (4u << 20) /* PID_MAX_LIMIT, include/linux/threads.h */

struct link {
	pid_t pid, parent;
};

struct links {
	struct link *items;
	size_t count, capacity;
};

static int by_parent(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return (x->parent > y->parent) - (x->parent < y->parent);
}

static pid_t parent_of(pid_t pid)
{
	char stat[2048];
	const char *close;

	if (procfs_read(pid, "stat", stat, sizeof(stat)) <= 0)
		return 0;
	close = strrchr(stat, ')'); /* "812 (comm) S 1 …" */
	return close && strlen(close) > 4 ? (pid_t)strtol(close + 4, NULL, 10) : 0;
}

static int load_links(struct links *links)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int code = 0;

	if (!proc)
		return -errno;
	while (!code && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), parent;

		if (pid <= 0 || !(parent = parent_of(pid)))
			continue;
		code = array_reserve(&links->items, &links->capacity, links->count + 1, sizeof(*links->items), PIDS_MAX);
		if (!code)
			links->items[links->count++] = (struct link){pid, parent};
	}
	closedir(proc);
	return code;
}

static size_t first_child(const struct links *links, pid_t parent)
{
	size_t low = 0, high = links->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (links->items[middle].parent < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A pid may be recycled while /proc is read, so that two links form a ring: a pid is taken once. */
static bool taken(const pid_t *pids, size_t count, pid_t root, pid_t pid)
{
	if (pid == root)
		return true;
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

int process_descendants(pid_t pid, size_t limit, pid_t **out)
{
	struct links links = {0};
	pid_t *found = NULL, parent = pid;
	size_t count = 0, capacity = 0, next = 0;
	int code = load_links(&links);

	if (limit > TARGETS_MAX)
		limit = TARGETS_MAX;
	if (links.count)
		qsort(links.items, links.count, sizeof(*links.items), by_parent);
	while (!code) { /* breadth first: found[] is the queue too */
		for (size_t i = first_child(&links, parent); i < links.count && links.items[i].parent == parent; i++) {
			if (count == limit || taken(found, count, pid, links.items[i].pid))
				continue;
			code = array_reserve(&found, &capacity, count + 1, sizeof(*found), limit);
			if (code)
				break;
			found[count++] = links.items[i].pid;
		}
		if (next == count)
			break;
		parent = found[next++];
	}
	free(links.items);
	if (code) {
		free(found);
		return code;
	}
	*out = found;
	return (int)count;
}

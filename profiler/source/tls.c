/* SPDX-License-Identifier: BSD-2-Clause */
/* tls.c - libraries looked through once per file, links held per process. */
#include "source/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/log.h"
#include "source/closer.h"
#include "symbol/symbol.h"

#define POINTS_MAX 64      /* places in one library */
#define LIBRARIES_MAX 4    /* watched in one process */
#define LINKS_MAX 16384    /* held at once: each is two descriptors */

static const struct {
	const char *name;
	enum probe_function program;
	bool returns;      /* its return instructions matter */
} functions[] = {
	{"SSL_read", PROBE_TLS_READ, true}, {"SSL_read_ex", PROBE_TLS_READ_EX, true}, {"SSL_write", PROBE_TLS_WRITE, true},
	{"SSL_write_ex", PROBE_TLS_WRITE_EX, true}, {"SSL_write_ex2", PROBE_TLS_WRITE_EX2, true},
	{"SSL_do_handshake", PROBE_TLS_HANDSHAKE, false}, {"SSL_free", PROBE_TLS_FREE, false},
};

struct point {
	enum probe_function program;
	uint64_t offset;   /* in the file */
};

struct library {
	UT_hash_handle hh;
	struct object *object; /* key */
	struct point points[POINTS_MAX];
	size_t count;      /* 0: no TLS library, or not one that is understood */
};

struct watched {
	UT_hash_handle hh;
	pid_t pid;
	struct probe_link **links;
	size_t count;
};

struct tls {
	struct probe *probe;
	struct objects *objects;
	struct connprof_recording *notes;
	struct closer *closer;
	struct library *libraries;
	struct watched *by_pid;
	size_t links;
	bool full_told, failed_told, unread_told;
};

struct tls *tls_new(struct probe *probe, struct objects *objects, struct connprof_recording *notes)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	tls->closer = closer_new();
	if (!tls->closer) {
		free(tls);
		return NULL;
	}
	tls->probe = probe;
	tls->objects = objects;
	tls->notes = notes;
	return tls;
}

static void drop(struct tls *tls, struct watched *watched)
{
	closer_add(tls->closer, watched->links, watched->count);
	tls->links -= watched->count;
	HASH_DEL(tls->by_pid, watched);
	free(watched->links);
	free(watched);
}

void tls_free(struct tls *tls)
{
	struct watched *watched, *next;
	struct library *library, *next_library;

	if (!tls)
		return;
	HASH_ITER(hh, tls->by_pid, watched, next)
		drop(tls, watched);
	HASH_ITER(hh, tls->libraries, library, next_library) {
		HASH_DEL(tls->libraries, library);
		free(library);
	}
	closer_free(tls->closer);
	free(tls);
}

/* ---- looking through a library ---- */

static bool add_point(struct library *library, enum probe_function program, uint64_t offset)
{
	if (library->count == POINTS_MAX)
		return false;
	library->points[library->count++] = (struct point){program, offset};
	return true;
}

/* Its return instructions. */
static bool add_returns(struct library *library, int fd, uint64_t address, uint64_t offset, uint64_t size)
{
	uint8_t code[RETURNS_BYTES_MAX];
	size_t at[RETURNS_MAX];
	int count;

	if (!size || size > sizeof(code) || pread(fd, code, size, (off_t)offset) != (ssize_t)size)
		return false;
	count = returns_find(code, size, address, at);
	for (int i = 0; i < count; i++)
		if (!add_point(library, PROBE_TLS_RETURN, offset + at[i]))
			return false;
	return count > 0;
}

/* False: it is there, and not understood. */
static bool add_function(struct library *library, int fd, size_t which, unsigned *found)
{
	uint64_t address, offset, size;

	if (object_function(library->object, functions[which].name, &address, &offset, &size))
		return true;
	if (functions[which].returns && !add_returns(library, fd, address, offset, size)) {
		log_say(1, "%s of %s is not understood: what goes through it is not read", functions[which].name,
			object_path(library->object));
		return false;
	}
	*found |= 1u << functions[which].program;
	return add_point(library, functions[which].program, offset);
}

static void look_through(struct library *library, int fd)
{
	const unsigned reads = 1u << PROBE_TLS_READ | 1u << PROBE_TLS_READ_EX;
	const unsigned writes = 1u << PROBE_TLS_WRITE | 1u << PROBE_TLS_WRITE_EX | 1u << PROBE_TLS_WRITE_EX2;
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!add_function(library, fd, i, &found)) {
			library->count = 0;
			return;
		}
	if (!(found & reads) || !(found & writes))
		library->count = 0;
}

static struct library *library_of(struct tls *tls, struct object *object, int fd)
{
	struct library *library;

	HASH_FIND_PTR(tls->libraries, &object, library);
	if (library)
		return library;
	library = calloc(1, sizeof(*library));
	if (!library)
		return NULL;
	library->object = object;
	HASH_ADD_PTR(tls->libraries, object, library);
	if (!library->hh.tbl) {
		free(library);
		return NULL;
	}
	look_through(library, fd);
	return library;
}

/* ---- watching a process ---- */

static void tell_failed(struct tls *tls, pid_t pid, const char *path, int code)
{
	char text[400];

	if (tls->failed_told || code == -ESRCH) /* it has ended meanwhile */
		return;
	tls->failed_told = true;
	snprintf(text, sizeof(text), "what %d says inside TLS cannot be read: watching %s failed: %s (see connprof doctor)", pid, path,
		 strerror(-code));
	recording_note(tls->notes, text);
}

/* It speaks TLS, and not through a library whose functions are found. */
static void tell_unread(struct tls *tls, pid_t pid)
{
	char text[200];

	if (tls->unread_told)
		return;
	tls->unread_told = true;
	snprintf(text, sizeof(text), "what %d says inside TLS is not read: no functions of OpenSSL's are found in it by name (stripped, or "
		 "another library); a Redis behind it is named with --redis HOST:PORT", pid);
	recording_note(tls->notes, text);
}

/* Watches all of a library's functions or none. */
static void link_library(struct tls *tls, struct watched *watched, const struct library *library, int fd)
{
	size_t before = watched->count;
	struct probe_link **links = realloc(watched->links, (before + library->count) * sizeof(*links));
	int code = links ? 0 : -ENOMEM;

	if (links)
		watched->links = links;
	for (size_t i = 0; i < library->count && !code; i++) {
		code = probe_link(tls->probe, library->points[i].program, watched->pid, fd, library->points[i].offset,
				  &watched->links[watched->count]);
		watched->count += !code;
	}
	if (code) {
		if (links)
			closer_add(tls->closer, watched->links + before, watched->count - before);
		watched->count = before;
		tell_failed(tls, watched->pid, object_path(library->object), code);
		return;
	}
	tls->links += library->count;
	log_say(1, "%d: what it says through %s is read (%zu places)", watched->pid, object_path(library->object), library->count);
}

static void link_all(struct tls *tls, struct watched *watched)
{
	struct object *seen[LIBRARIES_MAX];
	struct process_maps maps = {0};
	size_t count = 0;

	if (process_maps_load(watched->pid, &maps))
		return;
	for (size_t i = 0; i < maps.count && count < LIBRARIES_MAX; i++) {
		struct object *object = maps.items[i].execute ? objects_get(tls->objects, watched->pid, &maps.items[i]) : NULL;
		struct library *library;
		int fd = object ? process_open_map(watched->pid, &maps.items[i], NULL) : -1;

		library = fd >= 0 ? library_of(tls, object, fd) : NULL;
		for (size_t j = 0; j < count && library; j++)
			if (seen[j] == object)
				library = NULL;
		if (library && library->count) {
			seen[count++] = object;
			link_library(tls, watched, library, fd);
		}
		if (fd >= 0)
			close(fd);
	}
	process_maps_done(&maps);
	if (!count)
		tell_unread(tls, watched->pid);
}

void tls_watch(struct tls *tls, pid_t pid)
{
	struct watched *watched;

	if (!tls || !pid)
		return;
	HASH_FIND_INT(tls->by_pid, &pid, watched);
	if (watched)
		return;
	if (tls->links >= LINKS_MAX) {
		if (!tls->full_told)
			recording_note(tls->notes, "more processes speak TLS than are read: what the others say is not known");
		tls->full_told = true;
		return;
	}
	watched = calloc(1, sizeof(*watched));
	if (!watched)
		return;
	watched->pid = pid;
	HASH_ADD_INT(tls->by_pid, pid, watched);
	if (watched->hh.tbl)
		link_all(tls, watched);
	else
		free(watched);
}

void tls_fork(struct tls *tls, pid_t parent, pid_t child)
{
	struct watched *watched = NULL;

	if (tls)
		HASH_FIND_INT(tls->by_pid, &parent, watched);
	if (watched && watched->count)
		tls_watch(tls, child);
}

void tls_forget(struct tls *tls, pid_t pid)
{
	struct watched *watched = NULL;

	if (tls)
		HASH_FIND_INT(tls->by_pid, &pid, watched);
	if (watched)
		drop(tls, watched);
}

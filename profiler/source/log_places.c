/* SPDX-License-Identifier: BSD-2-Clause */
/* log_places.c - by process, descriptor and inode: the same number may mean another file a moment later. */
#include "source/log_places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/text.h"

#define PATH_BYTES 256

struct place_key {
	uint64_t inode;
	uint32_t pid, fd;
};

struct place {
	UT_hash_handle hh;
	struct place_key key;
	uint32_t name;
};

struct log_places {
	struct strings *strings;
	struct place *by_key;
};

struct log_places *log_places_new(struct strings *strings)
{
	struct log_places *places = calloc(1, sizeof(*places));

	if (places)
		places->strings = strings;
	return places;
}

static void forget(struct log_places *places)
{
	struct place *place, *next;

	HASH_ITER(hh, places->by_key, place, next) {
		HASH_DELETE(hh, places->by_key, place);
		free(place);
	}
}

void log_places_free(struct log_places *places)
{
	if (!places)
		return;
	forget(places);
	free(places);
}

/* The file's path, or "" if the descriptor does not mean that inode any more. */
static void path_of(uint32_t pid, const struct call_body *body, char out[PATH_BYTES])
{
	char link[64], path[4096];
	struct stat found;
	ssize_t length;

	*out = '\0';
	snprintf(link, sizeof(link), "/proc/%u/fd/%u", pid, body->fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0 || stat(link, &found) || found.st_ino != body->subject)
		return;
	if ((size_t)length >= PATH_BYTES) /* its end tells more */
		memmove(path, path + length - PATH_BYTES + 1, PATH_BYTES - 1);
	text_clean(out, PATH_BYTES, path, (size_t)length < PATH_BYTES ? (size_t)length : PATH_BYTES - 1);
}

static uint32_t name_of(struct log_places *places, uint32_t pid, const struct call_body *body)
{
	const char *stream = body->fd == 1 ? "stdout" : body->fd == 2 ? "stderr" : NULL, *what;
	char path[PATH_BYTES] = "", text[PATH_BYTES + 32];

	switch (body->mode & S_IFMT) {
	case S_IFIFO:
		what = "pipe";
		break;
	case S_IFSOCK:
		what = "syslog";
		break;
	default:
		path_of(pid, body, path);
		what = *path ? path : "file";
	}
	if (stream)
		snprintf(text, sizeof(text), "%s (%s)", stream, what);
	else
		snprintf(text, sizeof(text), "%s", what);
	return strings_add(places->strings, text);
}

uint32_t log_place(struct log_places *places, uint32_t pid, const struct call_body *body)
{
	struct place_key key = { .inode = body->subject, .pid = pid, .fd = body->fd };
	struct place *place;

	HASH_FIND(hh, places->by_key, &key, sizeof(key), place);
	if (place)
		return place->name;
	if (HASH_COUNT(places->by_key) >= LOG_PLACES_KNOWN)
		forget(places);
	place = calloc(1, sizeof(*place));
	if (!place)
		return name_of(places, pid, body);
	place->key = key;
	place->name = name_of(places, pid, body);
	HASH_ADD(hh, places->by_key, key, sizeof(place->key), place);
	if (place->hh.tbl)
		return place->name;
	free(place);
	return name_of(places, pid, body);
}

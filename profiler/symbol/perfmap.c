/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perfmap.c - names of code a JIT has made, from the perf-PID.map it writes: hexadecimal start and size, then the name.
 *
 *   7f2b4c0010c0 1a4 LazyCompile:*render /srv/app/render.js:12
 *
 * A JIT appends: code that was thrown away stays listed, so of overlapping entries the later one holds. The file belongs to
 * the target: it is opened inside the target's root, only if it is a regular file, and only up to PERF_MAP_BYTES_MAX.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/process.h"
#include "symbol/symbol.h"
#include "symbol/table.h"

struct perfmap {
	struct table table;
};

/* Reads a hexadecimal number (0x allowed) of at most 16 digits and the blank behind it. False: there is none. */
static int read_hex(const char **at, const char *end, uint64_t *out)
{
	const char *p = *at;
	int digits = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (*out = 0; p < end && digits <= 16; p++, digits++) {
		int c = *p | 0x20;

		if (*p >= '0' && *p <= '9')
			*out = *out << 4 | (uint64_t)(*p - '0');
		else if (c >= 'a' && c <= 'f')
			*out = *out << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (!digits || digits > 16 || p == end || (*p != ' ' && *p != '\t'))
		return 0;
	*at = p + 1;
	return 1;
}

/* A line that is not an entry (a JIT in the middle of writing one) is left out. */
static int add_line(struct table *table, const char *at, const char *end, uint32_t rank)
{
	uint64_t start, size;
	uint32_t name;
	int code;

	if (!read_hex(&at, end, &start) || !read_hex(&at, end, &size) || at == end || !size || size > UINT64_MAX - start)
		return 0;
	if (end[-1] == '\r')
		end--;
	code = table_name(table, at, (size_t)(end - at), &name);
	return code ? code : table_add(table, start, start + size, rank, name);
}

int perfmap_parse(const char *text, size_t length, struct perfmap **out)
{
	struct perfmap *map = calloc(1, sizeof(*map));
	const char *at = text, *end = text + length;
	uint32_t rank = 0;
	int code = map ? 0 : -ENOMEM;

	while (!code && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		code = add_line(&map->table, at, stop, rank++);
		at = newline ? newline + 1 : end;
	}
	if (code == -E2BIG) /* more entries than anyone needs: the first ones stand */
		code = 0;
	if (!code)
		code = table_build(&map->table);
	if (!code)
		*out = map;
	else
		perfmap_free(map);
	return code;
}

/* Reads up to limit bytes of fd; the file may grow or shrink meanwhile. */
static ssize_t read_all(int fd, char *out, size_t limit)
{
	size_t done = 0;

	while (done < limit) {
		ssize_t n = read(fd, out + done, limit - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int perfmap_load(pid_t pid, pid_t namespace_pid, struct perfmap **out)
{
	char path[64];
	struct stat status;
	char *text = NULL;
	ssize_t length;
	int fd, code;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)namespace_pid);
	fd = process_open_path(pid, path, PERF_MAP_BYTES_MAX, &status);
	if (fd < 0)
		return fd;
	text = malloc((size_t)status.st_size + 1);
	length = text ? read_all(fd, text, (size_t)status.st_size) : -ENOMEM;
	code = length < 0 ? (int)length : perfmap_parse(text, (size_t)length, out);
	free(text);
	close(fd);
	return code;
}

void perfmap_free(struct perfmap *map)
{
	if (!map)
		return;
	table_done(&map->table);
	free(map);
}

size_t perfmap_bytes(const struct perfmap *map)
{
	return map ? table_bytes(&map->table) : 0;
}

const char *perfmap_find(const struct perfmap *map, uint64_t address)
{
	const struct span *span = table_find(&map->table, address);

	return span ? table_text(&map->table, span->name) : NULL;
}

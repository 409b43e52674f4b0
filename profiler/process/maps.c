/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.c - /proc/PID/maps as a sorted array. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/array.h"
#include "process/process.h"
#include "process/procfs.h"

#define LINES_MAX 65536

/* The path column: the kernel writes a newline in a name as \012 and nothing else specially. A longer path is cut. */
static void copy_path(struct process_map *map, const char *text, size_t length)
{
	static const char deleted[] = " (deleted)";
	size_t suffix = sizeof(deleted) - 1, at = 0;

	if (length > suffix && *text == '/' && !memcmp(text + length - suffix, deleted, suffix)) {
		map->deleted = true;
		length -= suffix;
	}
	for (size_t i = 0; i < length && at < sizeof(map->path) - 1; i++) {
		if (length - i >= 4 && !memcmp(text + i, "\\012", 4)) {
			map->path[at++] = '\n';
			i += 3;
		} else {
			map->path[at++] = text[i];
		}
	}
	map->path[at] = '\0';
}

/* 7f0c1000-7f0c3000 r-xp 00001000 08:01 1234    /usr/lib/libz.so.1 (deleted) */
static int parse_line(const char *line, size_t length, struct process_map *out)
{
	unsigned int major, minor;
	char permissions[5];
	int path = 0;

	memset(out, 0, sizeof(*out));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &out->start, &out->end, permissions,
		   &out->offset, &major, &minor, &out->inode, &path) != 7 || !path || strlen(permissions) != 4 ||
	    out->end <= out->start)
		return -EPROTO;
	out->read = permissions[0] == 'r';
	out->write = permissions[1] == 'w';
	out->execute = permissions[2] == 'x';
	out->device = (uint32_t)makedev(major, minor);
	copy_path(out, line + path, length - (size_t)path);
	return 0;
}

static int load_lines(FILE *file, struct process_maps *maps)
{
	size_t executable = 0, lines = 0, size = 0;
	char *line = NULL;
	ssize_t length;
	int code = 0;

	while ((length = getline(&line, &size, file)) > 0) {
		struct process_map map;

		if (line[length - 1] == '\n')
			line[--length] = '\0';
		if (++lines > LINES_MAX) {
			maps->cut = true;
			break;
		}
		if (parse_line(line, (size_t)length, &map))
			continue;
		if (map.execute && ++executable > MAPPING_ROWS_MAX) {
			maps->cut = true;
			break;
		}
		code = array_reserve(&maps->items, &maps->capacity, maps->count + 1, sizeof(*maps->items), LINES_MAX);
		if (code)
			break;
		maps->items[maps->count++] = map;
	}
	if (!code && ferror(file))
		code = procfs_error(errno);
	free(line);
	return code;
}

int process_maps_load(pid_t pid, struct process_maps *out)
{
	struct process_maps maps = {0};
	char path[64];
	FILE *file;
	int code;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return procfs_error(errno);
	code = load_lines(file, &maps);
	fclose(file);
	if (!code && !maps.count)
		code = -ESRCH; /* a zombie's or a kernel thread's: there is no image */
	if (code) {
		process_maps_done(&maps);
		return code;
	}
	*out = maps;
	return 0;
}

void process_maps_done(struct process_maps *maps)
{
	free(maps->items);
	memset(maps, 0, sizeof(*maps));
}

const struct process_map *process_maps_find(const struct process_maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < maps->count && maps->items[low].start <= address ? &maps->items[low] : NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* image.c - the code a process has mapped, shared between forked processes by counting. */
#include "source/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/clock.h"

#define FRAME_CACHE_MAX 65536

struct cached_frame {
	UT_hash_handle hh;
	uint64_t key;
	uint32_t frame;
};

struct image {
	unsigned users;
	pid_t pid;
	struct tables *tables;
	struct process_maps maps;  /* the executable ones */
	struct object **objects;   /* one per maps.items; borrowed */
	uint32_t first_mapping, generation;
	bool uploaded;
	struct cached_frame *frames;
};

static bool holds_code(const struct process_map *map)
{
	return map->execute && strcmp(map->path, "[vsyscall]");
}

static int copy_executable(struct image *image, const struct process_maps *maps)
{
	image->maps.items = calloc(maps->count + 1, sizeof(*image->maps.items));
	image->objects = calloc(maps->count + 1, sizeof(*image->objects));
	if (!image->maps.items || !image->objects)
		return -ENOMEM;
	image->maps.capacity = maps->count + 1;
	for (size_t i = 0; i < maps->count; i++)
		if (holds_code(&maps->items[i]))
			image->maps.items[image->maps.count++] = maps->items[i];
	return 0;
}

static int upload(struct image *image)
{
	struct mapping_row *rows = calloc(image->maps.count + 1, sizeof(*rows));
	int code;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < image->maps.count; i++) {
		const struct process_map *map = &image->maps.items[i];

		rows[i].start = map->start;
		rows[i].end = map->end;
		if (image->objects[i]) {
			rows[i].bias = object_bias(image->objects[i], map);
			object_rows(image->objects[i], &rows[i].first_row, &rows[i].row_count);
		}
	}
	code = tables_add_mappings(image->tables, rows, image->maps.count, clock_now_ns(), &image->first_mapping);
	image->uploaded = code == 0;
	free(rows);
	return code;
}

int image_new(struct objects *objects, struct tables *tables, pid_t pid, const struct process_maps *maps,
	      uint32_t generation, struct image **out)
{
	struct image *image = calloc(1, sizeof(*image));
	int code;

	if (!image)
		return -ENOMEM;
	image->users = 1;
	image->pid = pid;
	image->tables = tables;
	image->generation = generation;
	code = copy_executable(image, maps);
	for (size_t i = 0; !code && i < image->maps.count; i++)
		image->objects[i] = objects_get(objects, pid, &image->maps.items[i]);
	if (!code)
		code = upload(image);
	if (code) {
		image_drop(image);
		return code;
	}
	*out = image;
	return 0;
}

struct image *image_share(struct image *image)
{
	if (image)
		image->users++;
	return image;
}

void image_forget_frames(struct image *image)
{
	struct cached_frame *frame, *next;

	HASH_ITER(hh, image->frames, frame, next) {
		HASH_DEL(image->frames, frame);
		free(frame);
	}
}

void image_drop(struct image *image)
{
	if (!image || --image->users)
		return;
	if (image->uploaded)
		tables_retire_mappings(image->tables, image->first_mapping, clock_now_ns());
	image_forget_frames(image);
	process_maps_done(&image->maps);
	free(image->objects);
	free(image);
}

bool image_same(const struct image *image, const struct process_maps *maps)
{
	size_t at = 0;

	for (size_t i = 0; i < maps->count; i++) {
		const struct process_map *theirs = &maps->items[i], *ours = &image->maps.items[at];

		if (!holds_code(theirs))
			continue;
		if (at++ == image->maps.count || ours->start != theirs->start || ours->end != theirs->end ||
		    ours->inode != theirs->inode || ours->offset != theirs->offset || ours->device != theirs->device)
			return false;
	}
	return at == image->maps.count;
}

void image_describe(const struct image *image, struct target *target)
{
	target->first_mapping = image->first_mapping;
	target->mapping_count = image->maps.count;
	target->generation = image->generation;
}

pid_t image_pid(const struct image *image)
{
	return image->pid;
}

struct object *image_object(const struct image *image, uint64_t pc, uint64_t *address, bool *known)
{
	const struct process_map *map = process_maps_find(&image->maps, pc);
	struct object *object = map ? image->objects[map - image->maps.items] : NULL;

	*known = map != NULL;
	if (object)
		*address = pc - object_bias(object, map);
	return object;
}

uint32_t image_cached_frame(const struct image *image, uint64_t key)
{
	struct cached_frame *frame;

	HASH_FIND(hh, image->frames, &key, sizeof(key), frame);
	return frame ? frame->frame : 0;
}

void image_cache_frame(struct image *image, uint64_t key, uint32_t id)
{
	struct cached_frame *frame;

	if (HASH_COUNT(image->frames) >= FRAME_CACHE_MAX)
		image_forget_frames(image);
	frame = calloc(1, sizeof(*frame));
	if (!frame)
		return;
	frame->key = key;
	frame->frame = id;
	HASH_ADD(hh, image->frames, key, sizeof(frame->key), frame);
	if (!frame->hh.tbl)
		free(frame);
}

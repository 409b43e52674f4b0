/* SPDX-License-Identifier: BSD-2-Clause */
/* objects.c - one entry per ELF file: rows uploaded at once, symbols read late. */
#include "source/objects.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/log.h"
#include "symbol/symbol.h"
#include "unwind/unwind.h"

#define SEGMENTS_MAX 16
#define VDSO_BYTES_MAX (64u << 10)

struct object_key {
	uint64_t device, inode, size;
	int64_t mtime_s, mtime_ns;
};

struct segment {
	uint64_t offset, address, file_bytes;
};

struct object {
	UT_hash_handle hh;
	struct object_key key;
	char path[512];
	int fd;                 /* until symbols are read; -1 */
	uint8_t *image;         /* the vdso's bytes, until symbols are read */
	size_t image_bytes;
	uint32_t first_row, row_count;
	struct segment segments[SEGMENTS_MAX];
	size_t segment_count;
	pid_t pid;              /* a process that maps it */
	struct symbols *symbols;
	int source_fd, source_alt_fd; /* -1: none */
	uint8_t id[BUILD_ID_MAX];     /* where there is none */
	int id_length;
	struct objects *all;
};

struct objects {
	struct object *by_key;
	struct tables *tables;
	size_t sources_open, symbol_bytes;
	uint64_t decode_patience_ns; /* left */
	struct {
		size_t count;
		char first[256]; /* path */
	} troubles[OBJECT_TROUBLES];
};

static void count_trouble(struct objects *objects, enum object_trouble trouble, const char *path)
{
	if (!objects->troubles[trouble].count++)
		snprintf(objects->troubles[trouble].first, sizeof(objects->troubles[trouble].first), "%.200s", path);
}

struct objects *objects_new(struct tables *tables)
{
	struct objects *objects = calloc(1, sizeof(*objects));

	if (!objects)
		return NULL;
	objects->tables = tables;
	objects->decode_patience_ns = DECODE_PATIENCE_NS;
	return objects;
}

static void object_free(struct object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	if (object->source_fd >= 0)
		close(object->source_fd);
	if (object->source_alt_fd >= 0)
		close(object->source_alt_fd);
	free(object->image);
	symbols_free(object->symbols);
	free(object);
}

void objects_free(struct objects *objects)
{
	struct object *object, *next;

	if (!objects)
		return;
	HASH_ITER(hh, objects->by_key, object, next) {
		HASH_DEL(objects->by_key, object);
		object_free(object);
	}
	free(objects);
}

/* The loadable executable segments of an ELF-64 file head. */
static void read_segments(struct object *object, const uint8_t *head, size_t size)
{
	Elf64_Ehdr header;

	if (size < sizeof(header))
		return;
	memcpy(&header, head, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_phentsize != sizeof(Elf64_Phdr))
		return;
	for (size_t i = 0; i < header.e_phnum && object->segment_count < SEGMENTS_MAX; i++) {
		Elf64_Phdr segment;

		if (header.e_phoff > size || (i + 1) * sizeof(segment) > size - header.e_phoff)
			return;
		memcpy(&segment, head + header.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_LOAD)
			object->segments[object->segment_count++] =
				(struct segment){segment.p_offset, segment.p_vaddr, segment.p_filesz};
	}
}

static void upload(struct objects *objects, struct object *object, struct unwind_rows *rows, int code)
{
	if (!code && objects->tables &&
	    !tables_add_rows(objects->tables, rows->items, rows->count, &object->first_row))
		object->row_count = rows->count;
	/* What is no ELF file for this machine is no trouble: not all that is mapped to run is one. */
	if (code && code != -ENODATA && !(code == -ENOEXEC && !object->segment_count))
		count_trouble(objects, OBJECT_UNWIND_REFUSED, object->path);
	if (!code && rows->unread)
		count_trouble(objects, OBJECT_CODE_UNREAD, object->path);
	log_say(1, "object %s: %u unwind rows from %zu functions, %zu rejected%s", object->path, object->row_count,
		rows->functions, rows->rejected,
		code == -ENODATA ? ", no unwind information" : object->row_count || code ? "" : ", no room in the table");
	unwind_rows_done(rows);
}

static void load_file(struct objects *objects, struct object *object)
{
	struct unwind_rows rows = {0};
	uint8_t head[8192];
	ssize_t got = pread(object->fd, head, sizeof(head), 0);

	if (got > 0)
		read_segments(object, head, got);
	if (objects->tables)
		upload(objects, object, &rows, unwind_rows_from_fd(object->fd, &objects->decode_patience_ns, &rows));
}

static void load_vdso(struct objects *objects, struct object *object, pid_t pid, const struct process_map *map)
{
	struct unwind_rows rows = {0};
	size_t bytes = map->end - map->start;

	if (bytes > VDSO_BYTES_MAX || !(object->image = malloc(bytes)))
		return;
	if (process_read(pid, map->start, object->image, bytes)) {
		free(object->image);
		object->image = NULL;
		return;
	}
	object->image_bytes = bytes;
	read_segments(object, object->image, bytes);
	if (objects->tables)
		upload(objects, object, &rows, unwind_rows_from_image(object->image, bytes, &rows));
}

static struct object *add(struct objects *objects, const struct object_key *key, pid_t pid, const char *path, int fd)
{
	struct object *object = HASH_COUNT(objects->by_key) < OBJECTS_MAX ? calloc(1, sizeof(*object)) : NULL;

	if (!object) {
		count_trouble(objects, OBJECT_TOO_MANY, path);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	object->key = *key;
	object->fd = fd;
	object->source_fd = object->source_alt_fd = -1;
	object->pid = pid;
	object->all = objects;
	snprintf(object->path, sizeof(object->path), "%s", path);
	HASH_ADD(hh, objects->by_key, key, sizeof(object->key), object);
	if (object->hh.tbl)
		return object;
	object_free(object);
	return NULL;
}

struct object *objects_get(struct objects *objects, pid_t pid, const struct process_map *map)
{
	bool vdso = !strcmp(map->path, "[vdso]");
	struct object_key key = {0};
	struct object *object;
	struct stat file;
	int fd = -1;

	if (!vdso) {
		if (!map->inode || map->path[0] != '/')
			return NULL;
		fd = process_open_map(pid, map, &file);
		if (fd < 0) {
			log_say(1, "cannot open %s of %d: %s", map->path, pid, strerror(-fd));
			if (fd != -ESRCH && fd != -ENOENT && fd != -EINVAL) /* gone, or a device */
				count_trouble(objects, OBJECT_UNOPENED, map->path);
			return NULL;
		}
		key = (struct object_key){file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
	}
	HASH_FIND(hh, objects->by_key, &key, sizeof(key), object);
	if (object) {
		if (fd >= 0)
			close(fd);
		return object;
	}
	object = add(objects, &key, pid, map->path, fd);
	if (object && vdso)
		load_vdso(objects, object, pid, map);
	else if (object)
		load_file(objects, object);
	return object;
}

uint64_t object_bias(const struct object *object, const struct process_map *map)
{
	if (!map->inode) /* the vdso: linked at 0 */
		return map->start - (object->segment_count ? object->segments[0].address : 0);
	for (size_t i = 0; i < object->segment_count; i++) {
		const struct segment *s = &object->segments[i];
		uint64_t page = s->offset & ~4095ull;

		if (map->offset >= page && map->offset < s->offset + s->file_bytes)
			return map->start - map->offset + s->offset - s->address;
	}
	return map->start - map->offset;
}

void object_rows(const struct object *object, uint32_t *first, uint32_t *count)
{
	*first = object->first_row;
	*count = object->row_count;
}

const char *object_path(const struct object *object)
{
	return object->path;
}

/* Opens the debug info, if there is any, while the target is likely to be there. */
static void keep_source(struct object *object, const struct symbol_place *place)
{
	struct objects *all = object->all;
	int alt = -1, fd = source_open(object->fd, place, &alt);

	if (fd >= 0 && all->sources_open >= SOURCES_OPEN_MAX) {
		count_trouble(all, OBJECT_SOURCE_UNREAD, object->path);
		close(fd);
		if (alt >= 0)
			close(alt);
		return;
	}
	object->source_fd = fd >= 0 ? fd : -1;
	object->source_alt_fd = fd >= 0 ? alt : -1;
	all->sources_open += fd >= 0;
	if (fd < 0)
		object->id_length = build_id_from_fd(object->fd, object->id);
}

static void load_symbols(struct object *object)
{
	struct symbol_place place = {.pid = object->pid, .path = object->path};
	struct objects *all = object->all;
	int code = -ENOSPC;

	if (all->symbol_bytes > SYMBOL_BYTES_MAX)
		count_trouble(all, OBJECT_SYMBOLS_UNREAD, object->path);
	else if (object->image)
		code = symbols_from_image(object->image, object->image_bytes, &object->symbols);
	else
		code = symbols_from_file(object->fd, &place, &object->symbols);
	if (code)
		log_say(1, "no symbols of %s: %s", object->path, strerror(-code));
	if (!code)
		all->symbol_bytes += symbols_bytes(object->symbols);
	if (!code && symbols_cut(object->symbols))
		count_trouble(all, OBJECT_SYMBOLS_CUT, object->path);
	if (object->fd >= 0) {
		keep_source(object, &place);
		close(object->fd);
	}
	object->fd = -1;
	free(object->image);
	object->image = NULL;
}

const char *object_symbol(struct object *object, uint64_t address)
{
	if (object->fd >= 0 || object->image)
		load_symbols(object);
	return object->symbols ? symbols_find(object->symbols, address, NULL) : NULL;
}

int object_function(struct object *object, const char *name, uint64_t *address, uint64_t *offset, uint64_t *size)
{
	if (object->fd >= 0 || object->image)
		load_symbols(object);
	if (!object->symbols || symbols_lookup(object->symbols, name, address, size))
		return -ENOENT;
	for (size_t i = 0; i < object->segment_count; i++) {
		const struct segment *s = &object->segments[i];

		if (*address < s->address || *address - s->address >= s->file_bytes)
			continue;
		*offset = *address - s->address + s->offset;
		return 0;
	}
	return -ENOENT;
}

int object_source(const struct object *object, int *alt_fd)
{
	*alt_fd = object->source_alt_fd;
	return object->source_fd;
}

int object_wanted_id(const struct object *object, uint8_t id[BUILD_ID_MAX])
{
	if (object->id_length > 0)
		memcpy(id, object->id, BUILD_ID_MAX);
	return object->id_length > 0 ? object->id_length : 0;
}

size_t objects_trouble(const struct objects *objects, enum object_trouble trouble)
{
	return objects->troubles[trouble].count;
}

void objects_tell(const struct objects *objects, struct connprof_recording *recording)
{
	static const char *const texts[OBJECT_TROUBLES] = {
		[OBJECT_TOO_MANY] = "objects are past the 8,192 that are read: stacks through them are cut or nameless",
		[OBJECT_UNOPENED] = "mapped files could not be opened: stacks through them are cut or nameless",
		[OBJECT_UNWIND_REFUSED] = "objects have damaged or too much unwind information, which is not used: stacks through them may be cut",
		[OBJECT_SYMBOLS_CUT] = "objects have more symbols than are read: some of their functions have no or another's name",
		[OBJECT_SYMBOLS_UNREAD] = "objects have no names: the symbols of others fill the 1 GiB that they may take",
		[OBJECT_CODE_UNREAD] = "objects may have functions without call frame information that were not decoded (too many, or no time left): "
				       "stacks through them are cut",
		[OBJECT_SOURCE_UNREAD] = "objects have debug info that was left unread, which is read of 128: no file and line",
	};
	char text[600];

	for (int i = 0; i < OBJECT_TROUBLES; i++) {
		if (!objects->troubles[i].count)
			continue;
		snprintf(text, sizeof(text), "%zu %s (the first: %s)", objects->troubles[i].count, texts[i], objects->troubles[i].first);
		recording_note(recording, text);
	}
}

size_t objects_guess_rows(pid_t pid)
{
	struct process_maps maps = {0};
	size_t bytes = 0;

	if (process_maps_load(pid, &maps))
		return 0;
	for (size_t i = 0; i < maps.count; i++)
		if (maps.items[i].execute && maps.items[i].inode)
			bytes += maps.items[i].end - maps.items[i].start;
	process_maps_done(&maps);
	return bytes / 24; /* measured: 25 to 45 bytes of code per row in libpython, libc, node, libjvm */
}

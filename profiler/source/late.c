/* SPDX-License-Identifier: BSD-2-Clause */
/* late.c - object by object: its addresses, one reading, new frames, and the stacks rewritten at the end. */
#include "source/late.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "symbol/symbol.h"

#define LATE_NS 20000000000ull  /* for all objects together */
#define FETCH_NS 60000000000ull /* for all that a debuginfod server is asked for */
#define FRAMES_MAX (4u << 20)   /* frames that are kept in mind, and frames that debug info makes of them */

struct late {
	struct connprof_recording *recording;
	struct object **objects;                 /* by frame id; NULL: none */
	size_t capacity;
	/* while finishing */
	struct frame_replacement *replacements;  /* by frame id - 1 */
	uint32_t *ids;
	size_t id_count, id_capacity;
	uint32_t *frames;                        /* those of the object being read, by address */
	uint64_t *addresses;                     /* of frames, each once */
	uint32_t *first_of;                      /* for each address, where its frames begin in frames */
	size_t frame_count, address_count, known;
	uint64_t read_left_ns;
	int64_t fetch_left_ns;
	size_t replaced;                         /* replacements that were made */
	int code;
};

struct late *late_new(struct connprof_recording *recording)
{
	struct late *late = calloc(1, sizeof(*late));

	if (late)
		late->recording = recording;
	return late;
}

static void done(struct late *late)
{
	free(late->frames);
	free(late->addresses);
	free(late->first_of);
	late->frames = late->first_of = NULL;
	late->addresses = NULL;
}

void late_free(struct late *late)
{
	if (!late)
		return;
	done(late);
	free(late->replacements);
	free(late->ids);
	free(late->objects);
	free(late);
}

void late_add(struct late *late, uint32_t frame, struct object *object)
{
	if (!frame || array_reserve_zeroed(&late->objects, &late->capacity, (size_t)frame + 1, sizeof(*late->objects), FRAMES_MAX))
		return;
	late->objects[frame] = object;
}

void late_add_like(struct late *late, uint32_t frame, uint32_t like)
{
	if (like < late->capacity && late->objects[like])
		late_add(late, frame, late->objects[like]);
}

/* ---- one object ---- */

static int by_object_and_address(const void *a, const void *b, void *context)
{
	const struct late *late = context;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint64_t x_at = stacks_frame(late->recording->stacks, x)->address, y_at = stacks_frame(late->recording->stacks, y)->address;

	if (late->objects[x] != late->objects[y])
		return late->objects[x] < late->objects[y] ? -1 : 1;
	return x_at < y_at ? -1 : x_at > y_at ? 1 : x < y ? -1 : x > y;
}

static bool nameless(const char *name)
{
	return !strncmp(name, "0x", 2) || (name[0] == '[' && strstr(name, "+0x"));
}

/* One more frame that stands for `old`. */
static int add_frame(struct late *late, const struct frame *old, const struct source_frame *source, bool inlined)
{
	struct strings *strings = late->recording->strings;
	struct frame frame = *old;
	int code;

	if (inlined) {
		frame.flags |= FRAME_INLINED;
		frame.function = strings_add(strings, *source->function ? source->function : "[inlined]");
	} else if (*source->function && nameless(strings_get(strings, old->function))) {
		frame.function = strings_add(strings, source->function);
	}
	frame.file = strings_add(strings, source->file);
	frame.line = *source->file ? source->line : 0;
	frame.first_line = source->first_line;
	code = array_reserve(&late->ids, &late->id_capacity, late->id_count + 1, sizeof(*late->ids), FRAMES_MAX);
	if (!code)
		late->ids[late->id_count++] = stacks_add_frame(late->recording->stacks, &frame);
	return code;
}

static int replace(struct late *late, uint32_t id, const struct source_frame *frames, size_t count)
{
	const struct frame old = *stacks_frame(late->recording->stacks, id);
	uint32_t first = (uint32_t)late->id_count;

	for (size_t i = 0; i < count; i++) {
		int code = add_frame(late, &old, &frames[i], i + 1 < count);

		if (code)
			return code;
		if (!late->ids[late->id_count - 1]) /* no more frames are kept: the old one stays */
			return 0;
	}
	late->replacements[id - 1] = (struct frame_replacement){first, (uint32_t)count};
	return 0;
}

static void found(void *context, size_t index, const struct source_frame *frames, size_t count)
{
	struct late *late = context;

	late->known++;
	for (uint32_t i = late->first_of[index]; i < late->first_of[index + 1] && !late->code; i++)
		late->code = replace(late, late->frames[i], frames, count);
}

static const char *why(int code)
{
	return code == -ETIMEDOUT ? "it takes too long to read" :
	       code == -EPROTO	  ? "it is damaged, or takes too much memory" :
				    strerror(-code);
}

static void tell(struct late *late, const struct object *object, int code, uint64_t ns)
{
	char text[700];

	log_say(1, "debug info of %s: %zu of %zu addresses in %.0f ms", object_path(object), late->known, late->address_count, ns / 1e6);
	if (!code || code == -ENODATA)
		return;
	snprintf(text, sizeof(text), "debug info of %s: %s (its functions are shown without file and line)", object_path(object), why(code));
	recording_note(late->recording, text);
}

/* Frames [from, to) whose code no symbol of the object covers, and no debug info either, get the debug file's symbols. */
static void name_rest(struct late *late, size_t from, size_t to, int fd)
{
	struct symbols *symbols;
	char name[STRINGS_LENGTH_MAX];

	if (symbols_from_fd(fd, &symbols))
		return;
	for (size_t i = from; i < to && !late->code; i++) {
		const struct frame *frame = stacks_frame(late->recording->stacks, late->frames[i]);
		const char *raw = symbols_find(symbols, frame->address, NULL);

		if (!raw || late->replacements[late->frames[i] - 1].count || !nameless(strings_get(late->recording->strings, frame->function)))
			continue;
		demangle(raw, name, sizeof(name));
		late->code = replace(late, late->frames[i], &(struct source_frame){.function = name, .file = ""}, 1);
	}
	symbols_free(symbols);
}

/* Asks the debuginfod server for the object's debug file: a descriptor, or a negative errno. */
static int fetch(struct late *late, const struct object *object)
{
	uint8_t id[BUILD_ID_MAX];
	uint64_t begin_ns = clock_now_ns();
	int length = debuginfod_wanted() ? object_wanted_id(object, id) : 0, fd;

	if (!length || late->fetch_left_ns <= 0)
		return -ENOENT;
	fd = debuginfod_open(id, length, begin_ns + (uint64_t)late->fetch_left_ns);
	late->fetch_left_ns -= (int64_t)(clock_now_ns() - begin_ns);
	log_say(1, "debuginfod: %s: %s in %.0f ms", object_path(object), fd >= 0 ? "found" : strerror(-fd),
		(clock_now_ns() - begin_ns) / 1e6);
	if (fd == -ELIBACC)
		recording_note(late->recording, "DEBUGINFOD_URLS is set, but the debuginfod client is not installed (Debian: libdebuginfod1)");
	if (fd == -ETIMEDOUT)
		recording_note(late->recording, "the debuginfod server did not answer in time: not all that could be named is");
	if (fd == -ELIBACC || fd == -ETIMEDOUT || fd == -EINTR)
		late->fetch_left_ns = 0;
	return fd;
}

/* Frames [from, to) are the object's, by address. */
static void read_object(struct late *late, size_t from, size_t to)
{
	struct object *object = late->objects[late->frames[from]];
	uint64_t begin_ns, spent_ns;
	int alt, fd = object_source(object, &alt), fetched = fd < 0 ? fetch(late, object) : -1;

	if (fetched >= 0)
		fd = fetched;
	begin_ns = clock_now_ns();
	late->address_count = late->known = 0;
	for (size_t i = from; i < to; i++) {
		uint64_t address = stacks_frame(late->recording->stacks, late->frames[i])->address;

		if (!late->address_count || late->addresses[late->address_count - 1] != address) {
			late->first_of[late->address_count] = (uint32_t)i;
			late->addresses[late->address_count++] = address;
		}
	}
	late->first_of[late->address_count] = (uint32_t)to;
	if (fd >= 0 && !late->read_left_ns) {
		recording_note(late->recording, "debug info took the 20 s it may take to read: not all functions are shown with file and line");
	} else if (fd >= 0) {
		int code = source_lines(fd, alt, late->addresses, late->address_count, begin_ns + late->read_left_ns, found, late);

		spent_ns = clock_now_ns() - begin_ns;
		tell(late, object, code, spent_ns);
		late->read_left_ns -= spent_ns < late->read_left_ns ? spent_ns : late->read_left_ns;
	}
	if (fetched >= 0) {
		name_rest(late, from, to, fetched);
		close(fetched);
	}
}

static int collect(struct late *late, size_t frames)
{
	late->replacements = calloc(frames + 1, sizeof(*late->replacements));
	late->frames = calloc(frames + 1, sizeof(*late->frames));
	late->addresses = calloc(frames + 1, sizeof(*late->addresses));
	late->first_of = calloc(frames + 2, sizeof(*late->first_of));
	if (!late->replacements || !late->frames || !late->addresses || !late->first_of)
		return -ENOMEM;
	late->frame_count = 0;
	for (uint32_t id = 1; id < late->capacity && id <= frames; id++)
		if (late->objects[id])
			late->frames[late->frame_count++] = id;
	qsort_r(late->frames, late->frame_count, sizeof(*late->frames), by_object_and_address, late);
	return 0;
}

int late_finish(struct late *late)
{
	size_t frames = stacks_frame_count(late->recording->stacks);

	late->read_left_ns = LATE_NS;
	late->fetch_left_ns = FETCH_NS;
	late->code = collect(late, frames);
	for (size_t from = 0, to; !late->code && from < late->frame_count; from = to) {
		for (to = from + 1; to < late->frame_count; to++)
			if (late->objects[late->frames[to]] != late->objects[late->frames[from]])
				break;
		read_object(late, from, to);
	}
	if (!late->code && late->id_count)
		late->code = stacks_replace(late->recording->stacks, late->replacements, frames, late->ids);
	if (!late->code && late->id_count)
		late->replaced = frames;
	if (late->code == -E2BIG) { /* they stay as they were recorded */
		recording_note(late->recording, "debug info makes more frames than are kept: functions are shown without file and line");
		late->code = 0;
	}
	done(late);
	return late->code;
}

size_t late_replaced(const struct late *late, const struct frame_replacement **by_frame, const uint32_t **ids)
{
	*by_frame = late->replacements;
	*ids = late->ids;
	return late->replaced;
}

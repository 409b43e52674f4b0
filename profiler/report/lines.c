/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.c - a stack as display names, root first, the same for every profile format.
 *
 * A name never contains what the folded format gives a meaning: ';' between frames, a newline, or a number at the end
 * (flamegraph.pl would read it as a second count). Names are interned, so that merging compares ids.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/report.h"

#define FUNCTION_BYTES 640 /* of a name, so that the file and the suffixes always fit in STRINGS_LENGTH_MAX */
#define FILE_BYTES 256     /* of a path: its tail */
#define NOTES_MAX 3        /* process, thread, cut */

enum variant { ALONE, INTERPRETED, VARIANTS }; /* native frames in an interpreted stack carry a suffix */

struct lines {
	const struct connprof_recording *recording;
	const struct connprof_report_options *options;
	struct strings *names;
	uint32_t *cache[VARIANTS];   /* name id by frame id; 0: not made yet */
	size_t frame_count;
	uint32_t *out_names, *out_frames; /* of the stack made last */
	bool many_processes;
	uint32_t last_pid, last_pid_name;
};

bool frame_hidden(const struct frame *frame, const struct connprof_report_options *options)
{
	return frame->kind == FRAME_NATIVE && (frame->flags & FRAME_INTERPRETER) && !options->native;
}

/* Length of the part of name that a folded line would take for a count: " 12" or " 12.5"; 0: none. */
static size_t number_tail(const char *name, size_t length)
{
	size_t at = length;

	while (at && ((name[at - 1] >= '0' && name[at - 1] <= '9') || name[at - 1] == '.'))
		at--;
	if (at == length || at == 0 || name[at - 1] != ' ')
		return 0;
	return length - at;
}

static uint32_t intern(struct lines *lines, char *name)
{
	size_t length = strlen(name), tail;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == ';')
			name[i] = ':';
		else if (c < 0x20 || c == 0x7f)
			name[i] = '?';
		else if (c == 0xef && !memcmp(name + i, "\xef\xbf", 2) && (unsigned char)name[i + 2] >= 0xbe)
			memset(name + i, '?', 3); /* U+FFFE, U+FFFF: XML has no way to write them */
	}
	while (length && name[length - 1] == ' ')
		name[--length] = '\0';
	tail = number_tail(name, length);
	if (tail)
		name[length - tail - 1] = '_';
	return strings_add(lines->names, *name ? name : "[no name]");
}

/* The tail of a path that fits, starting at a character, not in one. */
static const char *path_tail(const char *path)
{
	size_t length = strlen(path);

	if (length < FILE_BYTES)
		return path;
	path += length - FILE_BYTES + 1;
	while (((unsigned char)*path & 0xc0) == 0x80)
		path++;
	return path;
}

/* function (file:line), as far as it is known, and the suffix of its kind. */
static void sourced_name(const struct lines *lines, const struct frame *frame, const char *function, const char *suffix,
			 char *out, size_t size)
{
	const char *file = path_tail(short_path(strings_get(lines->recording->strings, frame->file)));
	uint32_t line = lines->options->functions ? frame->first_line : frame->line;

	if (!*file)
		snprintf(out, size, "%s%s", function, suffix);
	else if (!line || lines->options->nolineno)
		snprintf(out, size, "%s (%s)%s", function, file, suffix);
	else
		snprintf(out, size, "%s (%s:%u)%s", function, file, line, suffix);
}

/* Where no symbol covers the address, the address would make a name of its own of every call: the object alone is shown. */
static void native_name(const struct lines *lines, const struct frame *frame, const char *function, const char *suffix,
			char *out, size_t size)
{
	const char *module = path_tail(base_path(strings_get(lines->recording->strings, frame->module)));

	if (strncmp(function, "0x", 2) && !(function[0] == '[' && strstr(function, "+0x")))
		sourced_name(lines, frame, function, suffix, out, size);
	else
		snprintf(out, size, "[%s]%s", *module ? module : "unknown", suffix);
}

static uint32_t frame_name(struct lines *lines, const struct frame *frame, enum variant variant)
{
	const char *full = strings_get(lines->recording->strings, frame->function);
	char function[FUNCTION_BYTES], name[STRINGS_LENGTH_MAX];

	text_clean(function, sizeof(function), full, strlen(full));
	switch (frame->kind) {
	case FRAME_PYTHON:
		sourced_name(lines, frame, function, "", name, sizeof(name));
		break;
	case FRAME_NATIVE:
		native_name(lines, frame, function,
			    variant == INTERPRETED ? "_[n]" : frame->flags & FRAME_INLINED ? "_[i]" : "", name, sizeof(name));
		break;
	case FRAME_KERNEL:
		snprintf(name, sizeof(name), "%s_[k]", function);
		break;
	default:
		snprintf(name, sizeof(name), "%s", function);
	}
	return intern(lines, name);
}

static uint32_t cached_name(struct lines *lines, uint32_t id, const struct frame *frame, enum variant variant)
{
	uint32_t *slot = &lines->cache[variant][id];

	if (!*slot)
		*slot = frame_name(lines, frame, variant);
	return *slot;
}

static uint32_t process_name(struct lines *lines, uint32_t pid)
{
	const struct target_row *target;
	const char *comm;
	char name[128];

	if (lines->last_pid_name && lines->last_pid == pid)
		return lines->last_pid_name;
	target = recording_target(lines->recording, pid);
	comm = target ? strings_get(lines->recording->strings, target->comm) : "";
	if (lines->options->threads)
		snprintf(name, sizeof(name), "%.64s (%u)", *comm ? comm : "process", pid);
	else /* the workers of one service are one tower, not one each */
		snprintf(name, sizeof(name), "%.64s", *comm ? comm : "process");
	lines->last_pid = pid;
	lines->last_pid_name = intern(lines, name);
	return lines->last_pid_name;
}

static uint32_t thread_name(struct lines *lines, const struct profile_row *row)
{
	const char *thread = strings_get(lines->recording->strings, row->thread);
	char name[128];

	if (*thread)
		snprintf(name, sizeof(name), "thread %u (%.64s)", row->tid, thread);
	else
		snprintf(name, sizeof(name), "thread (%u)", row->tid);
	return intern(lines, name);
}

static void put(struct lines *lines, size_t *count, uint32_t name, uint32_t frame)
{
	lines->out_names[*count] = name;
	lines->out_frames[*count] = frame;
	*count += 1;
}

/* The notes that stand at the root, before the frames. */
static size_t root_notes(struct lines *lines, const struct profile_row *row, bool has_frames, uint8_t end)
{
	size_t count = 0;
	char note[64];

	if (lines->many_processes)
		put(lines, &count, process_name(lines, row->pid), 0);
	if (lines->options->threads)
		put(lines, &count, thread_name(lines, row), 0);
	if (!row->stack || (!has_frames && stack_end_complete(end)))
		snprintf(note, sizeof(note), "[no stack]");
	else if (!stack_end_complete(end))
		snprintf(note, sizeof(note), "[cut: %s]", stack_end_name(end));
	else
		return count;
	put(lines, &count, intern(lines, note), 0);
	return count;
}

/* One look at a stack before it is written. */
static void survey(const struct lines *lines, const uint32_t *frames, size_t count, bool *interpreted, bool *show_all)
{
	size_t shown = 0;

	*interpreted = false;
	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(lines->recording->stacks, frames[i]);

		if (!frame)
			continue;
		*interpreted |= frame->kind == FRAME_PYTHON;
		shown += !frame_hidden(frame, lines->options);
	}
	*show_all = !shown; /* a thread with plumbing only would be left without a name */
}

int lines_make(struct lines *lines, const struct profile_row *row, struct line_list *out)
{
	bool interpreted, show_all;
	uint8_t end = 0;
	size_t depth = 0, count;
	const uint32_t *frames = stacks_get(lines->recording->stacks, row->stack, &depth, &end);

	if (depth > STACK_FRAMES_MAX)
		depth = STACK_FRAMES_MAX;
	survey(lines, frames, depth, &interpreted, &show_all);
	count = root_notes(lines, row, depth > 0, end);
	for (size_t i = depth; i-- > 0;) {
		const struct frame *frame = stacks_frame(lines->recording->stacks, frames[i]);

		if (!frame || frames[i] > lines->frame_count || (frame_hidden(frame, lines->options) && !show_all))
			continue;
		put(lines, &count, cached_name(lines, frames[i], frame, interpreted ? INTERPRETED : ALONE), frames[i]);
	}
	if (!count)
		put(lines, &count, intern(lines, (char[]){"[no stack]"}), 0);
	*out = (struct line_list){.names = lines->out_names, .frame_ids = lines->out_frames, .count = count};
	return 0;
}

const char *lines_name(const struct lines *lines, uint32_t id)
{
	return strings_get(lines->names, id);
}

size_t lines_name_count(const struct lines *lines)
{
	return strings_count(lines->names);
}

static bool spans_processes(const struct connprof_recording *recording)
{
	for (size_t i = 1; i < recording->profile_count; i++)
		if (recording->profile[i].pid != recording->profile[0].pid)
			return true;
	return false;
}

struct lines *lines_new(const struct connprof_recording *recording, const struct connprof_report_options *options)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return NULL;
	lines->recording = recording;
	lines->options = options;
	lines->frame_count = stacks_frame_count(recording->stacks);
	lines->names = strings_new();
	for (int i = 0; i < VARIANTS; i++)
		lines->cache[i] = calloc(lines->frame_count + 1, sizeof(uint32_t));
	lines->out_names = calloc(STACK_FRAMES_MAX + NOTES_MAX, sizeof(uint32_t));
	lines->out_frames = calloc(STACK_FRAMES_MAX + NOTES_MAX, sizeof(uint32_t));
	lines->many_processes = spans_processes(recording) || (options->base && spans_processes(options->base));
	if (lines->names && lines->cache[ALONE] && lines->cache[INTERPRETED] && lines->out_names && lines->out_frames)
		return lines;
	lines_free(lines);
	return NULL;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	for (int i = 0; i < VARIANTS; i++)
		free(lines->cache[i]);
	strings_free(lines->names);
	free(lines->out_names);
	free(lines->out_frames);
	free(lines);
}

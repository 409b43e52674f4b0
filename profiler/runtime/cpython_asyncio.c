/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_asyncio.c - which asyncio task a thread runs, by the offsets that CPython 3.14 and later publish for it.
 *
 * The _asyncio module publishes where a thread state keeps its running task, and a task its coroutine and its name, in a section of
 * its own (struct _Py_AsyncioModuleDebugOffsets in Modules/_asynciomodule.c: 13 words). There is no cookie: it is believed if it
 * names the size of this very interpreter's state, and within bounds. And a task is believed only where the frame inside its
 * coroutine is one of the frames that the thread is in. Before 3.14 nothing is published and nothing is guessed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "process/elf_guard.h"
#include "runtime/cpython.h"

#define SECTION ".AsyncioDebug"
#define SECTION_BYTES_MAX 4096
#define STATE_BYTES_MAX 65536  /* of a thread state */
#define TASK_BYTES_MAX 4096
#define NAME_BYTES 256

/* Words of what is published. */
enum {
	TASK_SIZE = 0, TASK_NAME = 1, TASK_CORO = 5, INTERPRETER_SIZE = 7, THREAD_SIZE = 9, RUNNING_TASK = 11, WORDS = 13
};

/* The file is the target's, like all of it. */
static bool read_object(pid_t pid, const struct process_map *map, uint64_t *words)
{
	int fd = process_open_map(pid, map, NULL);
	Elf_Data *data = NULL;
	Elf_Scn *section;
	GElf_Shdr header;
	Elf *elf;

	if (fd < 0)
		return false;
	elf = elf_guard_open(fd);
	section = elf ? elf_guard_section(elf, SECTION, &header) : NULL;
	if (section)
		data = elf_guard_bytes(section, &header, SECTION_BYTES_MAX);
	if (data && data->d_buf && data->d_size >= WORDS * sizeof(*words))
		memcpy(words, data->d_buf, WORDS * sizeof(*words));
	else
		data = NULL;
	elf_end(elf);
	close(fd);
	return data != NULL;
}

/* A pointer inside a structure of that size. */
static bool is_member(uint64_t offset, uint64_t size)
{
	return offset && offset % 8 == 0 && size >= 8 && offset <= size - 8;
}

bool cpython_asyncio_accept(const uint64_t *words, uint64_t interp_size, uint16_t coro_frame, struct python_state *state)
{
	if (!interp_size || !coro_frame || words[INTERPRETER_SIZE] != interp_size || words[THREAD_SIZE] > STATE_BYTES_MAX ||
	    words[TASK_SIZE] > TASK_BYTES_MAX || !is_member(words[RUNNING_TASK], words[THREAD_SIZE]) ||
	    !is_member(words[TASK_CORO], words[TASK_SIZE]) || !is_member(words[TASK_NAME], words[TASK_SIZE]))
		return false;
	state->tstate_task = (uint32_t)words[RUNNING_TASK];
	state->task_coro = (uint16_t)words[TASK_CORO];
	state->task_name = (uint16_t)words[TASK_NAME];
	state->coro_frame = coro_frame;
	return true;
}

static bool in_interpreter(const struct runtime *runtime, const struct process_map *map)
{
	for (size_t i = 0; i < runtime->object.code_count; i++)
		if (runtime->object.code[i].start == map->start)
			return true;
	return false;
}

bool cpython_asyncio_find(struct runtime *runtime, const struct process_maps *maps)
{
	uint64_t words[WORDS];

	if (!runtime->version.coro_frame || runtime->state.tstate_task)
		return false;
	for (size_t i = 0; i < maps->count; i++) {
		const struct process_map *map = &maps->items[i];

		if (map->execute && (in_interpreter(runtime, map) || !strncmp(text_base_name(map->path), "_asyncio.", 9)) &&
		    read_object(runtime->pid, map, words))
			return cpython_asyncio_accept(words, runtime->interp_size, runtime->version.coro_frame, &runtime->state);
	}
	return false;
}

uint64_t cpython_asyncio_running(const struct runtime *runtime, uint64_t state, uint64_t *frame)
{
	const struct python_state *s = &runtime->state;
	uint64_t task, coroutine;

	*frame = 0;
	if (!s->tstate_task || process_read(runtime->pid, state + s->tstate_task, &task, sizeof(task)) || !task ||
	    process_read(runtime->pid, task + s->task_coro, &coroutine, sizeof(coroutine)) || !coroutine)
		return 0;
	*frame = coroutine + s->coro_frame;
	return task;
}

/* ---- names ---- */

/* The str whose first bytes these are: 0, or -EINVAL. What does not fit into them is left out, and a "…" says so. */
static int name_of_str(const struct cpython_version *version, const uint8_t *object, size_t size, char *out, size_t out_size)
{
	uint64_t length, fit;
	uint32_t state, kind;
	size_t start;
	char *text;

	memcpy(&length, object + CPYTHON_STR_LENGTH, sizeof(length));
	memcpy(&state, object + CPYTHON_STR_STATE, sizeof(state));
	kind = state >> 2 & 7;
	start = state >> 6 & 1 ? version->ascii_data : version->compact_data;
	if (!(state >> 5 & 1) || (kind != 1 && kind != 2 && kind != 4) || length > INT32_MAX || start >= size)
		return -EINVAL;
	fit = (size - start) / kind;
	text = cpython_to_utf8(object + start, length < fit ? length : fit, kind);
	if (!text)
		return -ENOMEM;
	snprintf(out, out_size, "[task %.*s%s]", NAME_BYTES - 16, text, length > fit ? "…" : "");
	free(text);
	return 0;
}

int cpython_task_name(const struct runtime *runtime, const uint8_t *object, size_t size, bool numbered, char *out, size_t out_size)
{
	uint64_t type, tag;
	uint32_t digit = 0;

	if (size < CPYTHON_STR_STATE + 4 && size < CPYTHON_INT_DIGITS + 4)
		return -EINVAL;
	memcpy(&type, object + CPYTHON_OBJECT_TYPE, sizeof(type));
	if (!type)
		return -EINVAL;
	if (type == runtime->object.str_type && size >= CPYTHON_STR_STATE + 4)
		return name_of_str(&runtime->version, object, size, out, out_size);
	if (type != runtime->object.int_type)
		return -EINVAL;
	/* A task without a name of its own has a number for one. As many frames as tasks would tear a flame graph apart. */
	memcpy(&tag, object + CPYTHON_INT_TAG, sizeof(tag));
	memcpy(&digit, object + CPYTHON_INT_DIGITS, sizeof(digit));
	if (numbered && tag >> 3 == 1 && !(tag & 3))
		snprintf(out, out_size, "[task Task-%u]", digit);
	else
		snprintf(out, out_size, "[task Task-N]");
	return 0;
}

int cpython_name_task(struct runtime *runtime, uint64_t task, const void *name, size_t size, struct strings *strings,
		      struct frame *out)
{
	uint8_t object[TASK_NAME_BYTES] = {0};
	bool now = !name;
	char text[NAME_BYTES];
	uint64_t address;
	ssize_t n;
	int code;

	if (now) {
		code = process_read(runtime->pid, task + runtime->state.task_name, &address, sizeof(address));
		if (code)
			return code;
		n = process_read_some(runtime->pid, address, object, sizeof(object));
		if (n < 0)
			return (int)n;
		name = object;
		size = (size_t)n;
	}
	code = cpython_task_name(runtime, name, size, now, text, sizeof(text));
	if (code)
		return code;
	*out = (struct frame){.kind = FRAME_NOTE, .function = strings_add(strings, text)};
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* appframes.c - the guess by path, cached by frame id. */
#include "model/appframes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { NOT_ASKED = 0, OWN, FOREIGN };

struct appframes {
	const struct connprof_recording *recording;
	const struct connprof_rules *rules;
	uint8_t *known; /* by frame id */
	size_t count;
};

struct appframes *appframes_new(const struct connprof_recording *recording, const struct connprof_rules *rules)
{
	struct appframes *appframes = calloc(1, sizeof(*appframes));

	if (!appframes)
		return NULL;
	appframes->recording = recording;
	appframes->rules = rules;
	appframes->count = stacks_frame_count(recording->stacks) + 1;
	appframes->known = calloc(appframes->count, 1);
	if (appframes->known)
		return appframes;
	free(appframes);
	return NULL;
}

void appframes_free(struct appframes *appframes)
{
	if (!appframes)
		return;
	free(appframes->known);
	free(appframes);
}

/* A pattern without wildcards also stands for everything below that folder. */
static bool pattern_fits(const char *pattern, const char *path)
{
	size_t length = strlen(pattern);

	if (text_match(pattern, path))
		return true;
	while (length && pattern[length - 1] == '/')
		length--;
	return length && !strpbrk(pattern, "*?") && !strncmp(path, pattern, length) && path[length] == '/';
}

static bool any_fits(const char *const *patterns, const char *path)
{
	for (size_t i = 0; patterns && patterns[i]; i++)
		if (pattern_fits(patterns[i], path))
			return true;
	return false;
}

/* lib/python3.11/, lib64/python3/, lib/python311.zip: wherever the prefix is. */
static bool in_python_library(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/python")); at++) {
		bool below_lib = (at - path >= 4 && !strncmp(at - 4, "/lib", 4)) ||
				 (at - path >= 6 && !strncmp(at - 6, "/lib64", 6));

		if (below_lib && isdigit((unsigned char)at[7]))
			return true;
	}
	return false;
}

/* bin/gunicorn, bin/flask: written by the installer, only calls into the package. */
static bool is_launcher(const char *path, const char *function)
{
	const char *name = strrchr(path, '/');

	return name && name - path >= 4 && !strncmp(name - 4, "/bin", 4) && !strchr(name, '.') &&
	       !strcmp(function, "<module>");
}

static bool python_own(const char *path, const char *function)
{
	return *path && !strstr(path, "/site-packages/") && !strstr(path, "/dist-packages/") &&
	       strncmp(path, "<frozen", 7) && strncmp(path, "<attrs", 6) && !in_python_library(path) &&
	       !is_launcher(path, function);
}

/* A native frame's code has a file of its own and the object it became part of. */
static bool frame_fits(const struct strings *strings, const struct frame *frame, const char *const *patterns)
{
	return (frame->file && any_fits(patterns, strings_get(strings, frame->file))) ||
	       ((frame->kind == FRAME_NATIVE || !frame->file) && any_fits(patterns, strings_get(strings, frame->module)));
}

static bool decide(const struct appframes *appframes, const struct frame *frame)
{
	const struct strings *strings = appframes->recording->strings;
	const struct connprof_rules *rules = appframes->rules;

	if (frame->kind != FRAME_PYTHON && frame->kind != FRAME_NATIVE)
		return false;
	if (frame->flags & FRAME_INTERPRETER || frame_fits(strings, frame, rules->library_patterns))
		return false;
	if (frame_fits(strings, frame, rules->app_patterns))
		return true;
	if (frame->kind == FRAME_PYTHON)
		return python_own(strings_get(strings, frame->file), strings_get(strings, frame->function));
	return frame->flags & FRAME_MAIN_OBJECT;
}

bool appframes_own(struct appframes *appframes, uint32_t id)
{
	const struct frame *frame = stacks_frame(appframes->recording->stacks, id);

	if (!frame || id >= appframes->count)
		return false;
	if (appframes->known[id] == NOT_ASKED)
		appframes->known[id] = decide(appframes, frame) ? OWN : FOREIGN;
	return appframes->known[id] == OWN;
}

int appframes_innermost(struct appframes *appframes, const uint32_t *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (appframes_own(appframes, frames[i]))
			return (int)i;
	return -1;
}

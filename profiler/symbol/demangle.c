/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demangle.c - compiler-made names into the ones their authors wrote, by libiberty, within bounds.
 *
 * A few hundred bytes of a mangled name can stand for terabytes of text, and only the printing tells. So the text goes to a
 * callback that leaves by longjmp when the caller's buffer is full: the part that fits is the answer. libiberty's callback
 * functions keep their state on the stack, so nothing is lost by it.
 */
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"

#define MANGLED_MAX 4096
#define D_REFERENCES_MAX 16 /* back references in a D name: each could double the text, which D's printer builds whole */

struct sink {
	char *out;
	size_t size, length;
	jmp_buf full;
};

static void copy(const char *name, char *out, size_t size)
{
	size_t length = strnlen(name, size - 1);

	memcpy(out, name, length);
	out[length] = '\0';
}

static void take(const char *text, size_t length, void *opaque)
{
	struct sink *sink = opaque;
	size_t left = sink->size - 1 - sink->length;
	size_t part = length < left ? length : left;

	memcpy(sink->out + sink->length, text, part);
	sink->length += part;
	sink->out[sink->length] = '\0';
	if (part < length)
		longjmp(sink->full, 1);
}

/* No parameter lists: in a stack they say little and take all the room. */
static int by_callback(const char *name, struct sink *sink)
{
	if (setjmp(sink->full))
		return 1;
	if (rust_demangle_callback(name, DMGL_NO_OPTS, take, sink))
		return 1;
	sink->length = 0;
	return !strncmp(name, "_Z", 2) && cplus_demangle_v3_callback(name, DMGL_ANSI, take, sink);
}

static int as_d(const char *name, char *out, size_t size)
{
	int references = 0;
	char *text;

	for (const char *c = name; *c; c++)
		references += *c == 'Q';
	if (references > D_REFERENCES_MAX)
		return 0;
	text = dlang_demangle(name, DMGL_NO_OPTS);
	if (!text)
		return 0;
	copy(text, out, size);
	free(text);
	return 1;
}

void demangle(const char *name, char *out, size_t size)
{
	struct sink sink = { .out = out, .size = size };

	if (!size)
		return;
	out[0] = '\0';
	if (name[0] == '_' && name[1] && strchr("ZRD", name[1]) && strnlen(name, MANGLED_MAX + 1) <= MANGLED_MAX &&
	    (name[1] == 'D' ? as_d(name, out, size) : by_callback(name, &sink)) && out[0])
		return;
	copy(name, out, size);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_lines.c - debug info read in a process apart (apart.h): addresses go with the fork, answers come through a pipe.
 *
 *   answer:  u32 index | u32 frames | frames x (u32 line | u32 first_line | u32 function bytes | u32 file bytes | texts)
 *   the end: u32 UINT32_MAX | u32 code
 *
 * The child is not believed: an answer has at most SOURCE_FRAMES_MAX frames, a text TEXT_MAX bytes, an address one answer, and
 * what does not fit ends the reading.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/apart.h"
#include "symbol/dwarf.h"

#define TEXT_MAX 1023
#define INDEX_END UINT32_MAX
#define ANSWER_MAX (8 + SOURCE_FRAMES_MAX * (16 + 2 * TEXT_MAX))

struct question {
	int fd, alt_fd;
	const uint64_t *addresses;
	size_t count;
};

/* ---- the child's side ---- */

static uint32_t text_bytes(const char *text)
{
	return (uint32_t)strnlen(text, TEXT_MAX);
}

static void answer(void *context, size_t index, const struct source_frame *frames, size_t count)
{
	FILE *out = context;
	const uint32_t head[] = {(uint32_t)index, (uint32_t)count};

	fwrite(head, sizeof(head), 1, out);
	for (size_t i = 0; i < count; i++) {
		const struct source_frame *f = &frames[i];
		const uint32_t words[] = {f->line, f->first_line, text_bytes(f->function), text_bytes(f->file)};

		fwrite(words, sizeof(words), 1, out);
		fwrite(f->function, 1, words[2], out);
		fwrite(f->file, 1, words[3], out);
	}
}

static void work(void *context, FILE *out)
{
	const struct question *question = context;
	uint32_t end[] = {INDEX_END, 0};

	end[1] = (uint32_t)-dwarf_read(question->fd, question->alt_fd, question->addresses, question->count, answer, out);
	fwrite(end, sizeof(end), 1, out);
}

/* ---- the parent's side ---- */

struct reading {
	source_found *found;
	void *context;
	size_t count;
	bool *answered;
	uint8_t bytes[2 * ANSWER_MAX];
	size_t length;
	char functions[SOURCE_FRAMES_MAX][TEXT_MAX + 1], files[SOURCE_FRAMES_MAX][TEXT_MAX + 1]; /* of the answer being taken */
};

static bool take_u32(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
	if (end - *at < 4)
		return false;
	memcpy(out, *at, 4);
	*at += 4;
	return true;
}

static bool take_text(const uint8_t **at, const uint8_t *end, uint32_t bytes, char out[TEXT_MAX + 1])
{
	if ((size_t)(end - *at) < bytes)
		return false;
	memcpy(out, *at, bytes);
	out[bytes] = '\0';
	*at += bytes;
	return true;
}

/* One answer at *at. 1: taken, 0: not all of it is there, -ECANCELED: that was the end (*code: how it went), -EPROTO. */
static int take_answer(struct reading *r, const uint8_t **at_in, const uint8_t *end, int *code)
{
	struct source_frame frames[SOURCE_FRAMES_MAX];
	const uint8_t *at = *at_in;
	uint32_t index, count;

	if (!take_u32(&at, end, &index) || !take_u32(&at, end, &count))
		return 0;
	if (index == INDEX_END) {
		*code = count <= 4095 ? -(int)count : -EPROTO;
		return -ECANCELED;
	}
	if (index >= r->count || !count || count > SOURCE_FRAMES_MAX || r->answered[index])
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t function, file;

		if (!take_u32(&at, end, &frames[i].line) || !take_u32(&at, end, &frames[i].first_line) ||
		    !take_u32(&at, end, &function) || !take_u32(&at, end, &file))
			return 0;
		if (function > TEXT_MAX || file > TEXT_MAX)
			return -EPROTO;
		if (!take_text(&at, end, function, r->functions[i]) || !take_text(&at, end, file, r->files[i]))
			return 0;
		frames[i].function = r->functions[i];
		frames[i].file = r->files[i];
	}
	r->answered[index] = true;
	r->found(r->context, index, frames, count);
	*at_in = at;
	return 1;
}

/* Takes all whole answers; the rest moves to the front. */
static int take_answers(struct reading *r, int *code)
{
	const uint8_t *at = r->bytes, *end = r->bytes + r->length;
	int taken;

	do
		taken = take_answer(r, &at, end, code);
	while (taken == 1);
	r->length = (size_t)(end - at);
	memmove(r->bytes, at, r->length);
	return taken;
}

static int read_answers(struct reading *r, struct apart *apart, uint64_t deadline_ns)
{
	int code = -EPROTO;

	for (;;) {
		ssize_t n = apart_read(apart, r->bytes + r->length, sizeof(r->bytes) - r->length, deadline_ns);
		int taken;

		if (n <= 0) /* the end without its word: it was killed */
			return n ? (int)n : -EPROTO;
		r->length += (size_t)n;
		taken = take_answers(r, &code);
		if (taken == -ECANCELED)
			return code;
		if (taken < 0 || r->length == sizeof(r->bytes))
			return -EPROTO;
	}
}

int source_answers(struct apart *apart, size_t count, uint64_t deadline_ns, source_found *found, void *context)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	int code = -ENOMEM;

	if (!reading || !(reading->answered = calloc(count + 1, sizeof(*reading->answered))))
		goto out;
	reading->found = found;
	reading->context = context;
	reading->count = count;
	code = read_answers(reading, apart, deadline_ns);
out:
	if (reading)
		free(reading->answered);
	free(reading);
	return code;
}

int source_lines(int fd, int alt_fd, const uint64_t *addresses, size_t count, uint64_t deadline_ns, source_found *found,
		 void *context)
{
	struct question question = {fd, alt_fd, addresses, count};
	const int keep[] = {fd, alt_fd};
	struct apart apart;
	int code = count > SOURCE_ADDRESSES_MAX ? -E2BIG : apart_start(&apart, keep, alt_fd >= 0 ? 2 : 1, work, &question);

	if (code)
		return code;
	code = source_answers(&apart, count, deadline_ns, found, context);
	apart_end(&apart);
	return code;
}

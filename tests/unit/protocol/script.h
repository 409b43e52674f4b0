/* SPDX-License-Identifier: BSD-2-Clause */
/* script.h - a conversation as a list of calls, played to a struct wire whole, in pieces, or peeked short. */
#ifndef CONNPROF_TESTS_SCRIPT_H
#define CONNPROF_TESTS_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/protocol.h"

struct line {
	enum wire_direction direction;
	const char *bytes;
	size_t size;
	uint64_t unseen; /* moved besides bytes */
};

#define SENT(text) {WIRE_SENT, text, sizeof(text) - 1, 0}
#define RECEIVED(text) {WIRE_RECEIVED, text, sizeof(text) - 1, 0}
#define SENT_CUT(text, more) {WIRE_SENT, text, sizeof(text) - 1, more}
#define RECEIVED_CUT(text, more) {WIRE_RECEIVED, text, sizeof(text) - 1, more}
#define LINES(script) (sizeof(script) / sizeof((script)[0]))

/* Sums over a conversation; flags: all that were ever set; last: those of the last call. */
struct tally {
	uint64_t requests, handshake, responses, errors, done;
	unsigned flags, last;
	enum protocol_id protocol;
	char library[48];
	unsigned libraries;
};

static inline void tally_call(struct tally *tally, struct wire *wire, enum wire_direction direction, const char *bytes,
			      size_t peeked, uint64_t total)
{
	struct wire_facts facts;

	wire_feed(wire, direction, (const uint8_t *)bytes, peeked, total, &facts);
	tally->requests += facts.requests;
	tally->handshake += facts.handshake;
	tally->responses += facts.responses;
	tally->errors += facts.errors;
	tally->done += !!(facts.flags & WIRE_RESPONSE_DONE);
	tally->flags |= facts.flags;
	tally->last = facts.flags;
	tally->protocol = facts.protocol;
	if (facts.library[0]) {
		snprintf(tally->library, sizeof(tally->library), "%s", facts.library);
		tally->libraries++;
	}
}

/* Plays the calls; line `split` (or none, past the end) in two calls, cut at `at`; at most `peek` bytes of each visible. */
static inline struct tally play_split(const struct line *lines, size_t count, size_t split, size_t at, size_t peek)
{
	struct wire *wire = wire_new();
	struct tally tally = {0};

	assert_non_null(wire);
	for (size_t i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		size_t first = i == split ? at : 0, rest = line->size - first;

		if (first)
			tally_call(&tally, wire, line->direction, line->bytes, first < peek ? first : peek, first);
		tally_call(&tally, wire, line->direction, line->bytes + first, rest < peek ? rest : peek,
			   rest + line->unseen);
	}
	wire_free(wire);
	return tally;
}

static inline struct tally play(const struct line *lines, size_t count)
{
	return play_split(lines, count, SIZE_MAX, 0, SIZE_MAX);
}

/* One byte a call. */
static inline struct tally play_bytes(const struct line *lines, size_t count)
{
	struct wire *wire = wire_new();
	struct tally tally = {0};

	assert_non_null(wire);
	for (size_t i = 0; i < count; i++)
		for (size_t b = 0; b < lines[i].size; b++)
			tally_call(&tally, wire, lines[i].direction, lines[i].bytes + b, 1, 1);
	wire_free(wire);
	return tally;
}

static inline void assert_same(const struct tally *a, const struct tally *b)
{
	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->handshake, b->handshake);
	assert_int_equal(a->responses, b->responses);
	assert_int_equal(a->errors, b->errors);
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->flags & ~WIRE_HANDSHAKE, b->flags & ~WIRE_HANDSHAKE);
	assert_string_equal(a->library, b->library);
}

/* The same totals wherever any one call is cut in two, and when every byte is its own call. */
static inline void assert_any_split_is_the_same(const struct line *lines, size_t count)
{
	struct tally whole = play(lines, count), pieces = play_bytes(lines, count);

	assert_same(&whole, &pieces);
	for (size_t i = 0; i < count; i++)
		for (size_t at = 1; at < lines[i].size; at++) {
			struct tally split = play_split(lines, count, i, at, SIZE_MAX);

			assert_same(&whole, &split);
		}
}

#endif

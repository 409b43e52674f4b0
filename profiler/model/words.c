/* SPDX-License-Identifier: BSD-2-Clause */
/* words.c - sentences, one function each, appended into a bounded buffer. */
#include "model/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Connections per request that are told as "a connection each". */
#define ABOUT_ONE_LOW 0.9
#define ABOUT_ONE_HIGH 1.1
#define POOLS_MANY 10 /* pools that are worth a sentence though they do not prove anything */

struct text {
	char *out;
	size_t size, used;
	const char *work; /* "request", or "job" */
};

static void say(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->out + text->used, text->size - text->used, format, args);
	va_end(args);
	if (length < 0)
		return;
	text->used += (size_t)length;
	if (text->used >= text->size)
		text->used = text->size - 1;
}

static const char *noun(const struct site_row *row)
{
	static const char *const nouns[PROTOCOL_COUNT] = {
		[PROTOCOL_REDIS] = "Redis connection", [PROTOCOL_HTTP] = "HTTP connection", [PROTOCOL_POSTGRES] = "PostgreSQL connection",
		[PROTOCOL_MYSQL] = "MySQL connection", [PROTOCOL_MEMCACHED] = "memcached connection",
		[PROTOCOL_FASTCGI] = "FastCGI connection", [PROTOCOL_UWSGI] = "uwsgi connection",
	};

	return row->protocol < PROTOCOL_COUNT && nouns[row->protocol] ? nouns[row->protocol] : "connection";
}

static void say_per_request(struct text *text, const struct site_row *row)
{
	double each = row->connects_per_using_request;

	if (row->attribution == ATTRIBUTION_RATE || isnan(each)) {
		say(text, "%ss are opened in step with the %ss and not reused: %" PRIu64 " while %" PRIu64 " %ss were %s.",
		    noun(row), text->work, row->connects, row->requests, text->work, *text->work == 'j' ? "done" : "served");
		return;
	}
	if (each < ABOUT_ONE_LOW)
		say(text, "%s open %ss of their own instead of reusing one: ", *text->work == 'j' ? "Jobs" : "Requests", noun(row));
	else if (each <= ABOUT_ONE_HIGH)
		say(text, "Each %s opens a %s of its own instead of reusing one: ", text->work, noun(row));
	else
		say(text, "Each %s opens %.1f %ss of its own instead of reusing one: ", text->work, each, noun(row));
	say(text, "%" PRIu64 " in %" PRIu64 " %ss that used this server.", row->connects, row->using_requests, text->work);
}

static void say_leak(struct text *text, const struct site_row *row)
{
	say(text, "%ss are opened and not closed: %" PRIu64 " of %" PRIu64 " were still open at the end", noun(row),
	    row->open_at_end, row->connects);
	if (row->peer_closed_open)
		say(text, ", %" PRIu64 " of them after the other side had closed (CLOSE_WAIT)", row->peer_closed_open);
	say(text, ".");
	if (row->returned_later)
		say(text, " %" PRIu64 " that lay idle were closed after all (returned later).", row->returned_later);
}

static void say_churn(struct text *text, const struct connprof_recording *recording, const struct site_row *row)
{
	say(text, "Short-lived %ss that no observed request explains: %" PRIu64, noun(row), row->connects);
	if (recording->seconds > 0)
		say(text, ", %.1f a second", (double)row->connects / recording->seconds);
	say(text, ".");
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* Which pools opened them, as far as that is proved. */
static void say_pools(struct text *text, const struct site_row *row)
{
	const char *for_leak = row->rule == RULE_CONNECTION_LEAK ? " that did not get them back" : "";

	if (row->pooling == POOLING_OWN)
		say(text, " %s was opened by a pool of its own: %" PRIu64 " different pools for %" PRIu64 " connections%s.",
		    row->pools == row->pool_connects ? "Each" : "Nearly each", row->pools, row->pool_connects,
		    row->pool_connects < row->connects ? " that were looked at" : "");
	else if (row->pooling == POOLING_SHARED)
		say(text, " The requests share their pool: %" PRIu64 " pool%s%s opened %" PRIu64 " of them.", row->pools, plural(row->pools),
		    for_leak, row->pool_connects);
	else if (row->rule == RULE_CONNECTION_LEAK && row->pools && row->pools * POOLS_MANY <= row->pool_connects)
		say(text, " They came from %" PRIu64 " pool%s (or from others, made after one of these was gone).", row->pools, plural(row->pools));
	else if (row->pools >= POOLS_MANY)
		say(text, " Not one pool opened them, but %" PRIu64 " at least (a new one may lie in memory where one that is gone was).", row->pools);
}

void words_explain(const struct connprof_recording *recording, const struct site_row *row, char *out, size_t size)
{
	struct text text = {
		.out = out, .size = size, .work = recording->requests.protocol == PROTOCOL_JOB ? "job" : "request",
	};

	*out = '\0';
	if (row->rule == RULE_CONNECTION_PER_REQUEST)
		say_per_request(&text, row);
	else if (row->rule == RULE_CONNECTION_LEAK)
		say_leak(&text, row);
	else
		say_churn(&text, recording, row);
	say_pools(&text, row);
}

void words_add_closer(const struct connprof_recording *recording, uint32_t frame_id, char *out, size_t size)
{
	struct text text = { .out = out, .size = size, .used = strnlen(out, size - 1) };
	const struct frame *frame = stacks_frame(recording->stacks, frame_id);
	const struct strings *strings = recording->strings;

	if (!frame)
		return;
	say(&text, " None of the application's code is on the stack that opens them; %s", strings_get(strings, frame->function));
	if (frame->file && frame->line)
		say(&text, " (%s:%" PRIu32 ")", strings_get(strings, frame->file), frame->line);
	say(&text, " closes them.");
}

const char *words_cause(unsigned cause)
{
	static const char *const sentences[] = {
		[CAUSE_THROW_AWAY_CLIENT] = "the client object that owns the connection is thrown away",
		[CAUSE_POOL_DROPPED_IT] = "the pool lives on and its connections do not: it keeps fewer than are needed, or they are closed "
					  "instead of given back",
		[CAUSE_LOOP_PER_REQUEST] = "each is bound to an event loop made for the one request",
		[CAUSE_THREAD_PER_REQUEST] = "each was the first of a new thread: a thread, and so a connection, for each request",
		[CAUSE_PROCESS_PER_REQUEST] = "each was opened by a process that was new: a process for each request",
		[CAUSE_UNCLOSED] = "nothing closes them",
	};

	return cause < sizeof(sentences) / sizeof(sentences[0]) ? sentences[cause] : NULL;
}

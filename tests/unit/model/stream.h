/* SPDX-License-Identifier: BSD-2-Clause */
/* stream.h - hand-made event streams: a small service written down as events, with a clock that only moves when told to. */
#ifndef TESTS_UNIT_MODEL_STREAM_H
#define TESTS_UNIT_MODEL_STREAM_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "model/model.h"

#define MS 1000000ull
#define START_NS (1000000 * MS)
#define REDIS_PORT 6379
#define LOCAL_PORTS 40000 /* the local port of connection n is n above it */

struct stream {
	struct connprof_recording *recording;
	struct model *model;
	uint64_t now_ns;
	uint64_t next_conn;
	uint32_t queued_us; /* of what is received: it had lain unread for so long */
	struct off_marks marks; /* of whoever connects, sends, receives */
	uint32_t unit; /* of the thread's work that is told now; 0: its own */
	uint32_t pool; /* that opens connections now; 0: not known */
};

static inline void stream_begin(struct stream *stream)
{
	*stream = (struct stream){ .recording = recording_new(), .now_ns = START_NS, .next_conn = 1 };
	assert_non_null(stream->recording);
	stream->recording->collect = CONNPROF_SAMPLES | CONNPROF_CONNECTIONS;
	stream->model = model_new(stream->recording);
	assert_non_null(stream->model);
}

static inline void stream_end(struct stream *stream)
{
	connprof_recording_free(stream->recording);
}

static inline void feed(struct stream *stream, struct event *event)
{
	event->time_ns = stream->now_ns;
	event->unit = stream->unit;
	assert_int_equal(model_feed(stream->model, event), 0);
}

static inline uint32_t python_frame(struct stream *stream, const char *function, const char *file, unsigned line)
{
	struct frame frame = {
		.kind = FRAME_PYTHON, .line = line,
		.function = strings_add(stream->recording->strings, function),
		.file = strings_add(stream->recording->strings, file),
	};

	return stacks_add_frame(stream->recording->stacks, &frame);
}

/* Innermost first, of "function|file|line" triples ended by NULL. */
static inline uint32_t stack_of(struct stream *stream, ...)
{
	uint32_t frames[32];
	size_t count = 0;
	const char *function;
	va_list args;

	va_start(args, stream);
	while ((function = va_arg(args, const char *))) {
		const char *file = va_arg(args, const char *);

		frames[count++] = python_frame(stream, function, file, va_arg(args, unsigned));
	}
	va_end(args);
	return stacks_add(stream->recording->stacks, frames, count, END_ROOT);
}

#define LIB "/srv/venv/lib/python3.11/site-packages"

/* redis-py's connect() as called from one line of the application. */
static inline uint32_t connect_stack(struct stream *stream, const char *function, unsigned line)
{
	return stack_of(stream, "connect", LIB "/redis/connection.py", 263u, "ConnectionPool.get_connection",
			LIB "/redis/connection.py", 1100u, "Redis.get", LIB "/redis/client.py", 600u, function, "/srv/app/recommend.py",
			line, "handle", LIB "/gunicorn/workers/sync.py", 134u, "<module>", "/srv/venv/bin/gunicorn", 8u, NULL);
}

static inline uint32_t drop_stack(struct stream *stream)
{
	return stack_of(stream, "AbstractConnection.disconnect", LIB "/redis/connection.py", 400u, "ConnectionPool.disconnect",
			LIB "/redis/connection.py", 1200u, "Redis.__del__", LIB "/redis/client.py", 500u, "recommend",
			"/srv/app/recommend.py", 50u, NULL);
}

static inline struct endpoint loopback(uint16_t port)
{
	return (struct endpoint){ .address = { 127, 0, 0, 1 }, .family = AF_INET, .port = port };
}

static inline void conn_event(struct stream *stream, uint32_t kind, uint64_t conn, uint32_t pid, uint32_t tid, uint32_t stack,
			      uint32_t flags, int error)
{
	struct event event = {
		.kind = kind, .pid = pid, .tid = tid, .stack = stack,
		.conn = { .conn = conn, .flags = flags, .error = error, .peer = loopback(REDIS_PORT) },
	};

	event.conn.local = loopback((uint16_t)(LOCAL_PORTS + conn));
	event.conn.pool = kind == EVENT_CONNECT ? stream->pool : 0;
	event.marks = stream->marks;
	feed(stream, &event);
}

static inline void io(struct stream *stream, uint64_t conn, uint32_t pid, uint32_t tid, uint8_t direction,
		      struct wire_facts facts)
{
	struct event event = { .kind = EVENT_IO, .pid = pid, .tid = tid, .marks = stream->marks };

	event.io = (struct event_io){ .conn = conn, .bytes = 40, .direction = direction, .facts = facts, .queued_us = stream->queued_us };
	feed(stream, &event);
}

/* connect() to established, and the handshake redis-py does; 1 ms in all. */
static inline uint64_t redis_connect(struct stream *stream, uint32_t pid, uint32_t tid, uint32_t stack)
{
	uint64_t conn = stream->next_conn++;
	struct wire_facts hello = { .protocol = PROTOCOL_REDIS, .flags = WIRE_HANDSHAKE, .requests = 1, .handshake = 1 };
	struct wire_facts reply = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .responses = 1 };

	snprintf(hello.library, sizeof(hello.library), "redis-py 5.0.1");
	conn_event(stream, EVENT_CONNECT, conn, pid, tid, stack, CONN_OPENED, 0);
	stream->now_ns += MS / 2;
	conn_event(stream, EVENT_ESTABLISHED, conn, pid, tid, 0, CONN_OPENED, 0);
	io(stream, conn, pid, tid, WIRE_SENT, hello);
	stream->now_ns += MS / 2;
	io(stream, conn, pid, tid, WIRE_RECEIVED, reply);
	return conn;
}

static inline void redis_command_flags(struct stream *stream, uint64_t conn, uint32_t pid, uint32_t tid, uint16_t flags)
{
	struct wire_facts command = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED | flags, .requests = 1 };
	struct wire_facts reply = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .responses = 1 };

	io(stream, conn, pid, tid, WIRE_SENT, command);
	stream->now_ns += MS / 10;
	if (!(flags & (WIRE_SUBSCRIBED | WIRE_BLOCKING)))
		io(stream, conn, pid, tid, WIRE_RECEIVED, reply);
}

static inline void redis_command(struct stream *stream, uint64_t conn, uint32_t pid, uint32_t tid)
{
	redis_command_flags(stream, conn, pid, tid, 0);
}

static inline void redis_close(struct stream *stream, uint64_t conn, uint32_t pid, uint32_t tid, uint32_t stack)
{
	conn_event(stream, EVENT_CLOSE, conn, pid, tid, stack, CONN_OPENED, 0);
	stream->now_ns += MS / 20;
	conn_event(stream, EVENT_GONE, conn, 0, 0, 0, CONN_OPENED, 0);
}

/* The peer closes, and the process only notices later. */
static inline void peer_closes(struct stream *stream, uint64_t conn)
{
	conn_event(stream, EVENT_PEER_CLOSED, conn, 0, 0, 0, CONN_OPENED, 0);
}

/* A request's head arrives on a new accepted connection; the connection's key is returned. */
static inline uint64_t request_begin(struct stream *stream, uint32_t pid, uint32_t tid)
{
	uint64_t conn = stream->next_conn++;
	struct wire_facts head = { .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .requests = 1 };

	conn_event(stream, EVENT_ESTABLISHED, conn, pid, tid, 0, 0, 0);
	io(stream, conn, pid, tid, WIRE_RECEIVED, head);
	return conn;
}

static inline void request_answer(struct stream *stream, uint64_t conn, uint32_t pid, uint32_t tid)
{
	struct wire_facts answer = {
		.protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER | WIRE_CONFIRMED | WIRE_RESPONSE_DONE, .responses = 1,
	};

	io(stream, conn, pid, tid, WIRE_SENT, answer);
}

static inline void request_end(struct stream *stream, uint64_t conn, uint32_t pid, uint32_t tid)
{
	request_answer(stream, conn, pid, tid);
	conn_event(stream, EVENT_CLOSE, conn, pid, tid, 0, 0, 0);
	conn_event(stream, EVENT_GONE, conn, 0, 0, 0, 0, 0);
}

static inline void process_begins(struct stream *stream, uint32_t pid, uint32_t parent)
{
	struct event event = { .kind = EVENT_PROCESS, .pid = pid, .tid = pid };

	event.process.parent = parent;
	event.process.comm = strings_add(stream->recording->strings, "gunicorn");
	feed(stream, &event);
}

static inline void process_ends(struct stream *stream, uint32_t pid)
{
	struct event event = { .kind = EVENT_EXIT, .pid = pid, .tid = pid };

	feed(stream, &event);
}

static inline void lost(struct stream *stream, uint32_t reason, uint64_t count)
{
	struct event event = { .kind = EVENT_LOST };

	event.lost.reason = reason;
	event.lost.count = count;
	feed(stream, &event);
}

/* Lets the clock run until `seconds` after the start, closes the window and judges by rules (NULL: the defaults). */
static inline int stream_judge(struct stream *stream, double seconds, const struct connprof_rules *rules)
{
	uint64_t end = START_NS + (uint64_t)(seconds * 1e9);

	assert_true(end >= stream->now_ns);
	assert_int_equal(model_finish(stream->model, START_NS, end), 0);
	return connprof_recording_judge(stream->recording, rules, NULL);
}

static inline const struct site_row *only_site(const struct stream *stream)
{
	assert_int_equal(stream->recording->site_count, 1);
	return &stream->recording->sites[0];
}

static inline const char *text_of(const struct stream *stream, uint32_t id)
{
	return strings_get(stream->recording->strings, id);
}

#endif

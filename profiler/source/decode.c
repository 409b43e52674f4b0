/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.c - one function a record type. */
#include "source/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "model/endpoint.h"
#include "source/decode_parts.h"

#define BATCH_MAX (1u << 20)     /* events between two takes */

struct decode *decode_new(struct follow *follow, struct tls *tls, struct connprof_recording *recording)
{
	struct decode *decode = calloc(1, sizeof(*decode));

	if (!decode)
		return NULL;
	decode->follow = follow;
	decode->tls = tls;
	decode->recording = recording;
	decode->frames = frames_new(recording);
	decode->threads = thread_names_new(recording->strings);
	decode->units = units_new(recording);
	decode->wires = wires_new();
	decode->preexisting = preexisting_new();
	decode->unixes = unixes_new();
	decode->waits = waits_new(recording);
	decode->places = log_places_new(recording->strings);
	if (decode->frames && decode->waits && decode->threads && decode->units && decode->wires && decode->preexisting && decode->unixes &&
	    decode->places)
		return decode;
	decode_free(decode);
	return NULL;
}

void decode_free(struct decode *decode)
{
	if (!decode)
		return;
	wires_free(decode->wires);
	still_free(decode->still);
	waits_free(decode->waits);
	thread_names_free(decode->threads);
	units_free(decode->units);
	frames_free(decode->frames);
	preexisting_free(decode->preexisting);
	unixes_free(decode->unixes);
	log_places_free(decode->places);
	free(decode->events);
	free(decode);
}

/* ---- helpers ---- */

struct event *event_add(struct decode *decode, uint32_t kind, const struct record *record)
{
	struct event *event;

	if (array_reserve(&decode->events, &decode->capacity, decode->count + 1, sizeof(*decode->events), BATCH_MAX)) {
		decode->unkept++;
		return NULL;
	}
	event = &decode->events[decode->count++];
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	if (record) {
		event->pid = record->pid;
		event->tid = record->tid;
		event->time_ns = record->time_ns;
		event->thread = thread_names_get(decode->threads, record->pid, record->tid);
	}
	return event;
}

static uint32_t stack_and_pool(struct decode *decode, const struct record *record, const struct raw_stack *raw, uint32_t *pool)
{
	struct followed *process = follow_find(decode->follow, record->pid);
	uint32_t stack;

	if (raw_stack_unmapped(raw))
		follow_look_again(decode->follow, process);
	stack = frames_stack(decode->frames, process, raw, pool);
	follow_units(decode->follow, process, units_of_stack(decode->units, stack));
	return stack;
}

uint32_t stack_of(struct decode *decode, const struct record *record, const struct raw_stack *raw)
{
	return stack_and_pool(decode, record, raw, NULL);
}

static struct event_conn conn_of(const struct conn_body *body)
{
	return (struct event_conn){
		.conn = body->conn, .flags = body->flags, .error = body->error,
		.local = endpoint_plain(&body->local), .peer = endpoint_plain(&body->peer),
	};
}

/* A record that begins a UNIX connection ends in its peer's name. Keeps it in mind; returns the name's id, 0: none. */
static uint32_t unix_begins(struct decode *decode, const struct record *record, const struct conn_body *body)
{
	struct unix_name name;
	uint64_t inode;

	if (body->peer.family != AF_UNIX || record->size < sizeof(*record) + sizeof(*body) + sizeof(name))
		return 0;
	memcpy(&name, (const char *)record + record->size - sizeof(name), sizeof(name));
	memcpy(&inode, body->local.address, sizeof(inode));
	unixes_add(decode->unixes, body->conn, inode, body->owner_pid);
	decode->unix_seen |= (body->flags & CONN_OPENED) || (name.length && !(body->flags & CONN_BOUND));
	return endpoint_unix_name(name.path, name.length, decode->recording->strings);
}

/* ---- one function a record type ---- */

uint32_t unit_of(struct decode *decode, const struct raw_stack *raw)
{
	if (raw->unit || raw->python_end == PYTHON_ROOT || raw->python_end == PYTHON_NONE)
		return units_number(decode->units, raw->unit);
	return UNIT_UNKNOWN;
}

static void sample_record(struct decode *decode, const struct record *record)
{
	struct raw_stack raw;
	struct event *event;
	uint32_t stack;

	if (raw_stack_read((const void *)(record + 1), record->size - sizeof(*record), &raw)) {
		decode->malformed++;
		return;
	}
	if (!decode->first_sample_ns)
		decode->first_sample_ns = record->time_ns;
	stack = stack_of(decode, record, &raw);
	event = event_add(decode, EVENT_SAMPLE, record);
	if (!event)
		return;
	event->stack = stack;
	event->unit = unit_of(decode, &raw);
	event->python_end = raw.python_end;
	event->sample.holds_gil = raw.holds_gil;
}

static void conn_record(struct decode *decode, const struct record *record, uint32_t kind)
{
	const struct conn_body *body = (const void *)(record + 1);
	struct event *event;

	if (record->size < sizeof(*record) + sizeof(*body)) {
		decode->malformed++;
		return;
	}
	event = event_add(decode, kind, record);
	if (!event)
		return;
	event->pid = body->owner_pid;
	event->marks = body->marks;
	event->conn = conn_of(body);
}

static void conn_with_stack(struct decode *decode, const struct record *record, uint32_t kind)
{
	const struct conn_body *body = (const void *)(record + 1);
	struct raw_stack raw = {0};
	struct event *event;
	uint32_t stack = 0, pool = 0;

	if (record->size < sizeof(*record) + sizeof(*body)) {
		decode->malformed++;
		return;
	}
	/* A close by somebody else (the last holder of a passed descriptor) comes without a stack. */
	if (record->size > sizeof(*record) + sizeof(*body)) {
		if (raw_stack_read((const void *)(body + 1), record->size - sizeof(*record) - sizeof(*body), &raw)) {
			decode->malformed++;
			return;
		}
		stack = stack_and_pool(decode, record, &raw, &pool);
	}
	event = event_add(decode, kind, record);
	if (!event)
		return;
	event->stack = stack;
	event->unit = units_number(decode->units, raw.unit);
	event->marks = body->marks;
	event->conn = conn_of(body);
	event->conn.pool = pool;
	if (kind == EVENT_CONNECT)
		event->conn.peer.name = unix_begins(decode, record, body);
}

static void connect_record(struct decode *decode, const struct record *record)
{
	conn_with_stack(decode, record, EVENT_CONNECT);
}

static void close_record(struct decode *decode, const struct record *record)
{
	conn_with_stack(decode, record, EVENT_CLOSE);
}

static void established_record(struct decode *decode, const struct record *record)
{
	conn_record(decode, record, EVENT_ESTABLISHED);
}

static void peer_closed_record(struct decode *decode, const struct record *record)
{
	conn_record(decode, record, EVENT_PEER_CLOSED);
}

static void gone_record(struct decode *decode, const struct record *record)
{
	uint64_t conn;

	conn_record(decode, record, EVENT_GONE);
	if (record->size < sizeof(*record) + sizeof(struct conn_body))
		return;
	conn = ((const struct conn_body *)(record + 1))->conn;
	wires_forget(decode->wires, conn);
	unixes_remove(decode->unixes, conn);
}

/* First I/O on a connection whose connect() was not seen: open before the attach if it was listed then, else accepted, or opened
 * here by code that is not known. */
static void seen_record(struct decode *decode, const struct record *record)
{
	const struct conn_body *body = (const void *)(record + 1);
	size_t before = decode->count;
	bool listed;

	if (record->size < sizeof(*record) + sizeof(*body)) {
		decode->malformed++;
		return;
	}
	listed = preexisting_claim(decode->preexisting, body);
	if (!listed && body->flags & CONN_OPENED && !decode->unlisted) {
		conn_record(decode, record, EVENT_CONNECT);
		decode->late++;
	}
	conn_record(decode, record, listed ? EVENT_PREEXISTING : EVENT_ESTABLISHED);
	if (decode->count > before)
		decode->events[before].conn.peer.name = unix_begins(decode, record, body);
}

static void io_record(struct decode *decode, const struct record *record)
{
	const struct io_body *body = (const void *)(record + 1);
	struct event *event;

	if (record->size < sizeof(*record) + sizeof(*body) ||
	    body->payload_bytes > record->size - sizeof(*record) - sizeof(*body) || body->payload_bytes > body->bytes) {
		decode->malformed++;
		return;
	}
	event = event_add(decode, EVENT_IO, record);
	if (!event)
		return;
	event->unit = units_number(decode->units, body->unit);
	event->io.conn = body->conn;
	event->io.bytes = body->flags & IO_PLAIN ? 0 : body->bytes; /* its ciphertext counts */
	event->marks = body->marks;
	event->io.queued_us = body->queued_us;
	event->io.direction = body->flags & IO_SENT ? WIRE_SENT : WIRE_RECEIVED;
	wires_feed(decode->wires, body, &event->io.facts);
	if (event->io.facts.flags & WIRE_TLS && !(event->io.facts.flags & WIRE_SEALED))
		tls_watch(decode->tls, follow_find(decode->follow, record->pid) ? (pid_t)record->pid : 0);
}

static const struct life_body *life_body_of(struct decode *decode, const struct record *record)
{
	if (record->size >= sizeof(*record) + sizeof(struct life_body))
		return (const void *)(record + 1);
	decode->malformed++;
	return NULL;
}

/* A process that has gone before it could be read: all that is known of it is what the kernel said. */
static void short_lived(struct decode *decode, const struct record *record, const struct life_body *body, uint32_t pid)
{
	struct event *event = event_add(decode, EVENT_PROCESS, NULL);

	if (!event)
		return;
	event->pid = event->tid = pid;
	event->time_ns = record->time_ns;
	event->process.parent = record->pid;
	event->process.comm = strings_add_bytes(decode->recording->strings, body->comm, strnlen(body->comm, sizeof(body->comm)));
}

static void fork_record(struct decode *decode, const struct record *record)
{
	const struct life_body *body = life_body_of(decode, record);
	struct followed *parent = body ? follow_find(decode->follow, record->pid) : NULL, *child = NULL;
	int code;

	if (!body)
		return;
	code = parent ? follow_fork(decode->follow, body->child_pid, parent, &child) : -ESRCH;
	if (code != -EEXIST)
		tls_fork(decode->tls, record->pid, body->child_pid);
	if (!code)
		decode_process(decode, child, record->pid, record->time_ns);
	else if (code != -EEXIST)
		short_lived(decode, record, body, body->child_pid);
}

static void exec_record(struct decode *decode, const struct record *record)
{
	const struct life_body *body = life_body_of(decode, record);
	struct followed *process = body ? follow_find(decode->follow, record->pid) : NULL;

	if (!body)
		return;
	tls_forget(decode->tls, record->pid);
	if (process && !follow_exec(decode->follow, process))
		decode_process(decode, process, record->pid, record->time_ns);
	else
		short_lived(decode, record, body, record->pid);
}

static void exit_record(struct decode *decode, const struct record *record)
{
	const struct life_body *body = life_body_of(decode, record);

	if (!body)
		return;
	event_add(decode, EVENT_EXIT, record);
	tls_forget(decode->tls, record->pid);
	follow_exit(decode->follow, follow_find(decode->follow, record->pid), body->cpu_ns);
}

static void (*const decoders[])(struct decode *decode, const struct record *record) = {
	[RECORD_SAMPLE] = sample_record,
	[RECORD_CONNECT] = connect_record,
	[RECORD_ESTABLISHED] = established_record,
	[RECORD_PEER_CLOSED] = peer_closed_record,
	[RECORD_CLOSE] = close_record,
	[RECORD_GONE] = gone_record,
	[RECORD_IO] = io_record,
	[RECORD_FORK] = fork_record,
	[RECORD_EXEC] = exec_record,
	[RECORD_EXIT] = exit_record,
	[RECORD_SEEN] = seen_record,
	[RECORD_BLOCK] = block_record,
	[RECORD_BACK] = back_record,
	[RECORD_LOG] = call_record,
	[RECORD_SEND] = call_record,
	[RECORD_WAKER] = waker_record,
};

void decode_record(struct decode *decode, const struct record *record)
{
	if (record->type < sizeof(decoders) / sizeof(decoders[0]) && decoders[record->type])
		decoders[record->type](decode, record);
	else
		decode->malformed++;
}

/* ---- events of our own ---- */

void decode_process(struct decode *decode, const struct followed *process, uint32_t parent, uint64_t time_ns)
{
	const struct process_identity *identity = followed_identity(process);
	struct event *event = event_add(decode, EVENT_PROCESS, NULL);

	if (!event)
		return;
	event->pid = event->tid = identity->pid;
	event->time_ns = time_ns;
	event->process.parent = parent;
	event->process.comm = strings_add(decode->recording->strings, identity->comm);
	event->process.exe = strings_add(decode->recording->strings, identity->exe);
}

void decode_lost(struct decode *decode, uint32_t reason, uint64_t count, uint64_t time_ns)
{
	struct event *event = event_add(decode, EVENT_LOST, NULL);

	if (!event)
		return;
	event->time_ns = time_ns;
	event->lost.reason = reason;
	event->lost.count = count;
}

void decode_unseen(struct decode *decode, uint64_t unseen, uint64_t time_ns)
{
	if (unseen > decode->late)
		decode_lost(decode, DROP_CONNECTS, unseen - decode->late, time_ns);
}

bool decode_unix_seen(const struct decode *decode)
{
	return decode->unix_seen;
}

static void unix_gone(void *context, uint64_t conn, pid_t owner, uint64_t time_ns)
{
	struct decode *decode = context;
	struct event *event = event_add(decode, EVENT_GONE, NULL);

	if (!event)
		return;
	event->pid = event->tid = (uint32_t)owner;
	event->time_ns = time_ns;
	event->conn.conn = conn;
	event->conn.peer.family = AF_UNIX;
	wires_forget(decode->wires, conn);
}

void decode_sweep(struct decode *decode, uint64_t time_ns, bool last)
{
	const struct unixes_look look = {
		.now_ns = time_ns, .last = last, .alive = follow_any(decode->follow), .gone = unix_gone, .context = decode,
	};

	unixes_sweep(decode->unixes, &look);
}

/* ---- taking ---- */

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

int decode_finish(struct decode *decode)
{
	return frames_finish(decode->frames);
}

size_t decode_replaced(const struct decode *decode, const struct frame_replacement **by_frame, const uint32_t **ids)
{
	return frames_replaced(decode->frames, by_frame, ids);
}

size_t decode_take(struct decode *decode, const struct event **events)
{
	size_t left = decode->count - decode->taken;

	memmove(decode->events, decode->events + decode->taken, left * sizeof(*decode->events));
	decode->count = decode->taken = left;
	thread_names_batch(decode->threads);
	if (left)
		qsort(decode->events, left, sizeof(*decode->events), by_time);
	*events = decode->events;
	return left;
}

uint64_t decode_malformed(const struct decode *decode)
{
	return decode->malformed;
}

uint64_t decode_unkept(const struct decode *decode)
{
	return decode->unkept;
}

uint64_t decode_first_sample_ns(const struct decode *decode)
{
	return decode->first_sample_ns;
}

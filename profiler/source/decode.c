/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.c - one function a record type. */
#include "source/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "source/frames.h"
#include "source/thread_names.h"

#define BATCH_MAX (1u << 20)     /* events between two takes */
#define WIRES_MAX 65536          /* connections whose protocol is followed at once */
#define PREEXISTING_MAX 65536
#define CONN_SYNTHETIC (1ULL << 63) /* keys of connections the kernel side never numbered */

struct wire_entry {
	UT_hash_handle hh;
	uint64_t conn;
	struct wire *wire;
};

struct open_socket {
	struct process_socket socket;
	pid_t pid;
	bool seen;
};

struct decode {
	struct follow *follow;
	struct connprof_recording *recording;
	struct frames *frames;
	struct event *events;
	size_t count, capacity;
	size_t taken;                  /* events handed out by the last take: dropped at the next call */
	struct wire_entry *wires;
	struct thread_names *threads;
	struct open_socket *open;
	size_t open_count, open_capacity;
	uint64_t malformed, unkept, first_sample_ns;
};

struct decode *decode_new(struct follow *follow, struct connprof_recording *recording)
{
	struct decode *decode = calloc(1, sizeof(*decode));

	if (!decode)
		return NULL;
	decode->follow = follow;
	decode->recording = recording;
	decode->frames = frames_new(recording);
	decode->threads = thread_names_new(recording->strings);
	if (decode->frames && decode->threads)
		return decode;
	decode_free(decode);
	return NULL;
}

static void wire_forget(struct decode *decode, uint64_t conn)
{
	struct wire_entry *entry;

	HASH_FIND(hh, decode->wires, &conn, sizeof(conn), entry);
	if (!entry)
		return;
	HASH_DEL(decode->wires, entry);
	wire_free(entry->wire);
	free(entry);
}

void decode_free(struct decode *decode)
{
	struct wire_entry *wire, *next_wire;

	if (!decode)
		return;
	HASH_ITER(hh, decode->wires, wire, next_wire)
		wire_forget(decode, wire->conn);
	thread_names_free(decode->threads);
	frames_free(decode->frames);
	free(decode->events);
	free(decode->open);
	free(decode);
}

/* ---- helpers ---- */

static struct event *event_add(struct decode *decode, uint32_t kind, const struct record *record)
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

/* ::ffff:a.b.c.d is IPv4. */
static struct endpoint plain_endpoint(const struct endpoint *endpoint)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct endpoint out = *endpoint;

	if (endpoint->family != AF_INET6 || memcmp(endpoint->address, mapped, sizeof(mapped)))
		return out;
	out.family = AF_INET;
	memset(out.address, 0, sizeof(out.address));
	memcpy(out.address, endpoint->address + 12, 4);
	return out;
}

static struct event_conn conn_of(const struct conn_body *body)
{
	return (struct event_conn){
		.conn = body->conn, .flags = body->flags, .error = body->error,
		.local = plain_endpoint(&body->local), .peer = plain_endpoint(&body->peer),
	};
}

/* ---- one function a record type ---- */

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
	stack = frames_stack(decode->frames, follow_find(decode->follow, record->pid), &raw);
	event = event_add(decode, EVENT_SAMPLE, record);
	if (!event)
		return;
	event->stack = stack;
	event->python_end = raw.python_end;
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
	event->conn = conn_of(body);
}

static void conn_with_stack(struct decode *decode, const struct record *record, uint32_t kind)
{
	const struct conn_body *body = (const void *)(record + 1);
	struct raw_stack raw;
	struct event *event;
	uint32_t stack = 0;

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
		stack = frames_stack(decode->frames, follow_find(decode->follow, record->pid), &raw);
	}
	event = event_add(decode, kind, record);
	if (!event)
		return;
	event->stack = stack;
	event->conn = conn_of(body);
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
	conn_record(decode, record, EVENT_GONE);
	if (record->size >= sizeof(*record) + sizeof(struct conn_body))
		wire_forget(decode, ((const struct conn_body *)(record + 1))->conn);
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	struct endpoint x = plain_endpoint(a), y = plain_endpoint(b);

	return x.family == y.family && x.port == y.port && !memcmp(x.address, y.address, sizeof(x.address));
}

/* First I/O on a connection whose connect() was not seen: open before the attach if it was listed then, else accepted. */
static void seen_record(struct decode *decode, const struct record *record)
{
	const struct conn_body *body = (const void *)(record + 1);
	uint32_t kind = EVENT_ESTABLISHED;

	if (record->size < sizeof(*record) + sizeof(*body)) {
		decode->malformed++;
		return;
	}
	for (size_t i = 0; i < decode->open_count && kind == EVENT_ESTABLISHED; i++) {
		struct open_socket *open = &decode->open[i];

		if (open->seen || !same_endpoint(&open->socket.local, &body->local) ||
		    !same_endpoint(&open->socket.peer, &body->peer))
			continue;
		open->seen = true;
		kind = EVENT_PREEXISTING;
	}
	conn_record(decode, record, kind);
}

static struct wire *wire_of(struct decode *decode, uint64_t conn)
{
	struct wire_entry *entry;

	HASH_FIND(hh, decode->wires, &conn, sizeof(conn), entry);
	if (entry)
		return entry->wire;
	if (HASH_COUNT(decode->wires) >= WIRES_MAX || !(entry = calloc(1, sizeof(*entry))))
		return NULL;
	entry->conn = conn;
	entry->wire = wire_new();
	if (entry->wire) {
		HASH_ADD(hh, decode->wires, conn, sizeof(entry->conn), entry);
		if (entry->hh.tbl)
			return entry->wire;
	}
	wire_free(entry->wire);
	free(entry);
	return NULL;
}

static void io_record(struct decode *decode, const struct record *record)
{
	const struct io_body *body = (const void *)(record + 1);
	enum wire_direction direction;
	struct event *event;
	struct wire *wire;

	if (record->size < sizeof(*record) + sizeof(*body) ||
	    body->payload_bytes > record->size - sizeof(*record) - sizeof(*body) || body->payload_bytes > body->bytes) {
		decode->malformed++;
		return;
	}
	event = event_add(decode, EVENT_IO, record);
	if (!event)
		return;
	direction = body->flags & IO_SENT ? WIRE_SENT : WIRE_RECEIVED;
	event->io.conn = body->conn;
	event->io.bytes = body->bytes;
	event->io.direction = direction;
	wire = wire_of(decode, body->conn);
	if (wire)
		wire_feed(wire, direction, (const uint8_t *)(body + 1), body->payload_bytes, body->bytes, &event->io.facts);
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

int decode_preexisting(struct decode *decode, pid_t pid)
{
	struct process_socket *sockets = NULL;
	int count = process_sockets(pid, &sockets), code = 0;

	for (int i = 0; i < count && !code; i++) {
		if (sockets[i].state == 10) /* TCP_LISTEN */
			continue;
		code = array_reserve(&decode->open, &decode->open_capacity, decode->open_count + 1, sizeof(*decode->open),
				     PREEXISTING_MAX);
		if (!code)
			decode->open[decode->open_count++] = (struct open_socket){.socket = sockets[i], .pid = pid};
	}
	free(sockets);
	return count < 0 ? count : code;
}

void decode_silent(struct decode *decode, uint64_t time_ns)
{
	for (size_t i = 0; i < decode->open_count; i++) {
		struct open_socket *open = &decode->open[i];
		struct event *event = open->seen ? NULL : event_add(decode, EVENT_PREEXISTING, NULL);

		if (!event)
			continue;
		event->pid = event->tid = open->pid;
		event->time_ns = time_ns;
		event->conn.conn = CONN_SYNTHETIC | i;
		event->conn.local = plain_endpoint(&open->socket.local);
		event->conn.peer = plain_endpoint(&open->socket.peer);
	}
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

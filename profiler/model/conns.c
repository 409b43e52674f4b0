/* SPDX-License-Identifier: BSD-2-Clause */
/* conns.c - connections by key, in a uthash table. */
#include "model/conns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/conns_parts.h"

#define GOODBYE_NS 1000000000u /* a peer that closes this soon after a maintenance command may have been asked to */

struct conns *conns_new(struct connprof_recording *recording, struct groups *groups, struct requests *requests, struct owner *owner)
{
	struct conns *conns = calloc(1, sizeof(*conns));

	if (!conns)
		return NULL;
	conns->recording = recording;
	conns->groups = groups;
	conns->requests = requests;
	conns->owner = owner;
	conns->credits = credits_new();
	conns->series = series_new();
	conns->pools = pools_new();
	if (conns->credits && conns->series && conns->pools)
		return conns;
	conns_free(conns);
	return NULL;
}

void conns_free(struct conns *conns)
{
	struct entry *entry, *next;

	if (!conns)
		return;
	HASH_ITER(hh, conns->by_key, entry, next) {
		HASH_DELETE(hh, conns->by_key, entry);
		free(entry);
	}
	credits_free(conns->credits);
	series_free(conns->series);
	pools_free(conns->pools);
	free(conns);
}

void conns_watch(struct conns *conns, conn_told told, void *context)
{
	conns->told = told;
	conns->watcher = context;
}

static void tell(const struct conns *conns, enum conn_moment moment, const struct conn *conn)
{
	if (conns->told && !conn->pair)
		conns->told(conns->watcher, moment, conn);
}

static struct entry *find(struct conns *conns, uint64_t key)
{
	struct entry *entry;

	HASH_FIND(hh, conns->by_key, &key, sizeof(key), entry);
	return entry;
}

/* *out is NULL when the table is full: the connection is then counted as refused and not followed. */
static int add(struct conns *conns, const struct event *event, uint64_t key, const struct endpoint *peer, bool opened,
	       struct entry **out)
{
	struct entry *entry;
	int group;

	*out = NULL;
	if (HASH_COUNT(conns->by_key) >= CONNS_MAX) {
		conns->totals.refused += event->kind != EVENT_IO; /* which comes again and again */
		return 0;
	}
	group = opened ? groups_find(conns->groups, event->stack, true, peer) : 0;
	entry = group < 0 ? NULL : calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->conn = (struct conn){
		.key = key, .group = opened ? (uint32_t)group : NO_GROUP, .pid = event->pid, .tid = event->tid,
		.peer = endpoint_plain(peer), .opened = opened, .number = ++conns->numbered, .seen_ns = event->time_ns,
	};
	entry->series = SERIES_NONE;
	if (event->kind != EVENT_IO)
		entry->conn.local = endpoint_plain(&event->conn.local);
	HASH_ADD(hh, conns->by_key, conn.key, sizeof(entry->conn.key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	*out = entry;
	return 0;
}

/* What it is needed for at the moment, for the sake of the request that waits. */
static void follow_talk(struct conns *conns, struct entry *entry, const struct event *event)
{
	struct purpose purpose;
	struct event asker;

	if (!entry->conn.server && talk_feed(&entry->talk, event, &purpose, &asker))
		owner_purpose(conns->owner, &asker, &purpose);
}

static void fold(struct conns *conns, struct entry *entry)
{
	const struct conn *conn = &entry->conn;

	tell(conns, CONN_ENDED, conn);
	if (conn->group != NO_GROUP) /* short of memory a sketch lacks a value; the counts are right */
		conn_count(conn, &groups_at(conns->groups, conn->group)->counts);
	conns_count_unopened(conn, &conns->totals);
	pools_gone(conns->pools, entry->pool);
	HASH_DELETE(hh, conns->by_key, entry);
	free(entry);
}

/* ---- from the same pool ---- */

/* Who opened `from` is told to the one beside it. What another request opened already is no longer looked for. */
static void tell_beside(struct conn *to, const struct conn *from)
{
	if (conn_pool_shared(to))
		return;
	to->beside = from->key;
	to->beside_opener = from->tie >= TIE_THREAD ? from->opener : 0;
}

/* It is in use (a finalizer's goodbye is none), and so its pool has been there all along: what that place opened meanwhile is of
 * the same pool. */
static void look_beside(struct conns *conns, struct entry *entry)
{
	uint64_t key = entry->pool ? pool_newest(entry->pool, &entry->pool_seen) : 0;
	struct entry *newest = key && key != entry->conn.key ? find(conns, key) : NULL;

	if (!newest)
		return;
	tell_beside(&entry->conn, &newest->conn);
	tell_beside(&newest->conn, &entry->conn);
}

/* Its opener has become known. */
static void opener_told(struct conns *conns, const struct conn *conn)
{
	struct entry *other = conn->beside ? find(conns, conn->beside) : NULL;

	if (other && other->conn.beside == conn->key)
		tell_beside(&other->conn, conn);
}

/* ---- for which request? ---- */

enum deed_kind { DEED_OPENED, DEED_USED };

/* A request has used it. Several may, in turns: going back to one of the latest two adds none. */
static void served(struct conn *conn, uint64_t ordinal)
{
	if (ordinal == conn->last_requests[0] || ordinal == conn->last_requests[1])
		return;
	conn->last_requests[1] = conn->last_requests[0];
	conn->last_requests[0] = ordinal;
	conn->served++;
}

/* Which request used it cannot be told (a sub-task sent the command): the one it was opened for, as long as that lasts. */
static void used_by_somebody(const struct conns *conns, struct conn *conn, uint64_t time_ns)
{
	if (conn->long_lived) /* waiting is nobody's work */
		return;
	if (requests_was_open(conns->requests, conn->opener, time_ns)) {
		served(conn, conn->opener);
		return;
	}
	conn->untied_uses++;
	conn->outlived |= conn->opener != 0;
}

static void told(const struct deed *deed, struct request *request, enum tie tie)
{
	struct conns *conns = deed->context;
	struct entry *entry = find(conns, deed->subject);
	struct conn *conn = &entry->conn; /* kept while it waits */

	entry->waiting--;
	if (deed->what == DEED_OPENED) {
		conn->tie = (uint8_t)tie;
		conn->opener = request ? request_ordinal(request) : 0;
		opener_told(conns, conn);
	} else if (request) {
		served(conn, request_ordinal(request));
	} else {
		used_by_somebody(conns, conn, deed->time_ns);
	}
	if (request && conn->group != NO_GROUP)
		pattern_touch(request_pattern(request), conn->group, deed->what == DEED_OPENED);
	if (entry->gone && !entry->waiting)
		fold(conns, entry);
}

static void ask(struct conns *conns, struct entry *entry, const struct event *event, enum deed_kind what)
{
	struct deed deed = { .told = told, .context = conns, .subject = entry->conn.key, .what = what };

	entry->waiting++;
	requests_whose(conns->requests, event, &deed);
}

static int opened(struct conns *conns, const struct event *event)
{
	struct entry *entry;
	struct conn *conn;
	int code;

	if (find(conns, event->conn.conn))
		return 0; /* told twice */
	code = add(conns, event, event->conn.conn, &event->conn.peer, true, &entry);
	if (!entry)
		return code;
	conn = &entry->conn;
	conn->birth_ns = event->time_ns;
	conn->stack = event->stack;
	tell(conns, CONN_BEGAN, conn);
	conn->early = requests_early(conns->requests);
	conn->reconnect = credit_take(conns->credits, conn->pid, &conn->peer);
	conn->pool = event->conn.pool;
	if (conn->pool && !(entry->pool = pools_opened(conns->pools, conn->pid, conn->pool, conn->key)))
		return -ENOMEM;
	requests_opening(conns->requests, event, &conn->first_of_thread, &conn->first_of_process, &conn->aside);
	conns->totals.opened++;
	entry->series = series_opened(conns->series, &conn->peer, event->time_ns);
	ask(conns, entry, event, DEED_OPENED);
	follow_talk(conns, entry, event);
	return 0;
}

/* A connection whose connect() was not seen. */
static int seen(struct conns *conns, const struct event *event)
{
	struct entry *entry;
	int code;

	if (find(conns, event->conn.conn))
		return 0;
	code = add(conns, event, event->conn.conn, &event->conn.peer, false, &entry);
	if (entry) {
		entry->conn.preexisting = event->kind == EVENT_PREEXISTING;
		entry->conn.pair = event->conn.flags & CONN_PAIR;
		tell(conns, CONN_BEGAN, &entry->conn);
	}
	return code;
}

/* No credit for a peer that closes in answer to a goodbye (QUIT): then it was this side that ended it. */
static void peer_ended(struct conns *conns, struct entry *entry, uint64_t time_ns)
{
	struct conn *conn = &entry->conn;
	bool goodbye = entry->last_was_maintenance && conn->served <= 1 &&
		       time_ns < conn->last_sent_ns + GOODBYE_NS && conn->opened;

	if (goodbye)
		return;
	conn->peer_ended = true;
	credit_give(conns->credits, conn->pid, &conn->peer);
}

/* False: it has been closed before. */
static bool ended_here(struct conns *conns, struct entry *entry, uint64_t time_ns)
{
	if (entry->conn.closed_ns)
		return false;
	entry->conn.closed_ns = time_ns;
	series_closed(conns->series, entry->series, time_ns);
	return true;
}

static void gone(struct conns *conns, struct entry *entry, const struct event *event)
{
	struct conn *conn = &entry->conn;

	requests_end(conns->requests, &entry->serving, event);
	if (conn->opened && !conn->established_ns && !conn->last_io_ns)
		conn->failed = true;
	conn->error = event->conn.error;
	if (conn->failed || (!conn->closed_ns && !conn->peer_closed_ns && event->conn.flags & CONN_RESET))
		peer_ended(conns, entry, event->time_ns);
	ended_here(conns, entry, event->time_ns);
	entry->gone = true;
	if (!entry->waiting)
		fold(conns, entry);
}

/* An application command went out: for some request. */
static void use(struct conns *conns, struct entry *entry, const struct event *event)
{
	struct conn *conn = &entry->conn;

	look_beside(conns, entry);
	if (conn->group == NO_GROUP && event->io.facts.protocol && event->io.facts.requests) {
		int group = groups_find(conns->groups, 0, false, &conn->peer);

		conn->group = group < 0 ? NO_GROUP : (uint32_t)group;
	}
	if (entry->waiting && entry->asked_tid == event->tid && entry->asked_unit == event->unit &&
	    entry->asked_requests == requests_begun(conns->requests))
		return;
	entry->asked_tid = event->tid;
	entry->asked_unit = event->unit;
	entry->asked_requests = requests_begun(conns->requests);
	ask(conns, entry, event, DEED_USED);
}

static void client_sent(struct conns *conns, struct entry *entry, const struct event *event)
{
	const struct wire_facts *facts = &event->io.facts;
	struct conn *conn = &entry->conn;
	uint32_t handshake = facts->handshake < facts->requests ? facts->handshake : facts->requests;
	bool unread = facts->protocol == PROTOCOL_UNKNOWN || facts->flags & (WIRE_GARBLED | WIRE_TLS);

	conn->last_sent_ns = event->time_ns;
	conn->commands += facts->requests - handshake;
	conn->handshake += handshake;
	if (facts->requests)
		entry->last_was_maintenance = facts->requests == handshake;
	entry->introducing |= handshake && !conn->first_command_ns;
	if (facts->requests == handshake && !unread)
		return;
	if (!conn->first_command_ns)
		conn->first_command_ns = event->time_ns;
	else if (event->time_ns - conn->last_command_ns > conn->longest_pause_ns)
		conn->longest_pause_ns = event->time_ns - conn->last_command_ns;
	conn->last_command_ns = event->time_ns;
	use(conns, entry, event);
}

static int moved(struct conns *conns, const struct event *event)
{
	static const struct endpoint nowhere;
	const struct wire_facts *facts = &event->io.facts;
	struct entry *entry = find(conns, event->io.conn);
	struct conn *conn;
	int code;

	if (!entry) {
		code = add(conns, event, event->io.conn, &nowhere, false, &entry);
		if (!entry)
			return code;
		tell(conns, CONN_BEGAN, &entry->conn);
	}
	if (entry->gone) /* kept for a deed that waits: what is told now came late */
		return 0;
	conn = &entry->conn;
	conn->last_io_ns = event->time_ns;
	*(event->io.direction == WIRE_SENT ? &conn->bytes_sent : &conn->bytes_received) += event->io.bytes;
	if (facts->protocol)
		conn->protocol = (uint8_t)facts->protocol;
	conn->confirmed |= (facts->flags & WIRE_CONFIRMED) != 0;
	conn->tls |= (facts->flags & (WIRE_TLS | WIRE_INSIDE_TLS)) != 0;
	if (facts->flags & WIRE_SEALED) {
		sealing_ciphertext(&entry->sealing, event);
		return 0;
	}
	if (facts->flags & WIRE_INSIDE_TLS && !conn->tls_ns)
		conn->tls_ns = sealing_over(&entry->sealing, event->time_ns);
	conn->long_lived |= (facts->flags & (WIRE_BLOCKING | WIRE_SUBSCRIBED)) != 0;
	if (facts->protocol) /* a connection older than the attach may have looked the other way round at first */
		conn->server = !conn->opened && (facts->flags & WIRE_SERVER);
	if (facts->library[0])
		conn->library = strings_add_bytes(conns->recording->strings, facts->library,
						  strnlen(facts->library, sizeof(facts->library)));
	follow_talk(conns, entry, event);
	if (event->io.direction == WIRE_RECEIVED)
		look_beside(conns, entry);
	if (conn->server) {
		conn->commands += event->io.direction == WIRE_RECEIVED ? facts->requests : 0;
		if (protocol_serves(facts->protocol))
			requests_io(conns->requests, &entry->serving, event);
	} else if (event->io.direction == WIRE_SENT) {
		if (protocol_passed_on(facts->protocol))
			requests_pass_on(conns->requests, event);
		if (facts->flags & WIRE_BLOCKING)
			requests_end(conns->requests, &entry->serving, event);
		client_sent(conns, entry, event);
	} else if (facts->flags & WIRE_JOB) {
		requests_job(conns->requests, &entry->serving, event);
	} else if (!conn->first_command_ns && facts->responses) {
		conn->handshake_ns = event->time_ns;
		conn->handshake_trips += entry->introducing;
		entry->introducing = false;
	}
	return 0;
}

static void closed(struct conns *conns, struct entry *entry, const struct event *event)
{
	struct conn *conn = &entry->conn;

	requests_end(conns->requests, &entry->serving, event);
	if (!ended_here(conns, entry, event->time_ns))
		return;
	conn->close_stack = event->stack;
	conn->closed_here = true;
	conn->exiting = event->conn.flags & CONN_EXITING;
}

int conns_feed(struct conns *conns, const struct event *event)
{
	struct entry *entry;

	if (event->kind == EVENT_IO)
		return moved(conns, event);
	if (event->kind == EVENT_SEND) {
		entry = find(conns, event->call.conn);
		if (entry)
			follow_talk(conns, entry, event);
		return 0;
	}
	if (event->kind == EVENT_CONNECT)
		return opened(conns, event);
	if (event->kind == EVENT_PREEXISTING)
		return seen(conns, event);
	entry = find(conns, event->conn.conn);
	if (!entry) /* accepted, or its connect() was lost: an ESTABLISHED begins it, other news of it say nothing */
		return event->kind == EVENT_ESTABLISHED ? seen(conns, event) : 0;
	follow_talk(conns, entry, event);
	switch (event->kind) {
	case EVENT_ESTABLISHED:
		if (!entry->conn.established_ns)
			entry->conn.established_ns = event->time_ns;
		entry->conn.local = endpoint_plain(&event->conn.local); /* bound to an address only by now */
		break;
	case EVENT_PEER_CLOSED:
		if (entry->conn.peer_closed_ns || entry->conn.closed_ns)
			break;
		entry->conn.peer_closed_ns = event->time_ns;
		if (!entry->conn.server)
			peer_ended(conns, entry, event->time_ns);
		break;
	case EVENT_CLOSE:
		closed(conns, entry, event);
		break;
	case EVENT_GONE:
		gone(conns, entry, event);
		break;
	default:
		break;
	}
	return 0;
}

void conns_each(const struct conns *conns, void (*visit)(const struct conn *conn, void *context), void *context)
{
	for (const struct entry *entry = conns->by_key; entry; entry = entry->hh.next)
		visit(&entry->conn, context);
}

void conns_window_ends(struct conns *conns, uint64_t end_ns)
{
	const struct event end = { .kind = EVENT_CLOSE, .time_ns = end_ns };

	for (struct entry *entry = conns->by_key; entry; entry = entry->hh.next)
		follow_talk(conns, entry, &end);
}

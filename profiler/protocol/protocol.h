/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * protocol.h - bytes in, facts out: what a connection says, told from the first bytes of each call and no further.
 *
 * A protocol is one file with one const struct protocol_ops and one row in wire.c's table. Nothing here keeps payload:
 * facts are counts, flags and a client library's name and version. Keys, values, user names, passwords and URLs never
 * get into a fact.
 *
 * struct wire follows one connection: both directions, split packets, pipelines, and bytes that were not peeked
 * (a call may move more than its peek holds).
 */
#ifndef CONNPROF_PROTOCOL_PROTOCOL_H
#define CONNPROF_PROTOCOL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol_id {
	PROTOCOL_UNKNOWN = 0,
	PROTOCOL_REDIS = 1,
	PROTOCOL_HTTP = 2,
	PROTOCOL_POSTGRES = 3,
	PROTOCOL_MYSQL = 4,
	PROTOCOL_MEMCACHED = 5,
	PROTOCOL_JOB = 6,        /* none on the wire: requests that are jobs, from one blocking pop to the next */
	PROTOCOL_FASTCGI = 7,    /* requests that a web server passes on */
	PROTOCOL_UWSGI = 8,
	PROTOCOL_COUNT,
};

enum wire_direction { WIRE_SENT = 0, WIRE_RECEIVED = 1 }; /* as the traced process sees it */

enum wire_flag {
	WIRE_CONFIRMED = 1,      /* both directions spoke this protocol */
	WIRE_SERVER = 2,         /* the traced process is the serving side (it received the requests) */
	WIRE_BLOCKING = 4,       /* a blocking read (BLPOP, XREAD BLOCK, …) */
	WIRE_SUBSCRIBED = 8,     /* SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE, MONITOR */
	WIRE_HANDSHAKE = 16,     /* what this call carried was handshake or maintenance only (HELLO, AUTH, CLIENT, SELECT, PING, …) */
	WIRE_RESPONSE_DONE = 32, /* where requests are served: the response now begun or going on is complete with this call, as its framing says */
	WIRE_CLOSE = 64,         /* there: the connection ends with this response (Connection: close, HTTP/1.0) */
	WIRE_UPGRADED = 128,     /* HTTP: 101, no requests any more */
	WIRE_TLS = 256,          /* a TLS record was seen: nothing more can be read */
	WIRE_SEALED = 8192,      /* ciphertext of a connection whose plaintext is read beside it: says nothing itself */
	WIRE_INSIDE_TLS = 16384, /* and that plaintext */
	WIRE_JOB = 1024,         /* a blocking pop (BLPOP, BLMOVE, XREADGROUP BLOCK, …) has brought something */
	WIRE_GARBLED = 512,      /* bytes that did not fit; counts from here are a lower bound until the next clean call */
};

/*
 * What one call (one send or one receive) added. Flags are this call's, but for CONFIRMED, SERVER, UPGRADED and TLS, which
 * stay, and HANDSHAKE, which lasts from a handshake request to the next request (so its replies have it too). A protocol
 * is named from its first request on; only CONFIRMED says that the other side answered in kind.
 * HTTP: a response that ends without RESPONSE_DONE (head cut by the peek, body by sendfile or until close) ends with the
 * last call before the next request, or with the connection. A cut head is not GARBLED: its counts are right.
 */
struct wire_facts {
	uint16_t protocol;       /* enum protocol_id, best knowledge after this call */
	uint16_t flags;          /* enum wire_flag */
	uint32_t requests;       /* request heads or commands begun by this call, handshake included */
	uint32_t handshake;      /* of those, handshake and maintenance */
	uint32_t responses;      /* response heads or replies begun by this call */
	uint32_t errors;         /* of those, error replies (RESP -ERR, HTTP 5xx, FastCGI's Status likewise) */
	char library[48];        /* "redis-py 5.0.1" once the client said so in this call, else "" */
	uint32_t command;        /* Redis: the first command named in this call that is no handshake, command_name(); 0: none known */
};

struct wire;

/* NULL when out of memory. */
struct wire *wire_new(void);
void wire_free(struct wire *wire);

/* One call's bytes: `peeked` of the `total` it moved are in bytes (borrowed for the call; peeked may be 0). */
void wire_feed(struct wire *wire, enum wire_direction direction, const uint8_t *bytes, size_t peeked, uint64_t total,
	       struct wire_facts *facts);

/* "redis", "http", "postgres", …, or "unknown" (static). */
const char *protocol_name(enum protocol_id protocol);
/* "GET", … (static), of the protocol's own words only; NULL: no such number. And back: 0 if there is none of that name. */
const char *command_name(uint32_t command);
uint32_t command_by_name(const char *name);
/* PROTOCOL_UNKNOWN if there is none of that name. */
enum protocol_id protocol_by_name(const char *name);
/* Are its requests what a service is asked by its users: HTTP, also as a web server passes it on? */
bool protocol_serves(enum protocol_id protocol);
/* Of those: is it how a web server passes them on? */
bool protocol_passed_on(enum protocol_id protocol);

#endif

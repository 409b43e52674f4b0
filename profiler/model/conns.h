/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conns.h - the target's connections, each from its first event to its end, then folded into its group.
 *
 * Only connections that still exist are kept one by one; what matters of the others is in struct counts.
 */
#ifndef CONNPROF_MODEL_CONNS_H
#define CONNPROF_MODEL_CONNS_H

#include "event.h"
#include "model/groups.h"
#include "model/owner.h"
#include "model/recording.h"
#include "model/requests.h"

#define CONNS_MAX (1u << 18)   /* connections existing at once */
#define OPEN_ENDS_MAX (1u << 16) /* told to whoever asks the server */

/* Accepted connections have a peer each, its port is the client's: they must not fill the groups. */
#define NO_GROUP UINT32_MAX

/* What a connection looks like from outside. Times are 0 when it has not happened (or was not seen). */
struct conn {
	uint64_t key;
	uint32_t group;                /* index into groups; NO_GROUP: not opened here, and nothing asked through it yet */
	uint64_t number;               /* from 1, in the order in which they were seen */
	uint32_t pid, tid;             /* that opened it */
	struct endpoint local, peer;   /* local.family 0: not known (yet) */
	uint32_t stack, close_stack, library; /* stack ids; string id */
	int32_t error;                 /* errno that it failed or broke with, 0: none */
	uint64_t seen_ns, birth_ns, established_ns, peer_closed_ns, closed_ns, last_io_ns, last_sent_ns;
	uint64_t first_command_ns, last_command_ns; /* first and last application command sent */
	uint64_t longest_pause_ns;     /* between two of them */
	uint64_t handshake_ns;         /* last reply before that */
	uint64_t tls_ns;               /* TLS's own handshake was over; known where its plaintext is read */
	uint32_t handshake_trips;      /* replies that were waited for before the first application command */
	uint64_t commands, handshake;  /* sent (as a server: received); the second: not application work */
	uint64_t bytes_sent, bytes_received;
	uint64_t served;               /* distinct requests that sent an application command through it */
	uint64_t last_requests[2];     /* ordinals of the latest two of them */
	uint64_t untied_uses;
	uint64_t opener;               /* ordinal of the request it was opened for; 0: none that is known */
	uint32_t pool;                 /* that opened it, as in struct event_conn */
	uint64_t beside;               /* key of another one of that pool: one of the two was used after the other was opened; 0: none */
	uint64_t beside_opener;        /* that one's opener */
	uint8_t tie;                   /* enum tie, of its opening */
	uint8_t protocol;
	bool closed_here, exiting;     /* this side's close was seen; it was the process that ended */
	bool opened, server, confirmed, tls, failed, early, reconnect, long_lived, first_of_thread, first_of_process;
	bool aside;              /* opened while no request was being served */
	bool preexisting;              /* open before the attach */
	bool pair;                     /* one end of a socketpair(): neither opened nor accepted */
	bool peer_ended;               /* the peer closed or broke it, unasked */
	bool outlived;                 /* used by somebody after the request it was opened for was over */
};

struct conns;

/* Has it served two requests, or somebody else than the request that opened it? */
static inline bool conn_reused(const struct conn *conn)
{
	return conn->served >= 2 || conn->outlived;
}

/* Did requests that overlap open it and another one from the same pool? */
static inline bool conn_pool_shared(const struct conn *conn)
{
	return conn->tie >= TIE_THREAD && conn->opener && conn->beside_opener && conn->beside_opener != conn->opener;
}

struct conns *conns_new(struct connprof_recording *recording, struct groups *groups, struct requests *requests, struct owner *owner);
void conns_free(struct conns *conns);

/* CONNECT … GONE, IO, PREEXISTING. 0 or -ENOMEM. */
int conns_feed(struct conns *conns, const struct event *event);

/* Counts one connection as it stands. 0 or -ENOMEM. */
int conn_count(const struct conn *conn, struct counts *counts);

/* Still connecting: neither opened nor failed yet. */
static inline bool conn_under_way(const struct conn *conn)
{
	return conn->opened && !conn->closed_ns && !conn->established_ns && !conn->last_io_ns;
}

/* From connect() until it could do the application's work, and the parts of that; 0: it has none, or none is known. */
struct conn_setup {
	uint64_t whole_ns, connect_ns, tls_ns, handshake_ns;
};
struct conn_setup conn_setup(const struct conn *conn);

/* Tells `told` of each connection when it is first seen, and when nothing more can be learnt of it; NULL: nobody. A socketpair()
 * is none. */
enum conn_moment { CONN_BEGAN, CONN_ENDED };
typedef void (*conn_told)(void *context, enum conn_moment moment, const struct conn *conn);
void conns_watch(struct conns *conns, conn_told told, void *context);

/* Each connection that still exists. */
void conns_each(const struct conns *conns, void (*visit)(const struct conn *conn, void *context), void *context);

/* Lists the local ends of outgoing connections (of UNIX ones the peer's) that are still open in the recording's open_ends, replacing what was there; at
 * most OPEN_ENDS_MAX of them. 0 or -ENOMEM. */
int conns_open_ends(const struct conns *conns);

/* The recording's series as of end_ns. 0 or -ENOMEM. */
int conns_over_time(struct conns *conns, uint64_t start_ns, uint64_t end_ns);

/* Nothing is fed any more: what requests still wait for on their connections is told to them. */
void conns_window_ends(struct conns *conns, uint64_t end_ns);

struct conns_totals {
	uint64_t opened, preexisting, accepted; /* seen in all */
	uint64_t refused;                       /* not followed: table full */
	uint64_t clients;                       /* accepted, open, and the client is still there */
};
void conns_totals(const struct conns *conns, struct conns_totals *out);

#endif

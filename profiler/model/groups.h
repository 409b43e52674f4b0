/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * groups.h - what has been counted of connections, by full stack at connect() and peer.
 *
 * A call site is made of such groups at the moment of judging (sites.h): which frames are the application's own is the user's to
 * correct, so nothing is rolled up earlier. Which requests touched which groups is kept as *patterns*: the set of groups
 * one request opened or used a connection of, and how many requests had exactly that set. From them the distinct requests
 * of any union of groups can be told exactly, in memory bounded by the code's variety and not by the traffic.
 */
#ifndef CONNPROF_MODEL_GROUPS_H
#define CONNPROF_MODEL_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "model/endpoint.h"
#include "model/pools.h"
#include "model/sketch.h"

#define GROUPS_MAX (1u << 14)
#define PATTERNS_MAX (1u << 16)
#define REQUEST_TOUCHES_MAX 16  /* groups one request can be tied to; further ones are not counted for it */
#define CLOSE_STACKS_MAX 8      /* different closing stacks kept for one group */
#define SHORT_LIVED_NS 10000000000u /* a connection closed within 10 s was short-lived */

/* To what a connection's opening could be tied. */
enum tie { TIE_NONE = 0, TIE_PROCESS, TIE_THREAD, TIE_TASK, TIE_COUNT };

struct close_stack {
	uint32_t stack;
	uint64_t count;
};

/* Counts of connections. Each is in exactly one of failed and connects; of the latter, the first that holds of: early,
 * reconnected, long_lived, reused, single. */
struct counts {
	uint64_t connects, failed;
	uint64_t early;             /* opened during warm-up */
	uint64_t reconnected;       /* replaced one the peer had closed, or one that failed */
	uint64_t long_lived;        /* subscribers and blocking readers */
	uint64_t reused;            /* served two distinct requests or more */
	uint64_t single[TIE_COUNT]; /* served at most one, by what the opening is tied to */
	uint64_t aside;             /* of those: opened while no request was being served */
	uint64_t ties[TIE_COUNT];   /* all connects by tie */
	uint64_t closed_single, closed_reused; /* of those not early, reconnected or long-lived: closed already */
	uint64_t brief_untied;      /* closed by this side within SHORT_LIVED_NS, tied to no request, not reused */
	uint64_t brief;             /* closed within SHORT_LIVED_NS */
	uint64_t closed, open, close_wait;
	uint64_t served, commands;  /* requests and application commands, summed over connections */
	uint64_t untied_uses;       /* commands sent while no request could be told */
	uint64_t first_of_thread, first_of_process; /* opened by a thread, process that had opened none before; or for its first request */
	uint64_t bytes_sent, bytes_received;
	uint64_t last_birth_ns;     /* of the one opened last */
	uint64_t handshake_trips;   /* requests of the handshake that were waited for */
	struct sketch lifetime, setup, idle_at_close;
	struct sketch connect, tls_handshake, handshake; /* the parts of setup, where it has them */
	struct close_stack close_stacks[CLOSE_STACKS_MAX];
	uint64_t pooled;            /* opened by a pool that is known */
	struct pool_set pools;
	uint32_t library;           /* string id */
	uint8_t protocol;
	bool confirmed, tls;
};

struct group {
	uint32_t stack;         /* at connect(); 0: not known, or not opened here */
	bool opened;            /* false: accepted or open before the attach */
	struct endpoint peer;   /* IPv4-mapped IPv6 addresses as IPv4 */
	struct counts counts;    /* connections that are gone */
	uint64_t more_using;    /* requests that used this group but found no room as a pattern */
};

/* A group in a pattern: index << 1 | 1 if the request opened a connection of it. */
#define TOUCH(group, opened) ((group) << 1 | (opened))
struct pattern {
	uint64_t requests;
	bool early;             /* of warm-up */
	uint8_t count;
	uint32_t touches[REQUEST_TOUCHES_MAX]; /* sorted, each group once */
};

struct groups;

struct groups *groups_new(void);
void groups_free(struct groups *groups);

/* Index of the group, made if need be. Past GROUPS_MAX stacks are no longer told apart. Negative: -ENOMEM, -E2BIG. */
int groups_find(struct groups *groups, uint32_t stack, bool opened, const struct endpoint *peer);
struct group *groups_at(const struct groups *groups, size_t index); /* borrowed until the next groups_find */
size_t groups_count(const struct groups *groups);

/* One request is over (touches sorted by the callee). */
void groups_request(struct groups *groups, struct pattern *pattern);
const struct pattern *groups_pattern(const struct groups *groups, size_t index);
size_t groups_pattern_count(const struct groups *groups);

/* Adds a touch; keeps each group once, an opening wins over a use. */
void pattern_touch(struct pattern *pattern, uint32_t group, bool opened);

/* Adds all of `from`; 0 or -ENOMEM (sketches then lack values). */
int counts_merge(struct counts *into, const struct counts *from);
void counts_close_stack(struct counts *counts, uint32_t stack, uint64_t count);
void counts_done(struct counts *counts);

#endif

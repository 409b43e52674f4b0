/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sites.h - call sites: groups of connections rolled up by the application's own frames and the peer.
 *
 * Rolled up anew each time, from the groups, the connections that still exist and the patterns of requests, because what is the
 * application's own depends on the rules.
 */
#ifndef CONNPROF_MODEL_SITES_H
#define CONNPROF_MODEL_SITES_H

#include "model/appframes.h"
#include "model/conns.h"
#include "model/groups.h"
#include "model/recording.h"
#include "model/requests.h"

#define SITES_MAX (2 * GROUPS_MAX) /* rows of a recording: call sites, and findings that are none */
#define SITE_FRAMES_MAX 8         /* own frames that tell sites apart, from the innermost */
#define WINDOWS 10                /* a window is a tenth of the duration */
#define IDLE_LIMIT_NS 60000000000u /* idle: unused for a window, and for this long at most */

/* A site before its numbers are made into a row. */
struct site {
	struct endpoint peer;
	uint32_t names[SITE_FRAMES_MAX * 2]; /* function and file of its own frames */
	size_t name_count;
	uint32_t stack, call_site;           /* of the group with most connections */
	uint64_t stack_connects;
	struct counts counts;
	uint64_t opening, opening_after;     /* distinct requests that opened one: all, after warm-up */
	uint64_t using, using_after;         /* distinct requests that used the peer: all, after warm-up */
	bool using_told;                     /* those are nearly all of them: few uses could not be tied to a request */
	uint64_t idle_open;                  /* open and unused since the idle limit, not reused, not long-lived */
	uint32_t idle_windows;               /* bit for each window in which one of those was opened */
	uint64_t close_wait_idle;            /* left in CLOSE_WAIT since the idle limit */
	bool fixture;                        /* opened by a test's set-up */
	uint8_t protocol;                    /* of the peer, as far as any connection to it told */
	bool confirmed;
};

struct sites {
	struct site *items;
	size_t count, capacity;
	uint64_t idle_limit_ns;
};

struct model_parts {
	const struct connprof_recording *recording;
	struct groups *groups;
	struct conns *conns;
	struct requests *requests;
	uint64_t start_ns, end_ns;
};

/* 0 or -ENOMEM. In any case sites_done. */
int sites_build(struct sites *sites, const struct model_parts *parts, struct appframes *appframes);
void sites_done(struct sites *sites);

/* The numbers of a site as the interface has them; rule, cause, texts and cpu_percent are left empty. */
void site_fill_row(const struct site *site, const struct sites *sites, const struct model_parts *parts, struct site_row *row);

#endif

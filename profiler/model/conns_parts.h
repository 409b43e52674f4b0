/* SPDX-License-Identifier: BSD-2-Clause */
/* conns_parts.h - what conns.c, which feeds the table, and conns_read.c share. */
#ifndef CONNPROF_MODEL_CONNS_PARTS_H
#define CONNPROF_MODEL_CONNS_PARTS_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "model/conns.h"
#include "model/credits.h"
#include "model/pools.h"
#include "model/sealing.h"
#include "model/series.h"
#include "model/talk.h"

struct entry {
	UT_hash_handle hh;
	struct conn conn;
	struct serving serving;
	struct talk talk;
	struct pool *pool;         /* that opened it; NULL: not known */
	uint32_t pool_seen;        /* how many connections that had opened at the last look */
	uint32_t waiting;          /* deeds on it whose request is not known yet */
	bool gone;                 /* waits only for that */
	uint32_t asked_tid, asked_unit; /* who used it last, and how many requests had come by then: asking again brings nothing new */
	uint64_t asked_requests;
	bool last_was_maintenance;
	bool introducing;          /* a handshake request went out, and its reply has not come */
	uint32_t series;           /* as series_opened said; SERIES_NONE: not opened here */
	struct sealing sealing;    /* until there is plaintext */
};

struct conns {
	struct connprof_recording *recording;
	struct groups *groups;
	struct requests *requests;
	struct owner *owner;
	struct entry *by_key;
	struct credits *credits;
	struct series *series;
	struct pools *pools;
	uint64_t numbered;
	conn_told told;
	void *watcher;
	struct conns_totals totals; /* of those that are gone, but for opened */
};

/* One that was not opened here, into the sum that it belongs to. */
void conns_count_unopened(const struct conn *conn, struct conns_totals *totals);

#endif

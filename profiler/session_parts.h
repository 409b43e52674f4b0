/* SPDX-License-Identifier: BSD-2-Clause */
/* session_parts.h - what a session consists of, and the steps that its beginning (session.c) and its end (session_end.c) share. */
#ifndef CONNPROF_SESSION_PARTS_H
#define CONNPROF_SESSION_PARTS_H

#include "connprof.h"
#include "model/model.h"
#include "model/recording.h"
#include "process/process.h"
#include "report/journal.h"
#include "source/decode.h"
#include "source/follow.h"
#include "source/objects.h"
#include "source/probe.h"
#include "source/record.h"
#include "source/sampler.h"
#include "source/tables.h"

struct session_target {
	struct process_identity identity;
};

struct connprof_session {
	struct connprof_config config;
	char *events_path;
	struct session_target *targets;      /* named by the user */
	size_t target_count;
	struct connprof_recording *recording;
	struct model *model;
	struct probe *probe;
	struct tables *tables;
	struct objects *objects;
	struct follow *follow;
	struct tls *tls;                     /* NULL: not asked for */
	struct decode *decode;
	struct sampler *sampler;
	struct record_writer *writer;
	struct journal *journal;             /* NULL: none is kept */
	uint64_t open_ns, start_ns, end_ns, housekeeping_ns, sweep_ns, exits_swept;
	uint64_t malformed;
	uint64_t hasten_ns, unreadable, execs; /* until when; frames and execs at the last look */
	double cpu_seconds, real_rate_hz;    /* as of the last look */
	bool stopped, behind;                /* behind: records waited when the last step ended */
};

/* Takes what has arrived from the kernel side and feeds it to the models; the second only feeds. The number of events, or a negative
 * errno. */
int session_drain(struct connprof_session *session, struct connprof_error *error);
int session_feed(struct connprof_session *session);
/* How much CPU time the target has had, and at which rate it was sampled. */
void session_look_at_cpu_time(struct connprof_session *session);

#endif

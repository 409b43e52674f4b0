/* SPDX-License-Identifier: BSD-2-Clause */
/* session_end.c - the end of a session: detached, drained, what it cost and what went wrong, the window closed. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "session_parts.h"

#define LAST_STEPS 50 /* after the end, when only forks, execs and exits can still arrive */

static void fill_costs(struct connprof_session *session)
{
	struct cost_row *cost = &session->recording->cost;
	uint64_t drops[DROP_COUNT], tallies[TALLY_COUNT], first = decode_first_sample_ns(session->decode);

	probe_counters(session->probe, drops, tallies);
	cost->kernel_seconds = (tallies[TALLY_SAMPLE_NS] + tallies[TALLY_CONNECT_NS] + tallies[TALLY_IO_NS] +
				tallies[TALLY_WAIT_NS] + tallies[TALLY_CALL_NS]) / 1e9;
	session->recording->offcpu.brief = tallies[TALLY_BRIEF];
	session->recording->offcpu.brief_ns = tallies[TALLY_BRIEF_NS];
	session_look_at_cpu_time(session);
	cost->real_rate_hz = session->real_rate_hz;
	cost->target_cpu_seconds = session->cpu_seconds;
	cost->own_cpu_seconds = clock_process_ns() / 1e9;
	cost->own_rss_bytes = process_peak_bytes(getpid());
	if (first)
		cost->first_sample_seconds = (first - session->open_ns) / 1e9;
	session->recording->missed_runs = probe_missed_runs(session->probe);
	session->recording->stacks_refused = stacks_refused(session->recording->stacks);
}

static void note_troubles(struct connprof_session *session)
{
	char text[160];
	uint64_t malformed = session->malformed + decode_malformed(session->decode);

	if (malformed) {
		snprintf(text, sizeof(text), "%llu records from the kernel side were malformed and left out",
			 (unsigned long long)malformed);
		recording_note(session->recording, text);
	}
	if (session->behind)
		recording_note(session->recording, "the target's events arrived faster than they could be read: the last were left out");
	objects_tell(session->objects, session->recording);
	if (tables_refused(session->tables)) {
		snprintf(text, sizeof(text), "%zu objects or processes found no room in the unwind tables: their stacks are cut",
			 tables_refused(session->tables));
		recording_note(session->recording, text);
	}
}

int connprof_session_stop(struct connprof_session *session, struct connprof_error *error)
{
	uint64_t drops[DROP_COUNT], tallies[TALLY_COUNT];
	int code;

	if (session->stopped)
		return 0;
	probe_deactivate(session->probe);
	session->end_ns = clock_now_ns();
	code = session_drain(session, error);
	for (int i = 0; i < LAST_STEPS && code >= 0 && session->behind; i++)
		code = session_drain(session, error);
	if (code >= 0 && session->config.collect & CONNPROF_OFFCPU)
		decode_waits_end(session->decode, session->probe, session->end_ns);
	if (code >= 0) {
		decode_sweep(session->decode, session->end_ns, true);
		decode_silent(session->decode, session->end_ns);
		probe_counters(session->probe, drops, tallies);
		decode_unseen(session->decode, tallies[TALLY_UNIX_UNSEEN], session->end_ns);
		code = session_feed(session);
	}
	if (code >= 0)
		code = decode_finish(session->decode);
	session->stopped = true;
	fill_costs(session);
	note_troubles(session);
	if (code >= 0)
		code = model_finish(session->model, session->start_ns, session->end_ns);
	if (session->writer) {
		const struct frame_replacement *by_frame;
		const uint32_t *ids;
		size_t replaced = decode_replaced(session->decode, &by_frame, &ids);
		int closed;

		if (code >= 0 && record_replaced(session->writer, by_frame, replaced, ids))
			code = -ENOMEM;
		closed = record_close(session->writer, session->end_ns, error);

		session->writer = NULL;
		if (closed)
			return closed;
	}
	sampler_free(session->sampler);
	session->sampler = NULL;
	return code < 0 ? error_memory(error) : 0;
}

int connprof_session_journal_end(struct connprof_session *session, struct connprof_error *error)
{
	struct journal *journal = session->journal;

	session->journal = NULL;
	return journal ? journal_close(journal, error) : 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.c - from sites to a verdict: which sites decide, which rule each breaks and why, and whether enough was seen.
 */
#include "model/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/error.h"
#include "model/accept.h"
#include "model/clients.h"
#include "model/roundtrips.h"
#include "model/rules.h"
#include "model/setupcost.h"
#include "model/state.h"
#include "model/words.h"


const struct connprof_rules verdict_default_rules = {
	.min_requests = 20, .max_connects_per_request = 0.05, .max_churn_per_second = 2,
};

/* One of the user's names for a peer: "localhost" is 127.0.0.1 and ::1, a path may come as unix:///path. */
static bool names_peer(const char *wanted, const struct endpoint *peer, const char *text)
{
	char local[32];

	if (!strcmp(wanted, text))
		return true;
	if (peer->family == AF_UNIX)
		return !strncmp(wanted, "unix://", 7) && !strcmp(wanted + 7, text);
	snprintf(local, sizeof(local), "localhost:%u", peer->port);
	return !strcmp(wanted, local) && (!strncmp(text, "127.0.0.1:", 10) || !strncmp(text, "[::1]:", 6));
}

/* Is the peer one of those the user says are Redis? */
static bool named_redis(const struct endpoint *peer, const struct strings *strings, const struct connprof_rules *rules)
{
	char text[ENDPOINT_TEXT];

	if (!rules->redis_peers || !peer->family)
		return false;
	endpoint_text(peer, strings, text);
	for (size_t i = 0; rules->redis_peers[i]; i++)
		if (names_peer(rules->redis_peers[i], peer, text))
			return true;
	return false;
}

static bool decides(const struct site_row *row, const struct connprof_rules *rules)
{
	static const char *const redis_only[] = { "redis", NULL };
	const char *const *names = rules->protocols ? rules->protocols : redis_only;

	for (; *names; names++) {
		if (!strcmp(*names, "any"))
			return true;
		if (row->protocol && row->protocol_confirmed && !strcmp(*names, protocol_name(row->protocol)))
			return true;
	}
	return false;
}

/* What the closing stacks show, by how many connections they closed. */
struct closing {
	uint64_t told[CAUSE_UNCLOSED + 1], hinted[CAUSE_UNCLOSED + 1];
	uint64_t owned, total; /* the first: with the application's code on the stack */
};

static void closing_fill(const struct connprof_recording *recording, const struct counts *counts, struct appframes *appframes,
			 struct closing *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < CLOSE_STACKS_MAX && counts->close_stacks[i].count; i++) {
		const struct close_stack *close = &counts->close_stacks[i];
		size_t count;
		const uint32_t *frames = stacks_get(recording->stacks, close->stack, &count, NULL);
		bool hint;
		enum cause_id cause = client_close_cause(recording, close->stack, &hint);

		out->told[hint ? CAUSE_NONE : cause] += close->count;
		out->hinted[cause] += close->count;
		out->owned += appframes_innermost(appframes, frames, count) < 0 ? 0 : close->count;
		out->total += close->count;
	}
}

/* The cause that most of them show, if it is not that most show none. */
static enum cause_id heaviest(const uint64_t weight[CAUSE_UNCLOSED + 1], uint64_t total)
{
	enum cause_id best = CAUSE_NONE;

	for (int cause = CAUSE_NONE + 1; cause <= CAUSE_UNCLOSED; cause++)
		if (weight[cause] > weight[best] || (best == CAUSE_NONE && weight[cause] * 2 >= total && weight[cause]))
			best = (enum cause_id)cause;
	return best;
}

/* Who closed them, by a sure sign; else what their pools prove, of those that were closed; else by a likely sign. */
static enum cause_id closing_cause(const struct closing *closing, const struct counts *counts, enum pooling_id pooling)
{
	static const enum cause_id proved[] = {
		[POOLING_UNKNOWN] = CAUSE_NONE, [POOLING_OWN] = CAUSE_THROW_AWAY_CLIENT, [POOLING_SHARED] = CAUSE_POOL_DROPPED_IT,
	};
	enum cause_id told = heaviest(closing->told, closing->total);

	if (told)
		return told;
	if (proved[pooling] && counts->closed * 2 >= counts->connects)
		return proved[pooling];
	return heaviest(closing->hinted, closing->total);
}

/* The application's innermost frame on the stack that closes most of them; 0: none is. */
static uint32_t find_closer(const struct connprof_recording *recording, const struct counts *counts, struct appframes *appframes)
{
	uint64_t most = 0, total = 0;
	uint32_t found = 0;

	for (size_t i = 0; i < CLOSE_STACKS_MAX && counts->close_stacks[i].count; i++) {
		const struct close_stack *close = &counts->close_stacks[i];
		size_t count;
		const uint32_t *frames = stacks_get(recording->stacks, close->stack, &count, NULL);
		int at = appframes_innermost(appframes, frames, count);

		total += close->count;
		if (at >= 0 && close->count > most) {
			most = close->count;
			found = frames[at];
		}
	}
	return most * 2 > total ? found : 0;
}

/* Why, as far as the evidence goes: how the work is cut up before who closed, and a pile before both. */
static enum cause_id find_cause(const struct connprof_recording *recording, const struct site *site,
				const struct site_row *row, struct appframes *appframes)
{
	const struct counts *counts = &site->counts;
	struct closing closing;
	enum cause_id cause;

	closing_fill(recording, counts, appframes, &closing);
	if (row->rule == RULE_CONNECTION_LEAK)
		return CAUSE_UNCLOSED;
	if (counts->connects && counts->first_of_process * 10 >= counts->connects * 9)
		return CAUSE_PROCESS_PER_REQUEST;
	if (client_loop_per_request(recording, site->stack))
		return CAUSE_LOOP_PER_REQUEST;
	/* A client kept per thread dies at the thread's end, with none of the application's code on the stack; one that the
	 * handler throws away dies inside the handler, whatever thread that is. */
	if (counts->connects && counts->first_of_thread * 10 >= counts->connects * 9 && closing.owned * 2 <= closing.total)
		return CAUSE_THREAD_PER_REQUEST;
	cause = closing_cause(&closing, counts, row->pooling);
	if (cause)
		return cause;
	return counts->open * 2 > counts->connects ? CAUSE_UNCLOSED : CAUSE_NONE;
}

static void judge_site(struct connprof_recording *recording, const struct site *site, const struct bench *bench,
		       struct appframes *appframes, struct site_row *row, bool *weakened)
{
	bool weak = false;
	char text[STRINGS_LENGTH_MAX];

	row->rule = (uint8_t)rules_apply(site, bench, &weak);
	row->decides = decides(row, bench->rules);
	row->attribution = (uint8_t)(row->call_site ? rules_attribution(site, bench) : ATTRIBUTION_NONE);
	if (row->rule == RULE_CONNECTION_CHURN && row->call_site)
		row->attribution = ATTRIBUTION_RATE;
	*weakened |= weak && row->decides;
	if (!row->rule)
		return;
	row->cause = (uint8_t)find_cause(recording, site, row, appframes);
	words_explain(recording, row, text, sizeof(text));
	if (!row->call_site)
		words_add_closer(recording, find_closer(recording, &site->counts, appframes), text, sizeof(text));
	row->explanation = strings_add(recording->strings, text);
	row->remedy = strings_add(recording->strings, client_remedy(recording, row));
}

static int add_row(struct connprof_recording *recording, const struct site *site, const struct sites *sites,
		   const struct model_parts *parts, const struct connprof_rules *rules)
{
	struct site_row *row;
	const char *library;
	int code = array_reserve(&recording->sites, &recording->site_capacity, recording->site_count + 1,
				 sizeof(*recording->sites), SITES_MAX);

	if (code)
		return -ENOMEM;
	row = &recording->sites[recording->site_count++];
	site_fill_row(site, sites, parts, row);
	if (named_redis(&site->peer, parts->recording->strings, rules)) {
		row->protocol = PROTOCOL_REDIS;
		row->protocol_confirmed = true;
	}
	library = row->library ? NULL : client_of_stack(recording, row->stack);
	if (library)
		row->library = strings_add(recording->strings, library);
	row->decides = decides(row, rules);
	return 0;
}

static void bench_fill(struct bench *bench, const struct connprof_recording *recording, const struct model_parts *parts,
		       const struct connprof_rules *rules)
{
	const uint64_t *drops = recording->drops;
	struct requests_totals requests;
	struct conns_totals conns;

	requests_totals(parts->requests, &requests);
	conns_totals(parts->conns, &conns);
	*bench = (struct bench){
		.rules = rules, .seconds = recording->seconds, .requests = requests.observed,
		.requests_after = requests.observed > WARM_UP_REQUESTS ? requests.observed - WARM_UP_REQUESTS : 0,
		.allowed = requests.peak > requests.workers ? requests.peak : requests.workers,
		.clients = conns.clients, .latency_max_ns = requests_latency_max(parts->requests),
		.lost_connections = drops[DROP_RING_FULL_CONNECTION] + drops[DROP_CONNECTIONS_FULL] + drops[DROP_CONNECTS] + drops[DROP_CHANGES] +
				    drops[DROP_TARGETS_FULL] + drops[DROP_NO_MEMORY] + drops[DROP_SCRATCH_BUSY] + conns.refused,
		.lost_io = drops[DROP_RING_FULL_IO] + drops[DROP_PAYLOAD_FAULT] + requests.refused +
			   requests.workers_refused + requests.deeds_refused,
	};
}

static const char *not_enough(const struct connprof_recording *recording, const struct sites *sites,
			      const struct bench *bench, bool weakened)
{
	uint64_t untied = 0;
	bool could = rules_could_break(NULL, bench);

	for (size_t i = 0; i < sites->count; i++) {
		if (!recording->sites[i].decides)
			continue;
		untied += sites->items[i].counts.ties[TIE_NONE];
		could |= rules_could_break(&sites->items[i], bench);
	}
	if (weakened)
		return "a call site breaks a rule by what was seen, but events were lost that could speak for it";
	if (!(recording->collect & CONNPROF_CONNECTIONS))
		return "connections were not followed in this recording";
	if (bench->requests < bench->rules->min_requests && untied < RULE_OPENS_MIN)
		return "too few requests were seen, and no connections that could be judged without them (send load, or observe "
		       "for longer)";
	return could ? "events were lost that could have shown a finding" : NULL;
}

/* TLS, or nothing but one direction: what could have decided, had it been readable. */
static void note_unread(struct connprof_recording *recording)
{
	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *row = &recording->sites[i];

		if (row->rule && !row->decides && (row->tls || !row->protocol_confirmed)) {
			recording_note(recording, "a call site that breaks a rule does not decide, because what its connections "
						  "say could not be read (name the peer with --redis if it is a Redis)");
			return;
		}
	}
}

static bool any_counts(const struct connprof_recording *recording)
{
	for (size_t i = 0; i < recording->site_count; i++)
		if (row_counts(&recording->sites[i]))
			return true;
	return false;
}

static int judge(struct connprof_recording *recording, const struct sites *sites, const struct model_parts *parts,
		 const struct connprof_rules *rules, struct appframes *appframes)
{
	struct bench bench;
	bool weakened = false, found;
	const char *note;

	bench_fill(&bench, recording, parts, rules);
	for (size_t i = 0; i < recording->site_count; i++)
		judge_site(recording, &sites->items[i], &bench, appframes, &recording->sites[i], &weakened);
	if ((rules->round_trips && roundtrips_judge(recording)) || accept_apply(recording, rules->accepted, appframes))
		return -ENOMEM;
	found = any_counts(recording);
	note = found ? NULL : not_enough(recording, sites, &bench, weakened);
	recording->verdict_note = strings_add(recording->strings, note ? note : "");
	recording->verdict = found ? VERDICT_FINDINGS : note ? VERDICT_INCONCLUSIVE : VERDICT_CLEAN;
	note_unread(recording);
	return 0;
}

static int rank(const struct site_row *row)
{
	return row_counts(row) ? 3 : row->rule ? 1 + row->decides : 0;
}

/* Findings that count first, then those that decide, then by connections; the rest by stack, so that the order is always the same. */
static int compare_rows(const void *a, const void *b)
{
	const struct site_row *left = a, *right = b;

	if (rank(left) != rank(right))
		return rank(right) - rank(left);
	if (left->connects != right->connects)
		return left->connects < right->connects ? 1 : -1;
	return left->stack < right->stack ? -1 : left->stack > right->stack;
}

int verdict_make(struct connprof_recording *recording, const struct model_parts *parts, const struct connprof_rules *rules,
		 bool judged)
{
	struct appframes *appframes = appframes_new(recording, rules);
	struct sites sites = { 0 };
	int code = appframes ? sites_build(&sites, parts, appframes) : -ENOMEM;

	recording->site_count = 0;
	for (size_t i = 0; !code && i < sites.count; i++)
		code = add_row(recording, &sites.items[i], &sites, parts, rules);
	if (!code)
		code = setupcost_fill(recording, appframes);
	if (!code && judged)
		code = judge(recording, &sites, parts, rules, appframes);
	if (recording->site_count)
		qsort(recording->sites, recording->site_count, sizeof(*recording->sites), compare_rows);
	sites_done(&sites);
	appframes_free(appframes);
	return code;
}

static int exit_status(const struct connprof_recording *recording)
{
	return recording->verdict == VERDICT_FINDINGS ? CONNPROF_FINDINGS
	       : recording->verdict == VERDICT_CLEAN  ? CONNPROF_OK : CONNPROF_INCONCLUSIVE;
}

/* One read from a pprof file was judged when it was written, and what that stood on is not in it: all that can still change is
 * what is accepted. Whether the rest would have been enough for "clean" is then only certain if nothing was lost. */
static int judge_stored(struct connprof_recording *recording, const struct connprof_rules *rules)
{
	struct appframes *appframes = appframes_new(recording, rules);
	int code = appframes ? accept_apply(recording, rules->accepted, appframes) : -ENOMEM;
	bool lost = recording->stacks_refused || recording->missed_runs || recording->connections_refused ||
		    recording->requests_refused || recording->deeds_refused;

	appframes_free(appframes);
	if (code || recording->verdict != VERDICT_FINDINGS || any_counts(recording))
		return code;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		lost |= recording->drops[i] != 0;
	recording->verdict = lost ? VERDICT_INCONCLUSIVE : VERDICT_CLEAN;
	recording->verdict_note = strings_add(recording->strings, lost ? "events were lost that could have shown a finding" : "");
	return 0;
}

int connprof_recording_judge(struct connprof_recording *recording, const struct connprof_rules *rules,
			     struct connprof_error *error)
{
	struct model_parts parts;
	struct connprof_rules filled = rules ? *rules : verdict_default_rules;

	if (!recording->model) {
		if (recording->verdict == VERDICT_NONE)
			return error_set(error, -ENODATA, CONNPROF_INCONCLUSIVE,
					 "this recording holds no connections to judge (connprof check judges a live process; record --requests --events FILE "
					 "keeps what report can judge later)");
		if (judge_stored(recording, &filled))
			return error_memory(error);
		return exit_status(recording);
	}
	model_parts(recording->model, &parts);
	if (verdict_make(recording, &parts, &filled, true))
		return error_memory(error);
	return exit_status(recording);
}

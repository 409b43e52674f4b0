/* SPDX-License-Identifier: BSD-2-Clause */
/* sites.c - the roll-up: groups to sites by own frames and peer, live connections into their site, patterns into counts of requests. */
#include "model/sites.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/fixtures.h"

#define NO_SITE UINT32_MAX

/* What is known of a peer over all connections to it, whoever opened them. */
struct peer {
	struct endpoint endpoint;
	uint64_t using, using_after;
	uint64_t uses, untied_uses; /* by a request that is known, and by others */
	uint8_t protocol;
	bool confirmed;
};

struct build {
	struct sites *sites;
	const struct model_parts *parts;
	struct appframes *appframes;
	uint32_t *site_of, *peer_of; /* by group */
	size_t groups;
	struct peer *peers;
	size_t peer_count, peer_capacity;
	int code;
};

static int peer_find(struct build *build, const struct endpoint *endpoint, uint32_t *out)
{
	size_t i;

	for (i = 0; i < build->peer_count; i++)
		if (!memcmp(&build->peers[i].endpoint, endpoint, sizeof(*endpoint)))
			break;
	if (i == build->peer_count) {
		if (array_reserve(&build->peers, &build->peer_capacity, i + 1, sizeof(*build->peers), 2 * GROUPS_MAX))
			return -ENOMEM;
		build->peers[build->peer_count++] = (struct peer){ .endpoint = *endpoint };
	}
	*out = (uint32_t)i;
	return 0;
}

static void peer_learn(struct peer *peer, uint8_t protocol, bool confirmed, uint64_t uses, uint64_t untied_uses)
{
	peer->uses += uses;
	peer->untied_uses += untied_uses;
	if (protocol && (!peer->protocol || confirmed > peer->confirmed)) {
		peer->protocol = protocol;
		peer->confirmed = confirmed;
	}
}

/* Own frames' names, innermost first, without lines: a site survives an edit above it. */
static void site_identify(struct build *build, const struct group *group, struct site *out)
{
	const struct stacks *stacks = build->parts->recording->stacks;
	size_t count;
	const uint32_t *frames = stacks_get(stacks, group->stack, &count, NULL);

	memset(out, 0, sizeof(*out));
	out->peer = group->peer;
	out->stack = group->stack;
	out->fixture = fixtures_on_stack(build->parts->recording, group->stack);
	for (size_t i = 0; i < count && out->name_count < SITE_FRAMES_MAX * 2; i++) {
		const struct frame *frame;

		if (!appframes_own(build->appframes, frames[i]))
			continue;
		frame = stacks_frame(stacks, frames[i]);
		if (!out->call_site)
			out->call_site = frames[i];
		out->names[out->name_count++] = frame->function;
		out->names[out->name_count++] = frame->file ? frame->file : frame->module;
	}
}

static bool same_site(const struct site *a, const struct site *b)
{
	return a->name_count == b->name_count && !memcmp(a->names, b->names, a->name_count * sizeof(*a->names)) &&
	       !memcmp(&a->peer, &b->peer, sizeof(a->peer));
}

static int site_find(struct build *build, const struct group *group, uint32_t *out)
{
	struct sites *sites = build->sites;
	struct site wanted;
	size_t i;

	site_identify(build, group, &wanted);
	for (i = 0; i < sites->count; i++)
		if (same_site(&sites->items[i], &wanted))
			break;
	if (i == sites->count) {
		if (array_reserve(&sites->items, &sites->capacity, i + 1, sizeof(*sites->items), 2 * GROUPS_MAX))
			return -ENOMEM;
		sites->items[sites->count++] = wanted;
	} else if (group->counts.connects > sites->items[i].stack_connects) {
		sites->items[i].stack = group->stack;
		sites->items[i].call_site = wanted.call_site;
	}
	if (group->counts.connects > sites->items[i].stack_connects)
		sites->items[i].stack_connects = group->counts.connects;
	sites->items[i].fixture &= wanted.fixture; /* once outside of one is enough */
	*out = (uint32_t)i;
	return 0;
}

static int roll_up(struct build *build)
{
	for (size_t i = 0; i < build->groups; i++) {
		const struct group *group = groups_at(build->parts->groups, i);

		build->site_of[i] = NO_SITE;
		if (peer_find(build, &group->peer, &build->peer_of[i]))
			return -ENOMEM;
		peer_learn(&build->peers[build->peer_of[i]], group->counts.protocol, group->counts.confirmed, group->counts.served,
			   group->counts.untied_uses);
		if (!group->opened)
			continue;
		if (site_find(build, group, &build->site_of[i]) ||
		    counts_merge(&build->sites->items[build->site_of[i]].counts, &group->counts))
			return -ENOMEM;
	}
	return 0;
}

static uint64_t idle_since(const struct conn *conn)
{
	uint64_t since = conn->last_io_ns > conn->established_ns ? conn->last_io_ns : conn->established_ns;

	return since > conn->birth_ns ? since : conn->birth_ns;
}

/* Is it left lying open? It is not if it was used again after as long a pause (a pause within one request says nothing), nor if
 * nothing has been opened there since it lies idle: a pool at rest lies idle too, but opens none while it has some. */
static void look_for_leak(const struct build *build, const struct conn *conn, struct site *site)
{
	uint64_t end_ns = build->parts->end_ns, start_ns = build->parts->start_ns, limit = build->sites->idle_limit_ns;
	uint64_t window = (end_ns - start_ns) / WINDOWS, number;

	if (!limit || conn->closed_ns || conn->failed)
		return;
	if (!conn_reused(conn) && conn->peer_closed_ns && conn->peer_closed_ns + limit <= end_ns)
		site->close_wait_idle++;
	if (conn->long_lived || conn->reconnect || idle_since(conn) + limit > end_ns)
		return;
	if ((conn->served != 1 && conn->longest_pause_ns >= limit) || idle_since(conn) + limit > site->counts.last_birth_ns)
		return;
	number = conn->birth_ns > start_ns ? (conn->birth_ns - start_ns) / window : 0;
	site->idle_open++;
	site->idle_windows |= 1u << (number < WINDOWS ? number : WINDOWS - 1);
}

static struct site *site_of(const struct build *build, const struct conn *conn)
{
	if (conn->group >= build->groups || build->site_of[conn->group] == NO_SITE)
		return NULL;
	return &build->sites->items[build->site_of[conn->group]];
}

static void visit_conn(const struct conn *conn, void *context)
{
	struct build *build = context;
	struct site *site = site_of(build, conn);

	if (conn->group < build->groups)
		peer_learn(&build->peers[build->peer_of[conn->group]], conn->protocol, conn->confirmed, conn->served,
			   conn->untied_uses);
	if (site && !conn_under_way(conn) && conn_count(conn, &site->counts))
		build->code = -ENOMEM;
}

/* Once all are counted. */
static void visit_open_conn(const struct conn *conn, void *context)
{
	struct site *site = site_of(context, conn);

	if (site && !conn_under_way(conn))
		look_for_leak(context, conn, site);
}

/* Counts one request (or `times` equal ones) at each peer it used and each site it opened at, once each. */
static void count_pattern(struct build *build, const struct pattern *pattern, uint64_t times)
{
	for (size_t i = 0; i < pattern->count; i++) {
		uint32_t group = pattern->touches[i] >> 1, site = build->site_of[group], peer = build->peer_of[group];
		bool new_peer = true, new_site = pattern->touches[i] & 1 && site != NO_SITE;

		for (size_t j = 0; j < i; j++) {
			uint32_t before = pattern->touches[j] >> 1;

			new_peer &= build->peer_of[before] != peer;
			new_site &= !(pattern->touches[j] & 1) || build->site_of[before] != site;
		}
		if (new_peer) {
			build->peers[peer].using += times;
			build->peers[peer].using_after += pattern->early ? 0 : times;
		}
		if (new_site) {
			build->sites->items[site].opening += times;
			build->sites->items[site].opening_after += pattern->early ? 0 : times;
		}
	}
}

static void visit_open_request(const struct pattern *pattern, void *context)
{
	count_pattern(context, pattern, 1);
}

static void count_requests(struct build *build)
{
	const struct groups *groups = build->parts->groups;

	for (size_t i = 0; i < groups_pattern_count(groups); i++)
		count_pattern(build, groups_pattern(groups, i), groups_pattern(groups, i)->requests);
	requests_each_open(build->parts->requests, visit_open_request, build);
	for (size_t i = 0; i < build->groups; i++) {
		struct peer *peer = &build->peers[build->peer_of[i]];

		peer->using += groups_at(groups, i)->more_using;
		peer->using_after += groups_at(groups, i)->more_using;
	}
}

/* Sites in which nothing was opened after all go; the others learn what is known of their peer. */
static void tidy(struct build *build)
{
	struct sites *sites = build->sites;
	size_t kept = 0;

	for (size_t i = 0; i < sites->count; i++) {
		struct site *site = &sites->items[i];
		uint32_t number;

		if (!site->counts.connects && !site->counts.failed) {
			counts_done(&site->counts);
			continue;
		}
		if (!peer_find(build, &site->peer, &number)) {
			const struct peer *peer = &build->peers[number];

			site->using = peer->using;
			site->using_after = peer->using_after;
			site->using_told = peer->untied_uses * 5 <= peer->untied_uses + peer->uses;
			site->protocol = peer->protocol;
			site->confirmed = peer->confirmed;
		}
		sites->items[kept++] = *site;
	}
	sites->count = kept;
}

int sites_build(struct sites *sites, const struct model_parts *parts, struct appframes *appframes)
{
	struct build build = {
		.sites = sites, .parts = parts, .appframes = appframes, .groups = groups_count(parts->groups),
	};
	uint64_t window = parts->end_ns > parts->start_ns ? (parts->end_ns - parts->start_ns) / WINDOWS : 0;

	memset(sites, 0, sizeof(*sites));
	sites->idle_limit_ns = window < IDLE_LIMIT_NS ? window : IDLE_LIMIT_NS;
	build.site_of = calloc(build.groups + 1, sizeof(*build.site_of));
	build.peer_of = calloc(build.groups + 1, sizeof(*build.peer_of));
	build.code = build.site_of && build.peer_of ? roll_up(&build) : -ENOMEM;
	if (!build.code) {
		conns_each(parts->conns, visit_conn, &build);
		conns_each(parts->conns, visit_open_conn, &build);
		count_requests(&build);
		tidy(&build);
	}
	free(build.site_of);
	free(build.peer_of);
	free(build.peers);
	return build.code;
}

void sites_done(struct sites *sites)
{
	for (size_t i = 0; i < sites->count; i++)
		counts_done(&sites->items[i].counts);
	free(sites->items);
	memset(sites, 0, sizeof(*sites));
}

static double ratio(double part, uint64_t whole)
{
	return whole ? part / (double)whole : NAN;
}

void site_fill_row(const struct site *site, const struct sites *sites, const struct model_parts *parts, struct site_row *row)
{
	const struct counts *counts = &site->counts;
	struct requests_totals totals;
	/* Else which requests used them is not known. */
	bool told = counts->ties[TIE_NONE] * 5 <= counts->connects && counts->untied_uses * 5 <= counts->untied_uses + counts->served;

	requests_totals(parts->requests, &totals);
	*row = (struct site_row){
		.tls = counts->tls, .protocol = site->protocol, .protocol_confirmed = site->confirmed,
		.peer = site->peer, .library = counts->library, .stack = site->stack, .call_site = site->call_site,
		.connects = counts->connects, .failed_connects = counts->failed, .requests = totals.observed,
		.using_requests = site->using_told ? site->using : UNKNOWN_COUNT, .opening_requests = site->opening,
		.open_at_end = counts->open, .peer_closed_open = counts->close_wait,
		.returned_later = sketch_count_from(&counts->idle_at_close, sites->idle_limit_ns),
		.connects_per_request = ratio((double)counts->connects, totals.observed),
		.connects_per_using_request = site->using_told ? ratio((double)counts->connects, site->using) : NAN,
		.requests_per_connection = totals.observed && told ? ratio((double)counts->served, counts->connects) : NAN,
		.commands_per_connection = site->protocol ? ratio((double)counts->commands, counts->connects) : NAN,
		.lifetime_ms = sketch_quantiles(&counts->lifetime), .setup_ms = sketch_quantiles(&counts->setup),
		.connect_ms = sketch_quantiles(&counts->connect), .tls_ms = sketch_quantiles(&counts->tls_handshake),
		.handshake_ms = sketch_quantiles(&counts->handshake),
		.handshake_trips = site->protocol ? ratio((double)counts->handshake_trips, counts->connects) : NAN,
		.setup_ms_per_request = ratio(counts->setup.sum_ns / 1e6, totals.observed),
		.cpu_percent = NAN,
		.bytes_sent = counts->bytes_sent, .bytes_received = counts->bytes_received,
		.pool_connects = counts->pools.connects, .pools = counts->pools.distinct,
		.pooling = (uint8_t)pool_set_judge(&counts->pools, counts->pooled, counts->connects),
	};
}

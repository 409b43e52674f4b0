/* SPDX-License-Identifier: BSD-2-Clause */
/* rules.c - connection-leak before connection-per-request before connection-churn: the more telling one is named. The first
 * gives way where nearly all of the site's connections do get closed. */
#include "model/rules.h"

static uint64_t less(uint64_t from, uint64_t count)
{
	return from > count ? from - count : 0;
}

static uint64_t singles(const struct counts *counts)
{
	uint64_t sum = 0;

	for (int tie = 0; tie < TIE_COUNT; tie++)
		sum += counts->single[tie];
	return sum;
}

static bool share_above(uint64_t part, uint64_t whole, double share)
{
	return whole && (double)part > share * (double)whole;
}

enum attribution_id rules_attribution(const struct site *site, const struct bench *bench)
{
	const struct counts *counts = &site->counts;

	if (!bench->requests)
		return ATTRIBUTION_NONE;
	if (share_above(counts->ties[TIE_NONE], counts->connects, UNTIED_SHARE))
		return ATTRIBUTION_RATE;
	if (share_above(counts->ties[TIE_PROCESS], counts->connects, UNTIED_SHARE))
		return ATTRIBUTION_PROCESS;
	return counts->ties[TIE_TASK] > counts->ties[TIE_THREAD] ? ATTRIBUTION_TASK : ATTRIBUTION_THREAD;
}

/* Most of those closed served one request at most, and there is nothing open to say otherwise. */
static bool not_reused(const struct counts *counts)
{
	uint64_t closed = counts->closed_single + counts->closed_reused;

	if (closed)
		return (double)counts->closed_single >= SINGLE_SHARE * (double)closed;
	return (double)singles(counts) >= SINGLE_SHARE * (double)(singles(counts) + counts->reused);
}

static uint64_t soon(const struct bench *bench)
{
	return bench->latency_max_ns > SHORT_LIVED_NS ? bench->latency_max_ns : SHORT_LIVED_NS;
}

/* `lost` speaks for the site: each lost event may have been a reuse, or a peer's close. */
static bool per_request(const struct site *site, const struct bench *bench, uint64_t lost)
{
	const struct counts *counts = &site->counts;
	uint64_t opens = less(singles(counts), lost), using = site->using_told ? site->using_after : bench->requests_after;

	if (opens < RULE_OPENS_MIN || counts->connects <= bench->allowed || !not_reused(counts) ||
	    bench->requests < bench->rules->min_requests)
		return false;
	switch (rules_attribution(site, bench)) {
	case ATTRIBUTION_TASK:
	case ATTRIBUTION_THREAD:
		return site->opening_after >= RULE_OPENS_MIN &&
		       (double)opens >= bench->rules->max_connects_per_request * (double)using;
	case ATTRIBUTION_PROCESS: /* another thread's doing may be taken for the request's: ask for more */
		return site->opening_after >= RULE_OPENS_MIN && (double)opens >= WEAK_RATIO * (double)using;
	case ATTRIBUTION_RATE:    /* in step with requests, and soon gone again (what is garbage outlives its request by a while) */
		return bench->requests_after >= RULE_OPENS_MIN && counts->closed_single &&
		       (double)less(opens, counts->aside) >= WEAK_RATIO * (double)bench->requests_after &&
		       (double)counts->closed_single >= SINGLE_SHARE * (double)singles(counts) &&
		       sketch_quantile(&counts->lifetime, SINGLE_SHARE) <= soon(bench);
	default:
		return false;
	}
}

/* Opened in three windows at least, one of them in the second half: a pool that has filled up does not do that. */
static bool growing(uint32_t windows)
{
	return __builtin_popcount(windows) >= LEAK_WINDOWS_MIN && windows >> (WINDOWS / 2);
}

static bool leak(const struct site *site, const struct bench *bench, uint64_t lost)
{
	uint64_t idle = less(site->idle_open, lost), abandoned = less(site->close_wait_idle, lost);
	uint64_t kept = bench->allowed > bench->clients ? bench->allowed : bench->clients;

	return (idle >= RULE_OPENS_MIN && idle > kept && growing(site->idle_windows)) ||
	       (abandoned >= RULE_OPENS_MIN && abandoned > bench->allowed);
}

static bool churn(const struct site *site, const struct bench *bench, uint64_t lost)
{
	uint64_t brief = less(site->counts.brief_untied, lost);

	return !site->fixture && brief >= RULE_OPENS_MIN && bench->seconds > 0 &&
	       (double)brief / bench->seconds > bench->rules->max_churn_per_second;
}

/* The site closes nearly all of them after one use: what lies open waits for the collector, and another rule tells it better. */
static bool closes_nearly_all(const struct site *site)
{
	return (double)site->counts.closed_single >= CLOSED_SHARE * (double)singles(&site->counts);
}

static bool piles_up(const struct site *site, const struct bench *bench, uint64_t lost)
{
	if (!leak(site, bench, lost))
		return false;
	return !closes_nearly_all(site) || (!per_request(site, bench, lost) && !churn(site, bench, lost));
}

enum rule_id rules_apply(const struct site *site, const struct bench *bench, bool *weakened)
{
	static const struct {
		enum rule_id rule;
		bool (*broken)(const struct site *site, const struct bench *bench, uint64_t lost);
	} order[] = {
		{ RULE_CONNECTION_LEAK, piles_up },
		{ RULE_CONNECTION_PER_REQUEST, per_request },
		{ RULE_CONNECTION_CHURN, churn },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!order[i].broken(site, bench, 0))
			continue;
		if (order[i].broken(site, bench, bench->lost_connections + bench->lost_io))
			return order[i].rule;
		*weakened = true;
	}
	return RULE_NONE;
}

bool rules_could_break(const struct site *site, const struct bench *bench)
{
	uint64_t opens = bench->lost_connections, opening = bench->lost_connections + bench->lost_io;
	uint64_t connects = bench->lost_connections, using = bench->requests_after;

	if (!opening)
		return false;
	if (site) {
		opens += singles(&site->counts);
		opening += site->opening_after;
		connects += site->counts.connects;
		using = site->using_told ? site->using_after : bench->requests_after;
	}
	return opens >= RULE_OPENS_MIN && opening >= RULE_OPENS_MIN && connects > bench->allowed &&
	       (double)opens >= bench->rules->max_connects_per_request * (double)using;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.h - the rules themselves: does one site break one, and would it still if what was lost had spoken for it?
 * Numbers in, yes or no out; docs/verdicts.md says why each is as it is.
 */
#ifndef CONNPROF_MODEL_RULES_H
#define CONNPROF_MODEL_RULES_H

#include "connprof.h"
#include "model/sites.h"

#define RULE_OPENS_MIN 10        /* connections, and distinct requests, below which nothing is a pattern */
#define SINGLE_SHARE 0.9         /* of the closed connections, that served at most one request */
#define WEAK_RATIO 0.8           /* opens per request, where requests cannot be told apart by thread */
#define UNTIED_SHARE 0.2         /* of the opens; above it the tie to requests is weak */
#define LEAK_WINDOWS_MIN 3
#define CLOSED_SHARE 0.8         /* of those not reused, closed again: a pile beside them is not the story */

/* What all sites are judged against. */
struct bench {
	const struct connprof_rules *rules;
	double seconds;
	uint64_t requests, requests_after;  /* all, after warm-up */
	uint64_t allowed;                   /* connections a pool may grow to */
	uint64_t clients;                   /* of the target, connected at the end: one each is no leak */
	uint64_t latency_max_ns;
	uint64_t lost_connections, lost_io; /* events that did not arrive */
};

enum attribution_id rules_attribution(const struct site *site, const struct bench *bench);

/* The rule the site breaks, RULE_NONE for none. *weakened is set (never cleared) when one is broken by what was seen but would
 * not be if each lost event had spoken for the site. */
enum rule_id rules_apply(const struct site *site, const struct bench *bench, bool *weakened);

/* Could the lost events have hidden that the site (NULL: one not seen at all) breaks a rule? */
bool rules_could_break(const struct site *site, const struct bench *bench);

#endif

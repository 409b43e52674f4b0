/* SPDX-License-Identifier: BSD-2-Clause */
/* roundtrips.c - sums by stack and command in a uthash table, rolled up to call sites when they are asked for. */
#include "model/roundtrips.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "model/sites.h"
#include "model/verdict.h"

#define COMMANDS_APART 1024u /* more than there are names of (protocol/resp_commands.c) */

struct trip_key {
	uint32_t stack, command;
};

struct trip_group {
	UT_hash_handle hh;
	struct trip_key key;
	uint64_t requests;
	double trips, ns;
	uint64_t seen_in;  /* number of the request that it was counted for last */
};

/* Of one command in the request being counted. */
struct command_sum {
	double trips, ns, walked;
};

struct roundtrips {
	struct command_sum sums[COMMANDS_APART]; /* by command; [0]: of those not known by name */
	struct trip_group *groups;
	uint64_t number;   /* of the request being counted */
	uint64_t refused;  /* trips not told apart: too many groups */
};

struct roundtrips *roundtrips_new(void)
{
	return calloc(1, sizeof(struct roundtrips));
}

void roundtrips_free(struct roundtrips *trips)
{
	struct trip_group *group, *next;

	if (!trips)
		return;
	HASH_ITER(hh, trips->groups, group, next) {
		HASH_DELETE(hh, trips->groups, group);
		free(group);
	}
	free(trips);
}

/* NULL with *code 0: there are too many. */
static struct trip_group *group_of(struct roundtrips *trips, const struct purpose *purpose, int *code)
{
	struct trip_key key = { purpose->stack, purpose->command };
	struct trip_group *group;

	*code = 0;
	HASH_FIND(hh, trips->groups, &key, sizeof(key), group);
	if (group)
		return group;
	if (HASH_COUNT(trips->groups) >= TRIP_GROUPS_MAX) {
		trips->refused++;
		return NULL;
	}
	*code = -ENOMEM;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->key = key;
	HASH_ADD(hh, trips->groups, key, sizeof(group->key), group);
	if (!group->hh.tbl) {
		free(group);
		return NULL;
	}
	*code = 0;
	return group;
}

static bool is_single(const struct purpose *purpose)
{
	return purpose->spent == SPENT_REDIS && purpose->command != COMMAND_PIPELINE;
}

static struct command_sum *sum_of(struct roundtrips *trips, const struct purpose *purpose)
{
	return &trips->sums[purpose->command < COMMANDS_APART ? purpose->command : 0];
}

static int share_out(struct roundtrips *trips, const struct purpose *purpose)
{
	const struct command_sum *sum = sum_of(trips, purpose);
	struct trip_group *group;
	int code;

	group = group_of(trips, purpose, &code);
	if (!group)
		return code;
	group->requests += group->seen_in != trips->number;
	group->seen_in = trips->number;
	group->trips += sum->trips / sum->walked;
	group->ns += sum->ns / sum->walked;
	return 0;
}

int roundtrips_request(struct roundtrips *trips, const struct purpose *purposes, size_t count)
{
	int code = 0;

	trips->number++;
	for (size_t i = 0; i < count; i++)
		if (is_single(&purposes[i])) {
			struct command_sum *sum = sum_of(trips, &purposes[i]);

			sum->trips++;
			sum->ns += (double)(purposes[i].end_ns - purposes[i].begin_ns);
			sum->walked += purposes[i].stack != 0;
		}
	for (size_t i = 0; i < count && !code; i++)
		if (purposes[i].stack && is_single(&purposes[i]))
			code = share_out(trips, &purposes[i]);
	for (size_t i = 0; i < count; i++)
		if (is_single(&purposes[i]))
			*sum_of(trips, &purposes[i]) = (struct command_sum){ 0 };
	return code;
}

/* ---- rows ---- */

static struct trip_row *row_of(struct connprof_recording *recording, uint32_t call_site, uint32_t command)
{
	for (size_t i = 0; i < recording->trip_count; i++)
		if (recording->trips[i].call_site == call_site && recording->trips[i].command == command)
			return &recording->trips[i];
	if (array_reserve(&recording->trips, &recording->trip_capacity, recording->trip_count + 1, sizeof(*recording->trips),
			  TRIP_GROUPS_MAX))
		return NULL;
	recording->trips[recording->trip_count] = (struct trip_row){ .call_site = call_site, .command = command };
	return &recording->trips[recording->trip_count++];
}

static int add_group(struct connprof_recording *recording, struct appframes *appframes, const struct trip_group *group)
{
	const char *name = command_name(group->key.command);
	uint32_t command = strings_add(recording->strings, name ? name : "other");
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, group->key.stack, &count, NULL);
	int own = appframes_innermost(appframes, frames, count);
	struct trip_row *row = row_of(recording, own < 0 ? 0 : frames[own], command);

	if (!row)
		return -ENOMEM;
	row->stack = row->stack ? row->stack : group->key.stack;
	row->requests += group->requests;
	row->trips += group->trips;
	row->ms += group->ns / 1e6;
	return 0;
}

static int most_time_first(const void *a, const void *b)
{
	const struct trip_row *x = a, *y = b;

	return (x->ms < y->ms) - (x->ms > y->ms);
}

int roundtrips_fill(const struct roundtrips *trips, struct connprof_recording *recording)
{
	struct appframes *appframes = appframes_new(recording, &verdict_default_rules);
	int code = appframes ? 0 : -ENOMEM;

	recording->trip_count = 0;
	for (const struct trip_group *group = trips->groups; group && !code; group = group->hh.next)
		code = add_group(recording, appframes, group);
	appframes_free(appframes);
	if (trips->refused)
		recording_note(recording, "more stacks and commands of round trips than are told apart: some are not shown by call site");
	if (recording->trip_count)
		qsort(recording->trips, recording->trip_count, sizeof(*recording->trips), most_time_first);
	return code;
}

bool roundtrips_tell(const struct trip_row *row)
{
	return row->requests && row->trips >= TRIPS_TELLING * (double)row->requests;
}

/* Of connections it says nothing. */
static void fill_site(struct connprof_recording *recording, const struct trip_row *trip, struct site_row *site)
{
	const char *command = strings_get(recording->strings, trip->command);
	char text[300];

	*site = (struct site_row){
		.rule = RULE_ROUND_TRIPS, .decides = true, .protocol = PROTOCOL_REDIS, .protocol_confirmed = true,
		.attribution = trip->call_site ? ATTRIBUTION_THREAD : ATTRIBUTION_NONE, .stack = trip->stack, .call_site = trip->call_site,
		.connects = UNKNOWN_COUNT, .failed_connects = UNKNOWN_COUNT, .requests = recording->requests.observed,
		.using_requests = trip->requests, .opening_requests = UNKNOWN_COUNT, .open_at_end = UNKNOWN_COUNT,
		.peer_closed_open = UNKNOWN_COUNT, .connects_per_request = NAN, .connects_per_using_request = NAN,
		.requests_per_connection = NAN, .commands_per_connection = NAN, .lifetime_ms = {NAN, NAN, NAN}, .setup_ms = {NAN, NAN, NAN},
		.setup_ms_per_request = NAN, .cpu_percent = NAN,
	};
	snprintf(text, sizeof(text), "%.1f %s are sent one by one, each waiting for its answer, in a request that does so: %.2f ms of waiting.",
		 trip->trips / (double)trip->requests, command, trip->ms / (double)trip->requests);
	site->explanation = strings_add(recording->strings, text);
	site->remedy = strings_add(recording->strings, "If none needs another's answer: send them as one pipeline, or use a command that takes "
				   "several keys (MGET, HMGET).");
}

int roundtrips_judge(struct connprof_recording *recording)
{
	for (size_t i = 0; i < recording->trip_count; i++) {
		if (!roundtrips_tell(&recording->trips[i]))
			continue;
		if (array_reserve(&recording->sites, &recording->site_capacity, recording->site_count + 1, sizeof(*recording->sites),
				  SITES_MAX))
			return -ENOMEM;
		fill_site(recording, &recording->trips[i], &recording->sites[recording->site_count++]);
	}
	return 0;
}

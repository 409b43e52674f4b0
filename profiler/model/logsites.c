/* SPDX-License-Identifier: BSD-2-Clause */
/* logsites.c - sums by place, and by stack and place; rolled up to call sites when they are asked for. */
#include "model/logsites.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "model/appframes.h"
#include "model/verdict.h"

struct log_sums {
	double writes, lines, bytes, ns, blocked_ns;
	double inside_lines, inside_ns, inside_blocked_ns; /* of those in requests */
};

/* stack 0: the exact sums of the place. */
struct log_key {
	uint32_t stack, place;
};

struct log_group {
	UT_hash_handle hh;
	struct log_key key;
	struct log_sums sums;
	uint32_t index, mode;
};

struct logsites {
	struct connprof_recording *recording;
	struct log_group *by_key, **by_index;
	size_t count, capacity;
	uint64_t refused;  /* writes not told apart: too many groups */
};

struct logsites *logsites_new(struct connprof_recording *recording)
{
	struct logsites *sites = calloc(1, sizeof(*sites));

	if (sites)
		sites->recording = recording;
	return sites;
}

void logsites_free(struct logsites *sites)
{
	struct log_group *group, *next;

	if (!sites)
		return;
	HASH_ITER(hh, sites->by_key, group, next) {
		HASH_DELETE(hh, sites->by_key, group);
		free(group);
	}
	free(sites->by_index);
	free(sites);
}

static struct log_group *group_find(const struct logsites *sites, uint32_t stack, uint32_t place)
{
	struct log_key key = { stack, place };
	struct log_group *group;

	HASH_FIND(hh, sites->by_key, &key, sizeof(key), group);
	return group;
}

/* NULL with *code 0: there are too many. */
static struct log_group *group_of(struct logsites *sites, uint32_t stack, const struct event_call *call, int *code)
{
	struct log_group *group = group_find(sites, stack, call->place);

	*code = 0;
	if (group)
		return group;
	if (sites->count >= (stack ? LOG_GROUPS_MAX : LOG_GROUPS_MAX + LOG_PLACES_MAX)) { /* room is left for places */
		sites->refused++;
		return NULL;
	}
	*code = array_reserve(&sites->by_index, &sites->capacity, sites->count + 1, sizeof(*sites->by_index),
			      LOG_GROUPS_MAX + LOG_PLACES_MAX);
	group = *code ? NULL : calloc(1, sizeof(*group));
	if (!group) {
		*code = -ENOMEM;
		return NULL;
	}
	group->key = (struct log_key){ stack, call->place };
	group->mode = call->mode;
	group->index = (uint32_t)sites->count;
	HASH_ADD(hh, sites->by_key, key, sizeof(group->key), group);
	if (!group->hh.tbl) {
		free(group);
		*code = -ENOMEM;
		return NULL;
	}
	sites->by_index[sites->count++] = group;
	return group;
}

static void count(struct log_group *group, const struct event_call *call, double weight)
{
	group->sums.writes += weight;
	group->sums.lines += weight * call->lines;
	group->sums.bytes += weight * (double)call->bytes;
	group->sums.ns += weight * (double)call->ns;
	group->sums.blocked_ns += weight * (double)call->blocked_ns;
}

int logsites_add(struct logsites *sites, const struct event *event, struct log_mark *mark)
{
	const struct event_call *call = &event->call;
	struct log_group *place, *group;
	int code;

	*mark = (struct log_mark){ .lines = call->lines, .ns = call->ns, .blocked_ns = call->blocked_ns, .weight = call->weight };
	place = group_of(sites, 0, call, &code);
	if (!place)
		return code;
	count(place, call, 1);
	mark->place = place->index + 1;
	if (!event->stack || !call->weight)
		return 0;
	group = group_of(sites, event->stack, call, &code);
	if (!group)
		return code;
	count(group, call, call->weight);
	mark->group = group->index + 1;
	return 0;
}

static void add_inside(struct log_group *group, const struct log_mark *mark, double weight)
{
	group->sums.inside_lines += weight * (double)mark->lines;
	group->sums.inside_ns += weight * (double)mark->ns;
	group->sums.inside_blocked_ns += weight * (double)mark->blocked_ns;
}

void logsites_inside(struct logsites *sites, const struct log_mark *mark)
{
	if (mark->place)
		add_inside(sites->by_index[mark->place - 1], mark, 1);
	if (mark->group)
		add_inside(sites->by_index[mark->group - 1], mark, (double)mark->weight);
}

/* ---- rows ---- */

/* Where lines are written, or the system's log: not a database's file or a pipe between processes. */
static bool is_log(const struct log_group *place)
{
	return (place->mode & S_IFMT) == S_IFSOCK || place->sums.lines * 2 >= place->sums.writes;
}

static double scale(double exact, double walked)
{
	return walked > 0 ? exact / walked : 0;
}

static struct log_row *row_of(struct connprof_recording *recording, uint32_t call_site, uint32_t place)
{
	for (size_t i = 0; i < recording->log_count; i++)
		if (recording->logs[i].call_site == call_site && recording->logs[i].place == place)
			return &recording->logs[i];
	if (array_reserve(&recording->logs, &recording->log_capacity, recording->log_count + 1, sizeof(*recording->logs),
			  LOG_GROUPS_MAX))
		return NULL;
	recording->logs[recording->log_count] = (struct log_row){ .call_site = call_site, .place = place, .cpu_percent = NAN };
	return &recording->logs[recording->log_count++];
}

/* What its groups with stacks come to, by weight. */
static struct log_sums walked_sums(const struct logsites *sites, uint32_t place)
{
	struct log_sums sums = { 0 };

	for (size_t i = 0; i < sites->count; i++) {
		const struct log_group *group = sites->by_index[i];

		if (group->key.place != place || !group->key.stack)
			continue;
		sums.writes += group->sums.writes;
		sums.lines += group->sums.lines;
		sums.bytes += group->sums.bytes;
		sums.ns += group->sums.ns;
		sums.blocked_ns += group->sums.blocked_ns;
		sums.inside_lines += group->sums.inside_lines;
		sums.inside_ns += group->sums.inside_ns;
		sums.inside_blocked_ns += group->sums.inside_blocked_ns;
	}
	return sums;
}

static void add_scaled(struct log_row *row, const struct log_sums *own, const struct log_sums *exact, const struct log_sums *walked)
{
	row->writes += own->writes * scale(exact->writes, walked->writes);
	row->lines += own->lines * scale(exact->lines, walked->lines);
	row->bytes += own->bytes * scale(exact->bytes, walked->bytes);
	row->ms += own->ns * scale(exact->ns, walked->ns) / 1e6;
	row->blocked_ms += own->blocked_ns * scale(exact->blocked_ns, walked->blocked_ns) / 1e6;
	row->inside_lines += own->inside_lines * scale(exact->inside_lines, walked->inside_lines);
	row->inside_ms += own->inside_ns * scale(exact->inside_ns, walked->inside_ns) / 1e6;
	row->inside_blocked_ms += own->inside_blocked_ns * scale(exact->inside_blocked_ns, walked->inside_blocked_ns) / 1e6;
}

static int add_place(const struct logsites *sites, struct connprof_recording *recording, struct appframes *appframes,
		     const struct log_group *place)
{
	const struct log_sums walked = walked_sums(sites, place->key.place);

	for (size_t i = 0; i < sites->count; i++) {
		const struct log_group *group = sites->by_index[i];
		const uint32_t *frames;
		struct log_row *row;
		size_t depth;
		int own;

		if (group->key.place != place->key.place || !group->key.stack)
			continue;
		frames = stacks_get(recording->stacks, group->key.stack, &depth, NULL);
		own = appframes_innermost(appframes, frames, depth);
		row = row_of(recording, own < 0 ? 0 : frames[own], place->key.place);
		if (!row)
			return -ENOMEM;
		row->stack = row->stack ? row->stack : group->key.stack;
		add_scaled(row, &group->sums, &place->sums, &walked);
	}
	return 0;
}

/* The function that a site's frame calls to log, by its typical stack; 0: the site's frame writes itself. */
static uint32_t callee_of(const struct connprof_recording *recording, const struct log_row *row)
{
	size_t depth;
	const uint32_t *frames = stacks_get(recording->stacks, row->stack, &depth, NULL);

	for (size_t i = 1; i < depth; i++)
		if (frames[i] == row->call_site)
			return stacks_frame(recording->stacks, frames[i - 1])->function;
	return 0;
}

static bool lies_in(const struct connprof_recording *recording, const struct profile_row *row, uint32_t call_site, uint32_t callee)
{
	size_t depth;
	const uint32_t *frames = stacks_get(recording->stacks, row->stack, &depth, NULL);

	for (size_t i = 1; i < depth; i++)
		if (frames[i] == call_site && stacks_frame(recording->stacks, frames[i - 1])->function == callee)
			return true;
	return false;
}

/* The statement's share of the CPU samples: the same line calling the same function. */
static void fill_cpu(struct connprof_recording *recording)
{
	for (size_t i = 0; recording->samples && i < recording->log_count; i++) {
		struct log_row *row = &recording->logs[i];
		uint32_t callee = callee_of(recording, row);
		uint64_t samples = 0;

		if (!row->call_site || !callee)
			continue;
		for (size_t k = 0; k < recording->profile_count; k++)
			if (recording->profile[k].samples && lies_in(recording, &recording->profile[k], row->call_site, callee))
				samples += recording->profile[k].samples;
		row->cpu_percent = 100.0 * (double)samples / (double)recording->samples;
	}
}

static int most_first(const void *a, const void *b)
{
	const struct log_row *x = a, *y = b;

	if (x->ms != y->ms)
		return x->ms < y->ms ? 1 : -1;
	return (x->lines < y->lines) - (x->lines > y->lines);
}

int logsites_fill(const struct logsites *sites, struct connprof_recording *recording)
{
	struct appframes *appframes = appframes_new(recording, &verdict_default_rules);
	int code = appframes ? 0 : -ENOMEM;

	recording->log_count = 0;
	recording->log_writes = recording->log_lines = 0;
	for (size_t i = 0; i < sites->count && !code; i++) {
		const struct log_group *place = sites->by_index[i];

		if (place->key.stack || !is_log(place))
			continue;
		recording->log_writes += (uint64_t)place->sums.writes;
		recording->log_lines += (uint64_t)place->sums.lines;
		code = add_place(sites, recording, appframes, place);
	}
	appframes_free(appframes);
	if (sites->refused)
		recording_note(recording, "more places and stacks of log writes than are told apart: some lines are not shown by call site");
	if (recording->log_count)
		qsort(recording->logs, recording->log_count, sizeof(*recording->logs), most_first);
	if (recording->log_count > LOG_ROWS_MAX)
		recording->log_count = LOG_ROWS_MAX;
	fill_cpu(recording);
	return code;
}

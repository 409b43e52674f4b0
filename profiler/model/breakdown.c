/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * breakdown.c - sums by latency bucket, made when a bucket is first needed: 1.7 MB at most.
 *
 * A band is a range of ranks. Buckets that lie across its edge count in part, as if their requests were all alike, which to within
 * 0.8 % they are.
 */
#include "model/breakdown.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/latency.h"

struct sums {
	double requests, latency_ns, queued_ns, locked_ns;
	double marked;                     /* requests whose CPU time, run queue and locked_ns are no estimates */
	double ns[SPENT_COUNT];
	double command_ns[SPENT_COMMANDS], command_count[SPENT_COMMANDS];
};

struct breakdown {
	struct sums *buckets[LATENCY_BUCKETS];
	struct sums slowest;
	uint32_t commands[SPENT_COMMANDS]; /* in order of appearance */
	size_t command_count;
};

struct breakdown *breakdown_new(void)
{
	return calloc(1, sizeof(struct breakdown));
}

void breakdown_free(struct breakdown *breakdown)
{
	if (!breakdown)
		return;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		free(breakdown->buckets[i]);
	free(breakdown);
}

/* -1: there are too many. */
static int slot_of(struct breakdown *breakdown, uint32_t command)
{
	for (size_t i = 0; i < breakdown->command_count; i++)
		if (breakdown->commands[i] == command)
			return (int)i;
	if (breakdown->command_count == SPENT_COMMANDS)
		return -1;
	breakdown->commands[breakdown->command_count] = command;
	return (int)breakdown->command_count++;
}

static void add_spent(struct breakdown *breakdown, struct sums *sums, const struct spent *spent)
{
	sums->requests++;
	sums->latency_ns += (double)spent->latency_ns;
	sums->queued_ns += (double)spent->queued_ns;
	sums->locked_ns += spent->locked_ns;
	sums->marked += spent->marked;
	for (unsigned i = 0; i < SPENT_COUNT; i++)
		sums->ns[i] += spent->ns[i];
	for (size_t i = 0; i < spent->count; i++) {
		int slot = slot_of(breakdown, spent->commands[i].command);

		if (slot < 0)
			continue;
		sums->command_ns[slot] += spent->commands[i].ns;
		sums->command_count[slot] += (double)spent->commands[i].count;
	}
}

int breakdown_add(struct breakdown *breakdown, uint16_t latency, const struct spent *spent)
{
	struct sums **bucket = &breakdown->buckets[latency < LATENCY_BUCKETS ? latency : LATENCY_BUCKETS - 1];

	if (!*bucket && !(*bucket = calloc(1, sizeof(**bucket))))
		return -ENOMEM;
	add_spent(breakdown, *bucket, spent);
	if ((double)spent->latency_ns >= breakdown->slowest.latency_ns) {
		breakdown->slowest = (struct sums){ 0 };
		add_spent(breakdown, &breakdown->slowest, spent);
	}
	return 0;
}

static void add_share(struct sums *into, const struct sums *from, double share)
{
	into->requests += share * from->requests;
	into->latency_ns += share * from->latency_ns;
	into->queued_ns += share * from->queued_ns;
	into->locked_ns += share * from->locked_ns;
	into->marked += share * from->marked;
	for (unsigned i = 0; i < SPENT_COUNT; i++)
		into->ns[i] += share * from->ns[i];
	for (unsigned i = 0; i < SPENT_COMMANDS; i++) {
		into->command_ns[i] += share * from->command_ns[i];
		into->command_count[i] += share * from->command_count[i];
	}
}

/* The requests of ranks low to high, as shares of all; at least one. */
static struct sums band_sums(const struct breakdown *breakdown, double all, double low, double high)
{
	double from = low * all, to = high * all, before = 0;
	struct sums sums = { 0 };

	if (to - from < 1) { /* the one in the middle */
		from = floor((low + high) / 2 * all);
		from = from > all - 1 ? all - 1 : from;
		to = from + 1;
	}
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		const struct sums *bucket = breakdown->buckets[i];
		double begin, end;

		if (!bucket)
			continue;
		begin = before > from ? before : from;
		end = before + bucket->requests < to ? before + bucket->requests : to;
		if (end > begin)
			add_share(&sums, bucket, (end - begin) / bucket->requests);
		before += bucket->requests;
	}
	return sums;
}

/* Of most of these, CPU time, run queue and locked_ns are known. */
static bool is_marked(const struct sums *sums)
{
	return sums->marked * 2 > sums->requests;
}

/* From what was sent and received, or from marks, and not from waits, some of which stand for others. */
static bool is_seen(const struct sums *sums, unsigned spent)
{
	return spent == SPENT_SETUP || spent == SPENT_REDIS || spent == SPENT_PEERS ||
	       (is_marked(sums) && spent_is_marked(spent));
}

static void scale(struct sums *sums, bool seen, double factor)
{
	for (unsigned i = SPENT_CPU + 1; i < SPENT_ELSE; i++)
		sums->ns[i] *= is_seen(sums, i) == seen ? factor : 1;
}

/* The GIL's share of the waits for locks: as the waits in these requests tell, else as those in all. */
static void split_locked(struct sums *sums, const struct sums *all)
{
	double gil = sums->ns[SPENT_GIL], locks = sums->ns[SPENT_LOCKS];

	if (gil + locks <= 0) {
		gil = all->ns[SPENT_GIL];
		locks = all->ns[SPENT_LOCKS];
	}
	sums->ns[SPENT_GIL] = gil + locks > 0 ? sums->locked_ns * gil / (gil + locks) : 0;
	sums->ns[SPENT_LOCKS] = sums->locked_ns - sums->ns[SPENT_GIL];
}

/* Commands follow what became of their part, which was: a weighted wait may have taken more from one than that had. */
static void settle_commands(struct sums *sums, double was)
{
	double all = 0, share;

	for (unsigned i = 0; i < SPENT_COMMANDS; i++) {
		sums->command_ns[i] = fmax(sums->command_ns[i], 0);
		all += sums->command_ns[i];
	}
	share = all > 0 ? sums->ns[SPENT_REDIS] / fmax(all, was) : 0;
	for (unsigned i = 0; i < SPENT_COMMANDS; i++)
		sums->command_ns[i] *= share;
}

/* What is known cannot be more than the latency, and is not less than nothing; where it is, guesses give way first. CPU time is what
 * is left at most where it is rather an estimate, and else leaves no more than the rest. */
static void settle(struct sums *sums)
{
	double cpu = is_marked(sums) ? fmin(sums->ns[SPENT_CPU], sums->latency_ns) : 0;
	double most = sums->latency_ns - cpu, redis = sums->ns[SPENT_REDIS], seen = 0, guessed = 0, left;

	for (unsigned i = SPENT_CPU + 1; i < SPENT_ELSE; i++) {
		sums->ns[i] = sums->ns[i] > 0 ? sums->ns[i] : 0;
		*(is_seen(sums, i) ? &seen : &guessed) += sums->ns[i];
	}
	if (seen > most)
		scale(sums, true, most / seen);
	seen = fmin(seen, most);
	if (seen + guessed > most)
		scale(sums, false, (most - seen) / guessed);
	settle_commands(sums, redis);
	left = sums->latency_ns - fmin(seen + guessed, most);
	sums->ns[SPENT_CPU] = sums->ns[SPENT_CPU] < left ? sums->ns[SPENT_CPU] : left;
	sums->ns[SPENT_ELSE] = left - sums->ns[SPENT_CPU];
}

static double per_request_ms(const struct sums *sums, double ns)
{
	return sums->requests > 0 && ns > 0 ? ns / sums->requests / 1e6 : 0;
}

static struct spent_row row_of(const struct sums bands[BAND_COUNT], unsigned spent)
{
	struct spent_row row = { .spent = (uint8_t)spent };

	for (unsigned band = 0; band < BAND_COUNT; band++) {
		row.ms[band] = per_request_ms(&bands[band], bands[band].ns[spent]);
		row.count[band] = NAN;
	}
	return row;
}

static struct spent_row command_row(const struct breakdown *breakdown, const struct sums bands[BAND_COUNT], size_t slot,
				    struct strings *strings)
{
	uint32_t command = breakdown->commands[slot];
	const char *name = command == COMMAND_PIPELINE ? "pipeline" : command_name(command);
	struct spent_row row = { .spent = SPENT_REDIS, .command = strings_add(strings, name ? name : "other") };

	for (unsigned band = 0; band < BAND_COUNT; band++) {
		row.ms[band] = per_request_ms(&bands[band], bands[band].command_ns[slot]);
		row.count[band] = bands[band].requests > 0 ? bands[band].command_count[slot] / bands[band].requests : 0;
	}
	return row;
}

static int longest_first(const void *a, const void *b)
{
	const struct spent_row *x = a, *y = b;

	return (x->ms[BAND_MEAN] < y->ms[BAND_MEAN]) - (x->ms[BAND_MEAN] > y->ms[BAND_MEAN]);
}

static void put_rows(const struct breakdown *breakdown, const struct sums bands[BAND_COUNT], struct connprof_recording *recording)
{
	struct spent_table *table = &recording->spent;

	table->count = 0;
	for (unsigned spent = 0; spent < SPENT_COUNT; spent++) {
		size_t first;

		table->rows[table->count++] = row_of(bands, spent);
		if (spent != SPENT_REDIS)
			continue;
		first = table->count;
		for (size_t i = 0; i < breakdown->command_count; i++)
			table->rows[table->count++] = command_row(breakdown, bands, i, recording->strings);
		qsort(&table->rows[first], table->count - first, sizeof(*table->rows), longest_first);
	}
}

int breakdown_fill(const struct breakdown *breakdown, struct connprof_recording *recording)
{
	static const struct { double low, high; } ranks[] = {
		[BAND_P50] = { 0.45, 0.55 }, [BAND_P90] = { 0.88, 0.92 }, [BAND_P99] = { 0.985, 0.995 },
	};
	struct spent_table *table = &recording->spent;
	struct sums bands[BAND_COUNT] = { 0 };
	int code;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		if (breakdown->buckets[i])
			add_share(&bands[BAND_MEAN], breakdown->buckets[i], 1);
	if (bands[BAND_MEAN].requests < 1)
		return 0;
	bands[BAND_MAX] = breakdown->slowest;
	for (unsigned band = 0; band < sizeof(ranks) / sizeof(ranks[0]); band++)
		bands[band] = band_sums(breakdown, bands[BAND_MEAN].requests, ranks[band].low, ranks[band].high);
	code = array_reserve(&table->rows, &table->capacity, SPENT_COUNT + SPENT_COMMANDS, sizeof(*table->rows),
			     SPENT_COUNT + SPENT_COMMANDS);
	if (code)
		return code;
	for (unsigned band = 0; band < BAND_COUNT; band++) /* the mean, which says of the others, last */
		split_locked(&bands[band], &bands[BAND_MEAN]);
	for (unsigned band = 0; band < BAND_COUNT; band++) {
		settle(&bands[band]);
		table->requests[band] = (uint64_t)llround(bands[band].requests);
		table->latency_ms[band] = per_request_ms(&bands[band], bands[band].latency_ns);
		table->queued_ms[band] = per_request_ms(&bands[band], bands[band].queued_ns);
	}
	put_rows(breakdown, bands, recording);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnosis_kinds.c - the kinds of findings. What makes a finding of each, and why: docs/verdicts.md, "What diagnose finds". */
#include <math.h>
#include <string.h>

#include "model/roundtrips.h"
#include "model/words.h"
#include "report/calls.h"
#include "report/diagnosis.h"
#include "report/finding.h"

#define NOISY_LINES 5       /* a request */
#define NOISY_PERCENT 5     /* of the CPU samples, or of a typical request's time */

static uint64_t requests_of(const struct connprof_recording *recording)
{
	return recording->requests.observed == UNKNOWN_COUNT ? 0 : recording->requests.observed;
}

/* ---- call sites that break a rule ---- */

static size_t site_candidates(const struct connprof_recording *recording)
{
	return recording->site_count;
}

static bool site_tell(const struct connprof_recording *recording, size_t index, struct diagnosis_finding *out)
{
	const struct site_row *site = &recording->sites[index];
	const char *library = strings_get(recording->strings, site->library);
	char protocol[32], peer[ENDPOINT_TEXT];

	if (finding_kind(site) != FINDING_COUNTS)
		return false;
	out->kind = rule_name(site->rule);
	snprintf(out->subject, sizeof(out->subject), "%s %s%s%s", site_protocol(site, protocol),
		 endpoint_text(&site->peer, recording->strings, peer), *library ? ", " : "", library);
	snprintf(out->what, sizeof(out->what), "%s", strings_get(recording->strings, site->explanation));
	out->cause = site->cause ? words_cause(site->cause) : "";
	out->remedy = strings_get(recording->strings, site->remedy);
	out->frame = site->call_site;
	out->stack = site->stack;
	out->ms_per_request = site->setup_ms_per_request;
	out->cpu_percent = site->cpu_percent;
	return true;
}

/* ---- logs: all statements that write to one place together, told by the one with the most lines ---- */

static size_t log_candidates(const struct connprof_recording *recording)
{
	return recording->log_count;
}

/* Sums over the rows of a place. Returns the row with the most lines. */
static size_t log_sum(const struct connprof_recording *recording, uint32_t place, struct log_row *sum, size_t *statements)
{
	size_t loudest = recording->log_count;

	for (size_t i = 0; i < recording->log_count; i++) {
		const struct log_row *row = &recording->logs[i];

		if (row->place != place)
			continue;
		*statements += 1;
		sum->lines += row->inside_lines;
		sum->ms += row->inside_ms;
		sum->cpu_percent += isnan(row->cpu_percent) ? 0 : row->cpu_percent;
		if (loudest == recording->log_count || row->inside_lines > recording->logs[loudest].inside_lines)
			loudest = i;
	}
	return loudest;
}

static bool log_tell(const struct connprof_recording *recording, size_t index, struct diagnosis_finding *out)
{
	double requests = (double)requests_of(recording), lines, ms;
	uint32_t place = recording->logs[index].place;
	struct log_row sum = {0};
	size_t statements = 0, loudest = log_sum(recording, place, &sum, &statements);

	if (index != loudest || requests == 0) /* one finding a place */
		return false;
	lines = sum.lines / requests;
	ms = sum.ms / requests;
	if (lines < NOISY_LINES || (sum.cpu_percent < NOISY_PERCENT && !(ms * 100 >= NOISY_PERCENT * recording->requests.latency_ms.p50)))
		return false;
	out->kind = "noisy-log";
	snprintf(out->subject, sizeof(out->subject), "%s", strings_get(recording->strings, place));
	snprintf(out->what, sizeof(out->what), "Each request writes %.1f lines, by %zu statement%s. The one named here writes most: %.1f.", lines,
		 statements, statements == 1 ? "" : "s", recording->logs[loudest].inside_lines / requests);
	out->remedy = "Raise the log level in production, or log once a request instead of at every step. A queue "
		      "(logging.handlers.QueueHandler) takes the waiting off the request, not the CPU.";
	out->frame = recording->logs[loudest].call_site;
	out->stack = recording->logs[loudest].stack;
	out->ms_per_request = ms;
	out->cpu_percent = sum.cpu_percent;
	return true;
}

/* ---- commands sent one by one ---- */

static size_t trip_candidates(const struct connprof_recording *recording)
{
	return recording->trip_count;
}

static bool trip_tell(const struct connprof_recording *recording, size_t index, struct diagnosis_finding *out)
{
	const struct trip_row *row = &recording->trips[index];
	const char *command = strings_get(recording->strings, row->command);

	if (!roundtrips_tell(row))
		return false;
	out->kind = "round-trips";
	snprintf(out->subject, sizeof(out->subject), "redis %s", command);
	snprintf(out->what, sizeof(out->what), "%.1f %s are sent one by one, each waiting for its answer, in a request that does so.",
		 row->trips / (double)row->requests, command);
	out->remedy = "If none needs another's answer: send them as one pipeline, or use a command that takes several keys (MGET, HMGET).";
	out->frame = row->call_site;
	out->stack = row->stack;
	out->ms_per_request = row->ms / (double)row->requests;
	return true;
}

/* ---- what requests wait for that is nobody's call ---- */

static const struct {
	uint8_t spent;
	unsigned percent; /* of the time of all requests */
	const char *kind, *what, *remedy;
} waits[] = {
	{SPENT_GIL, 10, "gil-contention", "Requests wait for the interpreter's lock while other threads run Python code.",
	 "Serve with more processes and fewer threads each; `connprof record --gil-wait` shows who holds the lock meanwhile."},
	{SPENT_RUNQUEUE, 25, "cpu-shortage", "Requests are ready to run, but no CPU is free.",
	 "Give the service more CPUs, run fewer workers for each, or find what else uses them."},
	{SPENT_LOCKS, 25, "lock-contention", "Requests wait for locks of the application or of a library.",
	 "The flame graph of the waits shows which code takes them; hold them for less, or share less."},
	{SPENT_DISK, 25, "disk-waits", "Requests wait for the disk.",
	 "The flame graph of the waits shows which calls; take fsync and file writes off the request."},
};

static size_t wait_candidates(const struct connprof_recording *recording)
{
	return recording->spent.count ? sizeof(waits) / sizeof(waits[0]) : 0;
}

static bool wait_tell(const struct connprof_recording *recording, size_t index, struct diagnosis_finding *out)
{
	const struct spent_table *table = &recording->spent;
	double ms = 0, percent;

	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].spent == waits[index].spent && !table->rows[i].command)
			ms = table->rows[i].ms[BAND_MEAN];
	percent = table->latency_ms[BAND_MEAN] > 0 ? 100 * ms / table->latency_ms[BAND_MEAN] : 0;
	if (percent < waits[index].percent)
		return false;
	out->kind = waits[index].kind;
	snprintf(out->subject, sizeof(out->subject), "%.0f %% of the requests' time", percent);
	snprintf(out->what, sizeof(out->what), "%s", waits[index].what);
	out->remedy = waits[index].remedy;
	out->ms_per_request = ms;
	return true;
}

const struct diagnosis_kind diagnosis_kinds[] = {
	{site_candidates, site_tell},
	{log_candidates, log_tell},
	{trip_candidates, trip_tell},
	{wait_candidates, wait_tell},
};
const size_t diagnosis_kind_count = sizeof(diagnosis_kinds) / sizeof(diagnosis_kinds[0]);

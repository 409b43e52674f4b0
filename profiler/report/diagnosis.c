/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnosis.c - findings in order, and what all of them are told with. */
#include "report/diagnosis.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/protocol.h"
#include "report/sites.h"

/* ---- order ---- */

/* A typical request's time is the measure: a mean would let one stuck request hide what every other one pays. */
static double weight_of(const struct connprof_recording *recording, const struct diagnosis_finding *finding)
{
	double median = recording->requests.latency_ms.p50, weight = 0;

	if (!isnan(finding->ms_per_request) && median > 0)
		weight = fmin(100 * finding->ms_per_request / median, 100);
	return isnan(finding->cpu_percent) ? weight : fmax(weight, finding->cpu_percent);
}

/* What names code somebody can change stands before conditions of the machine. */
static int dearest_first(const void *a, const void *b)
{
	const struct diagnosis_finding *x = a, *y = b;
	bool code_x = x->frame || x->stack, code_y = y->frame || y->stack;

	if (code_x != code_y)
		return code_x ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->subject, y->subject);
}

/* Past the limit the cheapest one makes room. */
static void keep(struct diagnosis *diagnosis, const struct diagnosis_finding *finding)
{
	size_t cheapest = 0;

	diagnosis->total++;
	if (diagnosis->count < DIAGNOSIS_MAX) {
		diagnosis->findings[diagnosis->count++] = *finding;
		return;
	}
	for (size_t i = 1; i < diagnosis->count; i++)
		if (diagnosis->findings[i].weight < diagnosis->findings[cheapest].weight)
			cheapest = i;
	if (diagnosis->findings[cheapest].weight < finding->weight)
		diagnosis->findings[cheapest] = *finding;
}

int diagnosis_make(const struct connprof_recording *recording, struct diagnosis **out)
{
	struct diagnosis *diagnosis = calloc(1, sizeof(*diagnosis));

	if (!diagnosis)
		return -ENOMEM;
	for (size_t k = 0; k < diagnosis_kind_count; k++)
		for (size_t i = 0; i < diagnosis_kinds[k].candidates(recording); i++) {
			struct diagnosis_finding finding = {.cause = "", .remedy = "", .ms_per_request = NAN, .cpu_percent = NAN};

			if (!diagnosis_kinds[k].tell(recording, i, &finding))
				continue;
			finding.weight = weight_of(recording, &finding);
			keep(diagnosis, &finding);
		}
	qsort(diagnosis->findings, diagnosis->count, sizeof(diagnosis->findings[0]), dearest_first);
	*out = diagnosis;
	return 0;
}

/* ---- words ---- */

const char *diagnosis_cost(const struct diagnosis_finding *finding, char out[DIAGNOSIS_TEXT])
{
	size_t used = 0;

	*out = '\0';
	if (!isnan(finding->ms_per_request))
		used = (size_t)snprintf(out, DIAGNOSIS_TEXT, "%.2f ms of each request", finding->ms_per_request);
	if (!isnan(finding->cpu_percent))
		snprintf(out + used, DIAGNOSIS_TEXT - used, "%s%.1f %% of the CPU samples", used ? ", " : "", finding->cpu_percent);
	return out;
}

const char *diagnosis_where(const struct connprof_recording *recording, const struct diagnosis_finding *finding,
			    char out[DIAGNOSIS_TEXT])
{
	const struct frame *frame = stacks_frame(recording->stacks, finding->frame);
	const char *function, *file;

	*out = '\0';
	if (!frame)
		return out;
	function = strings_get(recording->strings, frame->function);
	file = strings_get(recording->strings, frame->file ? frame->file : frame->module);
	if (frame->line)
		snprintf(out, DIAGNOSIS_TEXT, "%s (%s:%u)", function, file, frame->line);
	else
		snprintf(out, DIAGNOSIS_TEXT, "%s (%s)", function, *file ? file : "?");
	return out;
}

const char *diagnosis_next_missing(const struct connprof_recording *recording, size_t *index)
{
	static const struct {
		unsigned collect;
		const char *name;
	} parts[] = {
		{CONNPROF_SAMPLES, "time on the CPU"}, {CONNPROF_OFFCPU, "waits"}, {CONNPROF_CONNECTIONS, "connections"},
		{CONNPROF_REQUESTS, "requests"}, {CONNPROF_LOGS, "log statements"}, {CONNPROF_ROUND_TRIPS, "round trips"},
	};
	const size_t count = sizeof(parts) / sizeof(parts[0]);

	while (*index < count)
		if (!(recording->collect & parts[(*index)++].collect))
			return parts[*index - 1].name;
	/* Written by `record`, which judges nothing; what a verdict stands on is not in the file. */
	if ((*index)++ == count && recording->collect & CONNPROF_CONNECTIONS && recording->verdict == VERDICT_NONE)
		return "a verdict on connections";
	return NULL;
}

const char *diagnosis_missing(const struct connprof_recording *recording, char out[DIAGNOSIS_TEXT])
{
	size_t index = 0, used = 0;
	const char *name;

	*out = '\0';
	while ((name = diagnosis_next_missing(recording, &index)) && used < DIAGNOSIS_TEXT)
		used += (size_t)snprintf(out + used, DIAGNOSIS_TEXT - used, "%s%s", used ? ", " : "", name);
	return out;
}

const char *diagnosis_seen(const struct connprof_recording *recording, char out[DIAGNOSIS_TEXT])
{
	const struct requests_summary *requests = &recording->requests;
	char targets[128];
	int used = snprintf(out, DIAGNOSIS_TEXT, "%s, %.1f s", targets_text(recording, targets, sizeof(targets)), recording->seconds);

	if (!(recording->collect & CONNPROF_CONNECTIONS))
		return out;
	if (requests->observed != UNKNOWN_COUNT)
		used += snprintf(out + used, DIAGNOSIS_TEXT - (size_t)used, ", %llu %srequests", (unsigned long long)requests->observed,
				 requests->protocol == PROTOCOL_HTTP ? "HTTP " : "");
	snprintf(out + used, DIAGNOSIS_TEXT - (size_t)used, ", %llu connections opened", (unsigned long long)recording->connections);
	return out;
}

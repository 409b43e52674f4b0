/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * requests_text.c - requests for a person: how many, how long, and where their time went.
 *
 *   ms a request            p50       p90       p99       max      mean
 *   on CPU                 1.20      2.10      3.40      3.10      1.31
 *   Redis                  0.80     12.00    641.00    902.00      9.12
 *     GET (23 each)        0.80     11.90      1.10      1.30      1.02
 *   all                    2.00     14.10    644.40    905.10     10.43
 */
#include <math.h>

#include "report/calls.h"
#include "report/requests.h"
#include "report/sites.h"

const char *const band_names[BAND_COUNT] = {
	[BAND_P50] = "p50", [BAND_P90] = "p90", [BAND_P99] = "p99", [BAND_MAX] = "max", [BAND_MEAN] = "mean",
};

bool spent_took_any(const struct spent_row *row)
{
	for (unsigned band = 0; band < BAND_COUNT; band++)
		if (row->ms[band] >= 0.005)
			return true;
	return false;
}

static void put_line(FILE *stream, const char *name, const double *ms)
{
	fprintf(stream, "%-28.28s", name);
	for (unsigned band = 0; band < BAND_COUNT; band++)
		fprintf(stream, " %9.2f", ms[band]);
	fputc('\n', stream);
}

void spent_table_text(const struct connprof_recording *recording, FILE *stream)
{
	const struct spent_table *table = &recording->spent;
	char name[64];

	if (!table->count)
		return;
	fprintf(stream, "%-28s", "ms a request");
	for (unsigned band = 0; band < BAND_COUNT; band++)
		fprintf(stream, " %9s", band_names[band]);
	fputc('\n', stream);
	for (size_t i = 0; i < table->count; i++) {
		const struct spent_row *row = &table->rows[i];

		if (!spent_took_any(row))
			continue;
		if (row->command)
			snprintf(name, sizeof(name), "  %.16s (%.3g each)", strings_get(recording->strings, row->command),
				 row->count[BAND_MEAN]);
		else
			snprintf(name, sizeof(name), "%s", spent_name(row->spent));
		put_line(stream, name, row->ms);
	}
	put_line(stream, "all", table->latency_ms);
	put_line(stream, "before that, lay unread", table->queued_ms);
	fprintf(stream, "%-28s", "requests");
	for (unsigned band = 0; band < BAND_COUNT; band++)
		fprintf(stream, " %9llu", (unsigned long long)table->requests[band]);
	fputc('\n', stream);
	if (!(recording->collect & CONNPROF_OFFCPU))
		fputs("waits were not looked at: what is no round trip is on the CPU or in \"everything else\"\n", stream);
}

int requests_text_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
			struct connprof_error *error)
{
	const struct requests_summary *requests = &recording->requests;
	char targets[128];

	(void)options;
	(void)error;
	fprintf(stream, "%s, %.1f s: %llu requests", targets_text(recording, targets, sizeof(targets)), recording->seconds,
		(unsigned long long)requests->observed);
	if (!isnan(requests->latency_ms.max))
		fprintf(stream, ", p50 %.1f ms, p99 %.1f ms, max %.1f ms; %llu over 0.5 s, %llu over 1 s", requests->latency_ms.p50,
			requests->latency_ms.p99, requests->latency_ms.max, (unsigned long long)requests->over_500ms,
			(unsigned long long)requests->over_1s);
	fputs("\n\n", stream);
	if (!(recording->collect & CONNPROF_REQUESTS))
		fputs("what happened inside them was not looked at (record with --requests)\n", stream);
	spent_table_text(recording, stream);
	trips_table_text(recording, stream);
	logs_table_text(recording, stream);
	losses_text(recording, stream);
	return 0;
}

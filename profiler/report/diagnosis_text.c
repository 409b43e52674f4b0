/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnosis_text.c - the diagnosis on a terminal: findings first, then requests, functions and call sites in short. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "report/calls.h"
#include "report/diagnosis.h"
#include "report/hot.h"
#include "report/paragraph.h"
#include "report/requests.h"
#include "report/sites.h"

#define FUNCTIONS_SHOWN 8

static void put_head(const struct connprof_recording *recording, const struct diagnosis *diagnosis, FILE *stream)
{
	const char *note = strings_get(recording->strings, recording->verdict_note);
	char seen[DIAGNOSIS_TEXT], missing[DIAGNOSIS_TEXT];

	if (diagnosis->total)
		fprintf(stream, "%zu finding%s", diagnosis->total, diagnosis->total == 1 ? "" : "s");
	else
		fputs(recording->verdict == VERDICT_INCONCLUSIVE ? "inconclusive" : *diagnosis_missing(recording, missing)
		      ? "no findings in what was recorded" : "no findings", stream);
	if (recording->verdict == VERDICT_INCONCLUSIVE && *note)
		fprintf(stream, " (connections: %s)", note);
	fprintf(stream, ": %s\n", diagnosis_seen(recording, seen));
	if (*diagnosis_missing(recording, missing))
		fprintf(stream, "not recorded: %s (%s)\n", missing, DIAGNOSIS_ADVICE);
}

static void put_finding(const struct connprof_recording *recording, const struct diagnosis_finding *finding, size_t number,
			FILE *stream)
{
	char text[DIAGNOSIS_TEXT];

	fprintf(stream, "\n%zu. %s: %s\n", number, finding->kind, finding->subject);
	if (*finding->what)
		paragraph_put(stream, "what", finding->what);
	if (*diagnosis_where(recording, finding, text))
		paragraph_put(stream, "where", text);
	if (*diagnosis_cost(finding, text))
		paragraph_put(stream, "cost", text);
	if (*finding->cause)
		paragraph_put(stream, "cause", finding->cause);
	if (*finding->remedy)
		paragraph_put(stream, "remedy", finding->remedy);
}

static void put_requests(const struct connprof_recording *recording, FILE *stream)
{
	const struct requests_summary *requests = &recording->requests;

	if (isnan(requests->latency_ms.p50))
		return;
	fprintf(stream, "\nrequests: p50 %.1f ms, p99 %.1f ms, max %.1f ms", requests->latency_ms.p50, requests->latency_ms.p99,
		requests->latency_ms.max);
	if (requests->over_500ms != UNKNOWN_COUNT)
		fprintf(stream, "; %llu took over 0.5 s, %llu over 1 s", (unsigned long long)requests->over_500ms,
			(unsigned long long)requests->over_1s);
	fputc('\n', stream);
}

static int put_functions(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error)
{
	struct connprof_report_options by_function = {.functions = true};
	struct lines *lines = lines_new(recording, &by_function);
	struct hot_row *rows = NULL;
	int count = lines ? hot_functions(recording, lines, FUNCTIONS_SHOWN, &rows) : -1;

	if (count > 0)
		fputs("\non the CPU\n      self  with callees\n", stream);
	for (int i = 0; i < count; i++)
		fprintf(stream, "   %5.1f %%       %5.1f %%  %s\n", 100.0 * (double)rows[i].self / (double)recording->samples,
			100.0 * (double)rows[i].total / (double)recording->samples, lines_name(lines, rows[i].name));
	free(rows);
	lines_free(lines);
	return count < 0 ? error_memory(error) : 0;
}

int diagnosis_text_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
			 struct connprof_error *error)
{
	struct diagnosis *diagnosis;
	int code;

	(void)options;
	if (diagnosis_make(recording, &diagnosis))
		return error_memory(error);
	put_head(recording, diagnosis, stream);
	for (size_t i = 0; i < diagnosis->count; i++)
		put_finding(recording, &diagnosis->findings[i], i + 1, stream);
	if (diagnosis->total > diagnosis->count)
		fprintf(stream, "\nand %zu more findings\n", diagnosis->total - diagnosis->count);
	free(diagnosis);
	put_requests(recording, stream);
	spent_table_text(recording, stream);
	trips_table_text(recording, stream);
	logs_table_text(recording, stream);
	if (recording->collect & CONNPROF_OFFCPU)
		fputc('\n', stream);
	offcpu_text(recording, stream);
	code = put_functions(recording, stream, error);
	if (recording->site_count)
		fputs("\nconnections, by the code that opens them\n", stream);
	sites_table(recording, NULL, stream);
	losses_text(recording, stream);
	return code;
}

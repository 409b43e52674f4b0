/* SPDX-License-Identifier: BSD-2-Clause */
/* diff_text.c - before and after, for a person. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/diff.h"
#include "report/requests.h"

#define CELL 32

static const char *cell(double value, char out[CELL])
{
	if (isnan(value))
		snprintf(out, CELL, "-");
	else
		snprintf(out, CELL, fabs(value) < 10 ? "%.2f" : fabs(value) < 100 ? "%.1f" : "%.0f", value);
	return out;
}

static void put_pair(FILE *stream, const char *name, double before, double after)
{
	char a[CELL], b[CELL];

	if (!isnan(before) || !isnan(after))
		fprintf(stream, "%-32.32s %10s %10s\n", name, cell(before, a), cell(after, b));
}

static double per_second(const struct connprof_recording *recording, double count)
{
	return recording->seconds > 0 ? count / recording->seconds : NAN;
}

static double per_request(const struct connprof_recording *recording, double count)
{
	uint64_t observed = recording->requests.observed;

	return observed && observed != UNKNOWN_COUNT ? count / (double)observed : NAN;
}

static void put_head(const struct diff *diff, FILE *stream)
{
	const struct connprof_recording *a = diff->recording[BEFORE], *b = diff->recording[AFTER];
	char before[128], after[128];

	fprintf(stream, "before: %s, %.1f s\nafter:  %s, %.1f s\n\n%-32s %10s %10s\n",
		targets_text(a, before, sizeof(before)), a->seconds, targets_text(b, after, sizeof(after)), b->seconds, "", "before", "after");
	put_pair(stream, "requests a second", per_second(a, (double)a->requests.observed), per_second(b, (double)b->requests.observed));
	put_pair(stream, "latency p50, ms", a->requests.latency_ms.p50, b->requests.latency_ms.p50);
	put_pair(stream, "latency p99, ms", a->requests.latency_ms.p99, b->requests.latency_ms.p99);
	put_pair(stream, "latency max, ms", a->requests.latency_ms.max, b->requests.latency_ms.max);
	if (a->collect & b->collect & CONNPROF_CONNECTIONS) {
		put_pair(stream, "connections a request", per_request(a, (double)a->connections), per_request(b, (double)b->connections));
		put_pair(stream, "connections open at most", (double)a->series.peak, (double)b->series.peak);
	}
	put_pair(stream, "CPU a second, %", per_second(a, 100 * a->cost.target_cpu_seconds), per_second(b, 100 * b->cost.target_cpu_seconds));
	put_pair(stream, "CPU a request, ms", per_request(a, 1000 * a->cost.target_cpu_seconds),
		 per_request(b, 1000 * b->cost.target_cpu_seconds));
}

/* The row of the same kind in the other recording's table; NULL: none. */
static const struct spent_row *like(const struct connprof_recording *from, const struct spent_row *row,
				    const struct connprof_recording *in)
{
	for (size_t i = 0; i < in->spent.count; i++)
		if (in->spent.rows[i].spent == row->spent &&
		    !strcmp(strings_get(in->strings, in->spent.rows[i].command), strings_get(from->strings, row->command)))
			return &in->spent.rows[i];
	return NULL;
}

static void put_spent(const struct diff *diff, FILE *stream)
{
	const struct connprof_recording *a = diff->recording[BEFORE], *b = diff->recording[AFTER];
	char name[64];

	if (!a->spent.count || !b->spent.count)
		return;
	fprintf(stream, "\n%-32s %10s %10s %10s %10s\n", "ms a request", "p50 before", "after", "p99 before", "after");
	for (size_t i = 0; i < a->spent.count; i++) {
		const struct spent_row *row = &a->spent.rows[i], *other = like(a, row, b);
		double p50 = other ? other->ms[BAND_P50] : 0, p99 = other ? other->ms[BAND_P99] : 0;

		if (row->ms[BAND_P50] < 0.005 && row->ms[BAND_P99] < 0.005 && p50 < 0.005 && p99 < 0.005)
			continue;
		snprintf(name, sizeof(name), row->command ? "  %.24s" : "%.24s",
			 row->command ? strings_get(a->strings, row->command) : spent_name(row->spent));
		fprintf(stream, "%-32s %10.2f %10.2f %10.2f %10.2f\n", name, row->ms[BAND_P50], p50, row->ms[BAND_P99], p99);
	}
}

static void put_sites(const struct diff *diff, FILE *stream)
{
	bool headed = false;

	for (size_t i = 0; i < diff->site_count; i++) {
		const struct diff_site *site = &diff->sites[i];
		char connects[DIFF_SIDES][CELL], ratio[DIFF_SIDES][CELL];

		for (int s = 0; s < DIFF_SIDES; s++) {
			const struct site_row *row = site->row[s];

			cell(row ? (double)row->connects : 0, connects[s]);
			cell(row ? row->connects_per_request : 0, ratio[s]);
		}
		if (!headed)
			fprintf(stream, "\n%10s %8s %10s %8s  %-22s %s\n", "connects", "after", "a request", "after", "peer", "call site");
		headed = true;
		fprintf(stream, "%10s %8s %10s %8s  %-22s %s%s\n", connects[BEFORE], connects[AFTER], ratio[BEFORE], ratio[AFTER], site->peer,
			site->place, !site->row[AFTER] ? " (gone)" : !site->row[BEFORE] ? " (new)" : "");
	}
	if (diff->site_total > diff->site_count)
		fprintf(stream, "and %zu more call sites\n", diff->site_total - diff->site_count);
}

static void put_functions(const struct diff *diff, FILE *stream)
{
	if (!diff->function_count) {
		fputs("\nno function's share of the samples changed\n", stream);
		return;
	}
	fprintf(stream, "\n%12s %8s %12s %8s\n%12s %8s %12s %8s  function\n", "% with it", "", "% in itself", "", "before", "after", "before",
		"after");
	for (size_t i = 0; i < diff->function_count; i++) {
		const struct diff_function *f = &diff->functions[i];

		fprintf(stream, "%12.2f %8.2f %12.2f %8.2f  %s\n", f->total[BEFORE], f->total[AFTER], f->self[BEFORE], f->self[AFTER], f->name);
	}
	if (diff->function_total > diff->function_count)
		fprintf(stream, "and %zu more functions\n", diff->function_total - diff->function_count);
}

int diff_text_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		    struct connprof_error *error)
{
	struct diff *diff;

	if (diff_make(options->base, recording, options, &diff))
		return error_memory(error);
	put_head(diff, stream);
	put_spent(diff, stream);
	put_sites(diff, stream);
	put_functions(diff, stream);
	free(diff);
	return 0;
}

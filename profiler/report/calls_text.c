/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls_text.c - round trips and log sites for a person.
 *
 *   23.0 GET in turn, 6.10 ms of waiting a request that does so (4812 did): rank (app/rank.py:57)
 *   41.0 lines and 0.52 ms (0.30 ms blocked) a request, 22.0 % of the CPU: recommend (app/recommend.py:88), to stderr (pipe)
 */
#include "report/calls.h"

#include <math.h>

#include "model/roundtrips.h"

#define ROWS_SHOWN 20

const char *call_place(const struct connprof_recording *recording, uint32_t call_site, char out[CALL_PLACE_TEXT])
{
	const struct frame *frame = stacks_frame(recording->stacks, call_site);
	const char *file;

	if (!frame) {
		snprintf(out, CALL_PLACE_TEXT, "(no application frame)");
		return out;
	}
	file = strings_get(recording->strings, frame->file);
	if (!*file)
		file = strings_get(recording->strings, frame->module);
	snprintf(out, CALL_PLACE_TEXT, frame->line ? "%.240s (%.200s:%u)" : "%.240s (%.200s)", strings_get(recording->strings, frame->function),
		 short_path(file), frame->line);
	return out;
}

void trips_table_text(const struct connprof_recording *recording, FILE *stream)
{
	char place[CALL_PLACE_TEXT];
	size_t shown = 0;

	if (!(recording->collect & CONNPROF_ROUND_TRIPS))
		return;
	for (size_t i = 0; i < recording->trip_count && shown < ROWS_SHOWN; i++) {
		const struct trip_row *row = &recording->trips[i];

		if (!roundtrips_tell(row))
			continue;
		if (!shown++)
			fputs("\none by one, where a pipeline or a command for several keys would do if none needs another's answer:\n", stream);
		fprintf(stream, "  %.1f %s in turn, %.2f ms of waiting a request that does so (%llu seen): %s\n",
			row->trips / (double)row->requests, strings_get(recording->strings, row->command), row->ms / (double)row->requests,
			(unsigned long long)row->requests, call_place(recording, row->call_site, place));
	}
	if (!shown && recording->trips_untied)
		fprintf(stream, "\nno call site is known to send Redis commands one by one; %llu round trips are those of sub-tasks whose "
			"request is not known\n", (unsigned long long)recording->trips_untied);
	else if (!shown)
		fputs("\nno call site sends Redis commands one by one\n", stream);
}

static void put_log(const struct connprof_recording *recording, const struct log_row *row, FILE *stream)
{
	uint64_t requests = recording->requests.observed == UNKNOWN_COUNT ? 0 : recording->requests.observed;
	char place[CALL_PLACE_TEXT];

	if (requests && row->inside_lines * 2 >= row->lines) /* it logs for requests */
		fprintf(stream, "  %.1f lines and %.2f ms (%.2f ms blocked) a request", row->inside_lines / (double)requests,
			row->inside_ms / (double)requests, row->inside_blocked_ms / (double)requests);
	else
		fprintf(stream, "  %.0f lines, %.1f ms (%.1f ms blocked)", row->lines, row->ms, row->blocked_ms);
	if (!isnan(row->cpu_percent))
		fprintf(stream, ", %.1f %% of the CPU", row->cpu_percent);
	fprintf(stream, ": %s, to %s\n", call_place(recording, row->call_site, place), strings_get(recording->strings, row->place));
}

void logs_table_text(const struct connprof_recording *recording, FILE *stream)
{
	if (!(recording->collect & CONNPROF_LOGS))
		return;
	if (!recording->log_count) {
		fputs("\nno line was written to a log\n", stream);
		return;
	}
	fputs("\nlogs, the most time in writing first:\n", stream);
	for (size_t i = 0; i < recording->log_count && i < ROWS_SHOWN; i++)
		put_log(recording, &recording->logs[i], stream);
	if (recording->log_count > ROWS_SHOWN)
		fprintf(stream, "  and %zu more\n", recording->log_count - ROWS_SHOWN);
}

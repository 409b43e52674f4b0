/* SPDX-License-Identifier: BSD-2-Clause */
/* calls_html.c - round trips and log sites as tables of a page. */
#include <math.h>

#include "report/calls.h"
#include "report/html.h"
#include "report/page.h"

#define ROWS_SHOWN 60

static void put_place(const struct connprof_recording *recording, uint32_t call_site, FILE *stream)
{
	char place[CALL_PLACE_TEXT];

	page_cell(stream, call_place(recording, call_site, place));
}

void html_logs(const struct connprof_recording *recording, FILE *stream)
{
	static const char *const columns[] = {"#lines a request", "#ms a request", "#blocked, ms", "#CPU", "#lines", "statement", "to"};
	double requests = recording->requests.observed == UNKNOWN_COUNT ? 0 : (double)recording->requests.observed;

	if (!(recording->collect & CONNPROF_LOGS)) {
		page_paragraph(stream, "note", "Log writes were not looked at.");
		return;
	}
	if (!recording->log_count) {
		page_paragraph(stream, "note", "No line was written to a log.");
		return;
	}
	page_table_begin(stream, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < recording->log_count && i < ROWS_SHOWN; i++) {
		const struct log_row *row = &recording->logs[i];

		page_row_begin(stream);
		page_cell_number(stream, requests > 0 ? row->inside_lines / requests : NAN, 2, "");
		page_cell_number(stream, requests > 0 ? row->inside_ms / requests : NAN, 3, "");
		page_cell_number(stream, requests > 0 ? row->inside_blocked_ms / requests : NAN, 3, "");
		page_cell_number(stream, row->cpu_percent, 1, " %");
		page_cell_number(stream, row->lines, 0, "");
		put_place(recording, row->call_site, stream);
		page_cell(stream, strings_get(recording->strings, row->place));
		page_row_end(stream);
	}
	page_table_end(stream);
}

void html_trips(const struct connprof_recording *recording, FILE *stream)
{
	static const char *const columns[] = {"command", "#one by one, a request", "#ms a request", "#requests seen to", "statement"};

	if (!(recording->collect & CONNPROF_ROUND_TRIPS) || !recording->trip_count)
		return;
	page_table_begin(stream, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < recording->trip_count && i < ROWS_SHOWN; i++) {
		const struct trip_row *row = &recording->trips[i];
		double requests = row->requests ? (double)row->requests : NAN;

		page_row_begin(stream);
		page_cell(stream, strings_get(recording->strings, row->command));
		page_cell_number(stream, row->trips / requests, 1, "");
		page_cell_number(stream, row->ms / requests, 2, "");
		page_cell_number(stream, requests, 0, "");
		put_place(recording, row->call_site, stream);
		page_row_end(stream);
	}
	page_table_end(stream);
}

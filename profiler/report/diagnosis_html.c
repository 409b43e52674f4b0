/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diagnosis_html.c - the diagnosis as one page: findings first, in words, dearest first; below them the evidence.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/diagnosis.h"
#include "report/finding.h"
#include "report/histogram.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/sites.h"

#define CHAIN_FRAMES 24
#define SLOWEST_PERCENT 1

struct page {
	const struct connprof_recording *recording;
	const struct connprof_report_options *options;
	FILE *stream;
	struct connprof_error *error;
};

/* ---- findings ---- */

static void put_term(const struct page *page, const char *term, const char *text)
{
	if (!*text)
		return;
	fprintf(page->stream, "<dt>%s</dt><dd>", term);
	markup_put(text, page->stream);
	fputs("</dd>\n", page->stream);
}

/* The interpreter's frames of the stack, outermost first, folded away; native ones where there are no others. */
static void put_chain(const struct page *page, const struct diagnosis_finding *finding)
{
	const struct connprof_recording *recording = page->recording;
	size_t count = 0, shown = 0;
	const uint32_t *frames = stacks_get(recording->stacks, finding->stack, &count, NULL);
	uint8_t kind = FRAME_NATIVE;

	for (size_t i = 0; i < count; i++)
		if (stacks_frame(recording->stacks, frames[i])->kind == FRAME_PYTHON)
			kind = FRAME_PYTHON;
	if (!count)
		return;
	fputs("<details><summary>the calls that lead there</summary><ol class=\"chain\">\n", page->stream);
	for (size_t i = count; i-- > 0 && shown < CHAIN_FRAMES;) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);
		bool here = frames[i] == finding->frame;

		if (frame->kind != kind || (frame->flags & FRAME_INTERPRETER))
			continue;
		shown++;
		fputs(here ? "<li><b>" : "<li>", page->stream);
		markup_put(strings_get(recording->strings, frame->function), page->stream);
		fputs(" (", page->stream);
		markup_put(short_path(strings_get(recording->strings, frame->file ? frame->file : frame->module)), page->stream);
		if (frame->line)
			fprintf(page->stream, ":%u", frame->line);
		fputs(here ? ")</b></li>\n" : ")</li>\n", page->stream);
	}
	fputs("</ol></details>\n", page->stream);
}

static void put_finding(const struct page *page, const struct diagnosis_finding *finding, size_t number)
{
	char text[DIAGNOSIS_TEXT];

	fprintf(page->stream, "<div class=\"bad\"><b>%zu. ", number);
	markup_put(finding->kind, page->stream);
	fputs("</b>: ", page->stream);
	markup_put(finding->subject, page->stream);
	fputs("<dl>\n", page->stream);
	put_term(page, "what", finding->what);
	put_term(page, "where", diagnosis_where(page->recording, finding, text));
	put_term(page, "cost", diagnosis_cost(finding, text));
	put_term(page, "cause", finding->cause);
	put_term(page, "remedy", finding->remedy);
	fputs("</dl>", page->stream);
	put_chain(page, finding);
	fputs("</div>\n", page->stream);
}

static void put_missing(const struct page *page)
{
	char names[DIAGNOSIS_TEXT], text[DIAGNOSIS_TEXT + 96];

	if (!*diagnosis_missing(page->recording, names))
		return;
	snprintf(text, sizeof(text), "Not recorded: %s. %s.", names, DIAGNOSIS_ADVICE);
	page_paragraph(page->stream, "weak", text);
}

static int put_findings(const struct page *page)
{
	const char *note = strings_get(page->recording->strings, page->recording->verdict_note);
	struct diagnosis *diagnosis;
	char text[DIAGNOSIS_TEXT];

	if (diagnosis_make(page->recording, &diagnosis))
		return error_memory(page->error);
	page_paragraph(page->stream, "note", diagnosis_seen(page->recording, text));
	for (size_t i = 0; i < diagnosis->count; i++)
		put_finding(page, &diagnosis->findings[i], i + 1);
	if (diagnosis->total > diagnosis->count) {
		snprintf(text, sizeof(text), "and %zu more findings", diagnosis->total - diagnosis->count);
		page_paragraph(page->stream, "note", text);
	}
	if (page->recording->verdict == VERDICT_INCONCLUSIVE) {
		snprintf(text, sizeof(text), "inconclusive about connections: %s", *note ? note : "not enough was seen");
		page_paragraph(page->stream, "weak", text);
	} else if (!diagnosis->total) {
		page_paragraph(page->stream, "good", *diagnosis_missing(page->recording, text) ? "no findings in what was recorded" : "no findings");
	}
	put_missing(page);
	free(diagnosis);
	return 0;
}

/* ---- requests ---- */

static void put_histogram(const struct page *page)
{
	static const char *const columns[] = {"#from", "#to", "#requests", ""};
	struct histogram_bar bars[HISTOGRAM_BARS];
	size_t count = histogram_make(page->recording, bars);
	uint64_t most = 1;

	for (size_t b = 0; b < count; b++)
		most = bars[b].requests > most ? bars[b].requests : most;
	if (!count)
		return;
	page_table_begin(page->stream, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t b = 0; b < count; b++) {
		page_row_begin(page->stream);
		page_cell_number(page->stream, bars[b].low_ms, 2, " ms");
		page_cell_number(page->stream, bars[b].high_ms, 2, " ms");
		page_cell_number(page->stream, (double)bars[b].requests, 0, "");
		fprintf(page->stream, "<td><div style=\"background:#54aeff;height:1em;min-width:%dpx;width:%.1fem\"></div></td>",
			bars[b].requests > 0, 30.0 * (double)bars[b].requests / (double)most);
		page_row_end(page->stream);
	}
	page_table_end(page->stream);
}

static int put_requests(const struct page *page)
{
	const struct requests_summary *requests = &page->recording->requests;
	char text[DIAGNOSIS_TEXT];

	if (isnan(requests->latency_ms.p50)) {
		page_paragraph(page->stream, "note", "No requests were seen.");
		return 0;
	}
	snprintf(text, sizeof(text), "p50 %.1f ms, p99 %.1f ms, max %.1f ms; %llu over 0.5 s, %llu over 1 s.", requests->latency_ms.p50,
		 requests->latency_ms.p99, requests->latency_ms.max, (unsigned long long)requests->over_500ms,
		 (unsigned long long)requests->over_1s);
	page_paragraph(page->stream, "what", text);
	html_spent(page->recording, page->stream);
	fputs("<details><summary>how long they took</summary>\n", page->stream);
	put_histogram(page);
	fputs("</details>\n", page->stream);
	return 0;
}

/* ---- flame graphs ---- */

/* Where the tail's time goes, waits included where they were looked at. */
static int put_tail(const struct page *page)
{
	struct connprof_report_options options = *page->options;
	bool waits = page->recording->collect & CONNPROF_OFFCPU;

	if (!page->recording->latency_count) {
		page_paragraph(page->stream, "note", "No requests were seen.");
		return 0;
	}
	options.slowest_percent = SLOWEST_PERCENT;
	options.mode = CONNPROF_MODE_ALL;
	options.wait = NULL;
	page_paragraph(page->stream, "note", waits ? "What the threads did and what they waited for, inside these requests only."
						   : "The CPU time inside these requests only.");
	return page_picture(page->stream, page->recording, &options, "flame graph of the slowest requests", page->error);
}

static int put_waits(const struct page *page)
{
	struct connprof_report_options options = *page->options;

	options.mode = CONNPROF_MODE_OFFCPU;
	return page_picture(page->stream, page->recording, &options, "flame graph of the time off the CPU", page->error);
}

static int put_cpu(const struct page *page)
{
	struct connprof_report_options options = *page->options;

	options.mode = CONNPROF_MODE_CPU;
	options.wait = NULL; /* a kind of waits, which are below */
	return page_picture(page->stream, page->recording, &options, "flame graph of the CPU time", page->error);
}

static int put_functions(const struct page *page)
{
	return html_functions(page->recording, page->stream, page->error);
}

/* ---- logs, round trips, connections ---- */

static int put_logs(const struct page *page)
{
	html_logs(page->recording, page->stream);
	return 0;
}

static int put_trips(const struct page *page)
{
	if (!page->recording->trip_count)
		page_paragraph(page->stream, "note", "No call site was seen to ask Redis inside requests.");
	html_trips(page->recording, page->stream);
	return 0;
}

static int put_connections(const struct page *page)
{
	static const char *const columns[] = {"rule", "opened by", "protocol", "peer", "#connections", "#per request", "#open at end",
					      "#requests each", "#set-up p50", "of that, in ms", "#lifetime p50"};
	const struct connprof_recording *recording = page->recording;
	char place[PLACE_TEXT], peer[ENDPOINT_TEXT], protocol[32], parts[SETUP_TEXT];

	if (!recording->site_count) {
		page_paragraph(page->stream, "note", "No connection was opened.");
		return 0;
	}
	page_table_begin(page->stream, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *site = &recording->sites[i];

		page_row_begin(page->stream);
		page_cell(page->stream, site->rule ? rule_name(site->rule) : "");
		page_cell(page->stream, site_place(recording, site, place));
		page_cell(page->stream, site_protocol(site, protocol));
		page_cell(page->stream, endpoint_text(&site->peer, recording->strings, peer));
		page_cell_number(page->stream, (double)site->connects, 0, "");
		page_cell_number(page->stream, site->connects_per_request, 2, "");
		page_cell_number(page->stream, (double)site->open_at_end, 0, "");
		page_cell_number(page->stream, site->requests_per_connection, 1, "");
		page_cell_number(page->stream, site->setup_ms.p50, 2, " ms");
		page_cell(page->stream, site_setup(site, parts));
		page_cell_number(page->stream, site->lifetime_ms.p50, 1, " ms");
		page_row_end(page->stream);
	}
	page_table_end(page->stream);
	return 0;
}

static int put_series(const struct page *page)
{
	html_series(page->recording, page->stream);
	return 0;
}

/* ---- the page ---- */

static int put_seen(const struct page *page)
{
	return html_summary(page->recording, page->stream, page->error);
}

/* Below the findings, in this order. */
static const struct section {
	const char *id, *heading;
	int (*put)(const struct page *page);
	unsigned collect; /* what it needs to have been recorded */
} sections[] = {
	{"requests", "Requests", put_requests, CONNPROF_CONNECTIONS},
	{"slowest", "The slowest 1 % of the requests", put_tail, CONNPROF_REQUESTS},
	{"cpu", "Where the CPU time goes", put_cpu, CONNPROF_SAMPLES},
	{"waits", "Where the threads wait", put_waits, CONNPROF_OFFCPU},
	{"functions", "Functions", put_functions, CONNPROF_SAMPLES},
	{"connections", "Connections, by the code that opens them", put_connections, CONNPROF_CONNECTIONS},
	{"over-time", "Connections over time", put_series, CONNPROF_CONNECTIONS},
	{"logs", "Logs, by the statements that write them", put_logs, CONNPROF_LOGS},
	{"trips", "Round trips to Redis", put_trips, CONNPROF_ROUND_TRIPS},
	{"seen", "What this stands on", put_seen, 0},
};

static int put_section(const struct page *page, const struct section *section)
{
	page_section(page->stream, section->id, section->heading);
	if ((page->recording->collect & section->collect) == section->collect)
		return section->put(page);
	page_paragraph(page->stream, "note", "Not recorded.");
	return 0;
}

int diagnosis_html_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
			 struct connprof_error *error)
{
	struct page page = {recording, options, stream, error};
	char targets[128], title[160];
	int code;

	snprintf(title, sizeof(title), "%s", options->title ? options->title : targets_text(recording, targets, sizeof(targets)));
	page_begin(stream, title);
	fputs("<nav>", stream);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		fprintf(stream, "<a href=\"#%s\">%s</a>", sections[i].id, sections[i].heading);
	fputs("</nav>\n", stream);
	code = put_findings(&page);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && !code; i++)
		code = put_section(&page, &sections[i]);
	page_end(stream);
	return code;
}

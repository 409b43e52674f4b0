/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - the verdict for a person: the verdict in one line, each finding in words, the other call sites as a table, then
 * what it stands on.
 */
#include <math.h>
#include <string.h>

#include "model/words.h"
#include "protocol/protocol.h"
#include "report/finding.h"
#include "report/paragraph.h"

struct paint {
	const char *bad, *good, *weak, *bold, *off;
};

static struct paint paint_for(const struct connprof_report_options *options)
{
	static const struct paint none = {"", "", "", "", ""};
	static const struct paint ansi = {"\033[1;31m", "\033[1;32m", "\033[1;33m", "\033[1m", "\033[0m"};

	return options->color ? ansi : none;
}

static bool is_finding(const struct site_row *site)
{
	return finding_kind(site) == FINDING_COUNTS;
}

static bool is_other(const struct site_row *site)
{
	return finding_kind(site) == 0;
}

/* ---- the first lines ---- */

static void put_window(const struct connprof_recording *recording, FILE *stream)
{
	const struct requests_summary *requests = &recording->requests;
	char targets[128];

	fprintf(stream, "%s, %.1f s", targets_text(recording, targets, sizeof(targets)), recording->seconds);
	if (requests->observed != UNKNOWN_COUNT)
		fprintf(stream, ", %llu %s%s", (unsigned long long)requests->observed,
			requests->protocol == PROTOCOL_HTTP ? "HTTP " : "",
			requests->protocol == PROTOCOL_JOB ? "jobs" : "requests");
	if (!isnan(requests->latency_ms.p50))
		fprintf(stream, " (p50 %.1f ms, p99 %.1f ms, max %.1f ms)", requests->latency_ms.p50,
			requests->latency_ms.p99, requests->latency_ms.max);
	fprintf(stream, ", %llu connections\n", (unsigned long long)recording->connections);
	if (requests->over_500ms && requests->over_500ms != UNKNOWN_COUNT)
		fprintf(stream, "%llu requests took over 0.5 s, %llu over 1 s\n", (unsigned long long)requests->over_500ms,
			(unsigned long long)requests->over_1s);
}

static void put_verdict(const struct connprof_recording *recording, const struct paint *paint, FILE *stream)
{
	const char *note = strings_get(recording->strings, recording->verdict_note);
	size_t findings = 0;

	for (size_t i = 0; i < recording->site_count; i++)
		findings += is_finding(&recording->sites[i]);
	switch (recording->verdict) {
	case VERDICT_FINDINGS:
		fprintf(stream, "%sfindings%s: %zu call site%s break%s a rule%s%s\n", paint->bad, paint->off, findings,
			findings == 1 ? "" : "s", findings == 1 ? "s" : "", *note ? "; " : "", note);
		break;
	case VERDICT_CLEAN:
		fprintf(stream, "%sclean%s: no call site breaks a rule%s%s%s\n", paint->good, paint->off,
			finding_count(recording, FINDING_ACCEPTED) ? " that is not accepted" : "", *note ? "; " : "", note);
		break;
	case VERDICT_INCONCLUSIVE:
		fprintf(stream, "%sinconclusive%s: %s\n", paint->weak, paint->off, *note ? note : "not enough was seen");
		break;
	default:
		fputs("not judged\n", stream);
	}
}

/* ---- one finding ---- */

static void put_what(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	const char *words = strings_get(recording->strings, site->explanation);

	if (*words)
		paragraph_put(stream, "what", words);
}

/* With the whole path: this is the file to open. */
static void put_where(const struct connprof_recording *recording, const struct site_row *site, const struct paint *paint,
		      FILE *stream)
{
	const struct frame *frame = stacks_frame(recording->stacks, site->call_site);
	const char *file;

	paragraph_label(stream, "where");
	if (!frame) {
		fputs("no frame of the stack is known to be the application's own (name its files with --app)\n", stream);
		return;
	}
	file = strings_get(recording->strings, frame->file ? frame->file : frame->module);
	fprintf(stream, "%s%s (%s", paint->bold, strings_get(recording->strings, frame->function), *file ? file : "?");
	if (frame->line)
		fprintf(stream, ":%u", frame->line);
	fprintf(stream, ")%s\n", paint->off);
}

static void put_reuse(const struct site_row *site, FILE *stream)
{
	bool reuse = !isnan(site->requests_per_connection), life = !isnan(site->lifetime_ms.p50);
	bool commands = !isnan(site->commands_per_connection);

	if (!reuse && !life && !commands)
		return;
	paragraph_label(stream, "each");
	if (reuse)
		fprintf(stream, "served %.2f requests", site->requests_per_connection);
	if (commands)
		fprintf(stream, "%s%.1f commands", reuse ? ", " : "carried ", site->commands_per_connection);
	if (life)
		fprintf(stream, "%slived %.1f ms (p99 %.1f ms)", reuse || commands ? ", " : "", site->lifetime_ms.p50,
			site->lifetime_ms.p99);
	fputc('\n', stream);
}

/* "0.41 ms to set one up (connect 0.07, TLS 1.20, handshake 0.31 in 2 round trips; p99 1.62 ms)" */
static void put_setup(const struct site_row *site, FILE *stream)
{
	char parts[SETUP_TEXT];

	site_setup(site, parts);
	fprintf(stream, "%.2f ms to set one up (%s%sp99 %.2f ms)", site->setup_ms.p50, parts, *parts ? "; " : "",
		site->setup_ms.p99);
}

static void put_cost(const struct site_row *site, bool job, FILE *stream)
{
	bool request = !isnan(site->setup_ms_per_request), setup = !isnan(site->setup_ms.p50), cpu = !isnan(site->cpu_percent);
	char text[320] = "";
	FILE *words = request || setup || cpu ? fmemopen(text, sizeof(text), "w") : NULL;

	if (!words)
		return;
	if (setup)
		put_setup(site, words);
	if (request)
		fprintf(words, "%s%.2f ms of each %s", setup ? ", " : "", site->setup_ms_per_request, job ? "job" : "request");
	if (cpu)
		fprintf(words, "%s%.1f %% of the CPU samples", setup || request ? ", " : "", site->cpu_percent);
	fclose(words);
	paragraph_put(stream, "cost", text);
}

static void put_cause(const struct site_row *site, FILE *stream)
{
	char text[200];

	if (!cause_name(site->cause))
		return;
	snprintf(text, sizeof(text), "%s: %s", cause_name(site->cause), words_cause(site->cause));
	paragraph_put(stream, "cause", text);
}

static const char *stands_on(uint8_t attribution)
{
	switch (attribution) {
	case ATTRIBUTION_TASK:
		return "requests were told apart by task";
	case ATTRIBUTION_THREAD:
		return "requests were told apart by the thread that served them";
	case ATTRIBUTION_PROCESS:
		return "requests were told apart by process, each serving one at a time";
	case ATTRIBUTION_RATE:
		return "requests could not be told apart: rates and reuse only";
	}
	return NULL;
}

static void put_finding(const struct connprof_recording *recording, const struct site_row *site, size_t number,
			const struct paint *paint, FILE *stream)
{
	const char *library = strings_get(recording->strings, site->library);
	const char *remedy = strings_get(recording->strings, site->remedy);
	char protocol[32], peer[ENDPOINT_TEXT];

	fprintf(stream, "\n%zu. %s%s%s: %s%s%s%s%s\n", number, paint->bold, rule_name(site->rule), paint->off,
		site_protocol(site, protocol), site->peer.family ? " " : "",
		site->peer.family ? endpoint_text(&site->peer, recording->strings, peer) : "", *library ? ", " : "", library);
	put_what(recording, site, stream);
	put_where(recording, site, paint, stream);
	put_cost(site, recording->requests.protocol == PROTOCOL_JOB, stream);
	put_cause(site, stream);
	if (*remedy)
		paragraph_put(stream, "remedy", remedy);
	put_reuse(site, stream);
	site_chain(recording, site, stream);
	if (stands_on(site->attribution)) {
		paragraph_label(stream, "stands on");
		fprintf(stream, "%s\n", stands_on(site->attribution));
	}
}

/* ---- the rest ---- */

/* What somebody has decided to live with: a line each, and what the baseline came to. */
static void put_accepted(const struct connprof_recording *recording, FILE *stream)
{
	const struct acceptance_row *row = &recording->acceptance;
	bool head = false;

	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *site = &recording->sites[i];
		char place[PLACE_TEXT];

		if (finding_kind(site) != FINDING_ACCEPTED)
			continue;
		if (!head)
			fputs("\naccepted findings\n", stream);
		head = true;
		fprintf(stream, "   %s (%s): %s\n", rule_name(site->rule), finding_accepted(site),
			site_place(recording, site, place));
	}
	if (row->resolved)
		fprintf(stream, "%llu finding%s of the baseline not seen this time\n", (unsigned long long)row->resolved,
			row->resolved == 1 ? "" : "s");
}

static void put_server(const struct connprof_recording *recording, FILE *stream)
{
	const struct server_row *row = &recording->server;
	const char *note = strings_get(recording->strings, row->note);

	if (!row->asked)
		return;
	fprintf(stream, "\nRedis at %s", strings_get(recording->strings, row->address));
	if (row->connections_received != UNKNOWN_COUNT)
		fprintf(stream, " counted %llu new connections", (unsigned long long)row->connections_received);
	if (row->connections_seen != UNKNOWN_COUNT)
		fprintf(stream, ", connprof saw %llu", (unsigned long long)row->connections_seen);
	if (row->clients_listed != UNKNOWN_COUNT && row->clients_matched != UNKNOWN_COUNT)
		fprintf(stream, "; of its %llu clients %llu are known here", (unsigned long long)row->clients_listed,
			(unsigned long long)row->clients_matched);
	fputc('\n', stream);
	if (*note)
		fprintf(stream, "%s\n", note);
}

static void put_others(const struct connprof_recording *recording, FILE *stream)
{
	bool findings = false, others = false;

	for (size_t i = 0; i < recording->site_count; i++) {
		findings |= is_finding(&recording->sites[i]);
		others |= is_other(&recording->sites[i]);
	}
	if (others)
		fprintf(stream, "\n%s\n", findings ? "other call sites" : "call sites");
	sites_table(recording, is_other, stream);
}

int check_text_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		     FILE *stream, struct connprof_error *error)
{
	struct paint paint = paint_for(options);
	size_t number = 0;

	(void)error;
	put_verdict(recording, &paint, stream);
	put_window(recording, stream);
	for (size_t i = 0; i < recording->site_count; i++)
		if (is_finding(&recording->sites[i]))
			put_finding(recording, &recording->sites[i], ++number, &paint, stream);
	put_accepted(recording, stream);
	put_others(recording, stream);
	put_server(recording, stream);
	losses_text(recording, stream);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * markdown.c - for a comment on a merge request or a step's summary: the verdict, a table, and each finding folded away.
 *
 * Names come from the target: they stand in code spans, where nothing is markup, and sentences that hold them are escaped.
 */
#include <string.h>

#include "report/finding.h"

/* Inside a code span: a backtick would end it, a bar would end the table's cell. */
static void put_code(const char *text, FILE *stream)
{
	fputc('`', stream);
	for (; *text; text++)
		fputc(*text == '`' ? '\'' : *text == '|' ? '/' : *text, stream);
	fputc('`', stream);
}

/* CommonMark takes a backslash before any ASCII punctuation. An '@' would still call somebody's name, which a comment between
 * the two prevents. */
static void put_prose(const char *text, FILE *stream)
{
	for (; *text; text++) {
		if (strchr("\\`*_{}[]<>()#+-.!|~:&$^=\"'/", *text))
			fputc('\\', stream);
		fputc(*text, stream);
		if (*text == '@')
			fputs("<!-- -->", stream);
	}
}

static void put_verdict(const struct connprof_recording *recording, FILE *stream)
{
	size_t findings = finding_count(recording, FINDING_COUNTS), accepted = finding_count(recording, FINDING_ACCEPTED);
	const char *why = finding_inconclusive(recording);

	fputs("### connprof: ", stream);
	if (why) {
		fputs("inconclusive\n\n", stream);
		put_prose(why, stream);
		fputs("\n", stream);
	} else if (findings) {
		fprintf(stream, "%zu call site%s break%s a rule\n", findings, findings == 1 ? "" : "s", findings == 1 ? "s" : "");
	} else {
		fputs("clean\n", stream);
	}
	fprintf(stream, "\n%.1f s watched", recording->seconds);
	if (recording->requests.observed != UNKNOWN_COUNT)
		fprintf(stream, ", %llu requests", (unsigned long long)recording->requests.observed);
	fprintf(stream, ", %llu connections", (unsigned long long)recording->connections);
	if (accepted)
		fprintf(stream, ", %zu accepted finding%s", accepted, accepted == 1 ? "" : "s");
	if (recording->acceptance.resolved)
		fprintf(stream, ", %llu of the baseline not seen any more", (unsigned long long)recording->acceptance.resolved);
	fputs("\n", stream);
}

static void put_row(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	char place[PLACE_TEXT], protocol[32], peer[ENDPOINT_TEXT];
	const char *accepted = finding_accepted(site);

	fprintf(stream, "| %s%s%s%s | ", rule_name(site->rule), accepted ? " (" : "", accepted ? accepted : "", accepted ? ")" : "");
	put_code(site_place(recording, site, place), stream);
	fprintf(stream, " | %s ", site_protocol(site, protocol));
	put_code(endpoint_text(&site->peer, recording->strings, peer), stream);
	fprintf(stream, " | %llu |\n", (unsigned long long)site->connects);
}

static void put_details(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	char text[FINDING_TEXT];

	fprintf(stream, "\n<details><summary>%s</summary>\n\n", rule_name(site->rule));
	put_prose(finding_text(recording, site, text), stream);
	fputs("\n\n</details>\n", stream);
}

int check_markdown_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
			 struct connprof_error *error)
{
	bool any = finding_count(recording, FINDING_COUNTS) + finding_count(recording, FINDING_ACCEPTED) != 0;

	(void)options;
	(void)error;
	put_verdict(recording, stream);
	if (any)
		fputs("\n| rule | call site | peer | connections |\n|---|---|---|---:|\n", stream);
	for (size_t i = 0; i < recording->site_count; i++)
		if (finding_kind(&recording->sites[i]))
			put_row(recording, &recording->sites[i], stream);
	for (size_t i = 0; i < recording->site_count; i++)
		if (finding_kind(&recording->sites[i]) == FINDING_COUNTS)
			put_details(recording, &recording->sites[i], stream);
	for (size_t i = 0; i < recording->note_count; i++) {
		fputs("\n> ", stream);
		put_prose(strings_get(recording->strings, recording->notes[i]), stream);
		fputc('\n', stream);
	}
	return 0;
}

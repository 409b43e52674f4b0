/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * junit.c - JUnit's XML as CI servers read it: a test case for each call site.
 *
 * A finding is a failure; an accepted one, and in an inconclusive run everything else, is skipped. A run in which no call site was
 * seen has one case that says so.
 */
#include <string.h>

#include "report/finding.h"

/* XML 1.0: &, <, > and quotes as entities; control characters and the two code points XML cannot hold as '?'. Recorded names are
 * valid UTF-8 (base/text.h). */
static void put_xml(const char *text, FILE *stream)
{
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '&')
			fputs("&amp;", stream);
		else if (c == '<')
			fputs("&lt;", stream);
		else if (c == '>')
			fputs("&gt;", stream);
		else if (c == '"')
			fputs("&quot;", stream);
		else if (c < 0x20 || c == 0x7f)
			fputc('?', stream);
		else if (c == 0xef && !strncmp(at, "\xef\xbf", 2) && (unsigned char)at[2] >= 0xbe) {
			fputc('?', stream);
			at += 2;
		} else
			fputc(c, stream);
	}
}

static void put_attribute(const char *name, const char *value, FILE *stream)
{
	fprintf(stream, " %s=\"", name);
	put_xml(value, stream);
	fputc('"', stream);
}

static void put_skipped(const char *why, FILE *stream)
{
	fputs("      <skipped", stream);
	put_attribute("message", why, stream);
	fputs("/>\n", stream);
}

static void put_failure(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	char text[FINDING_TEXT];

	fputs("      <failure", stream);
	put_attribute("type", rule_name(site->rule), stream);
	put_attribute("message", rule_name(site->rule), stream);
	fputc('>', stream);
	put_xml(finding_text(recording, site, text), stream);
	fputs("</failure>\n", stream);
}

/* The name holds what tells two sites apart, so that a server can follow one from run to run: not the port, not the line. */
static void put_case(const struct connprof_recording *recording, size_t index, const char *why, FILE *stream)
{
	const struct site_row *site = &recording->sites[index];
	const struct frame *frame = stacks_frame(recording->stacks, site->call_site);
	char protocol[32], name[STRINGS_LENGTH_MAX + 64];
	struct finding_place place;

	finding_place(recording, site, &place);
	snprintf(name, sizeof(name), "%s to %s",
		 frame ? strings_get(recording->strings, frame->function) : "(no application frame)", site_protocol(site, protocol));
	fputs("    <testcase classname=\"connprof\"", stream);
	put_attribute("name", name, stream);
	if (place.below)
		put_attribute("file", place.path, stream);
	if (place.line)
		fprintf(stream, " line=\"%u\"", place.line);
	fputs(">\n", stream);
	if (finding_kind(site) == FINDING_COUNTS)
		put_failure(recording, site, stream);
	else if (finding_kind(site) == FINDING_ACCEPTED)
		put_skipped(finding_accepted(site), stream);
	else if (why)
		put_skipped(why, stream);
	fputs("    </testcase>\n", stream);
}

int check_junit_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		      struct connprof_error *error)
{
	const char *why = finding_inconclusive(recording);
	size_t failures = finding_count(recording, FINDING_COUNTS), accepted = finding_count(recording, FINDING_ACCEPTED);
	size_t cases = recording->site_count ? recording->site_count : 1;
	size_t skipped = why ? cases - failures : accepted;

	(void)options;
	(void)error;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", stream);
	fprintf(stream, "<testsuites tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" errors=\"0\">\n", cases, failures, skipped);
	fprintf(stream, "  <testsuite name=\"connprof check\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" errors=\"0\" time=\"%.3f\">\n",
		cases, failures, skipped, recording->seconds);
	for (size_t i = 0; i < recording->site_count; i++)
		put_case(recording, i, why, stream);
	if (!recording->site_count) {
		fputs("    <testcase classname=\"connprof\" name=\"no connection was opened\">\n", stream);
		if (why)
			put_skipped(why, stream);
		fputs("    </testcase>\n", stream);
	}
	fputs("  </testsuite>\n</testsuites>\n", stream);
	return 0;
}

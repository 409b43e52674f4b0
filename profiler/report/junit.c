/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * junit.c - JUnit's XML as CI servers read it: a test case for each call site.
 *
 * A finding is a failure; an accepted one, and in an inconclusive run everything else, is skipped. A run in which no call site was
 * seen has one case that says so.
 */
#include "report/finding.h"
#include "report/markup.h"

static void put_skipped(const char *why, FILE *stream)
{
	fputs("      <skipped", stream);
	markup_attribute("message", why, stream);
	fputs("/>\n", stream);
}

static void put_failure(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	char text[FINDING_TEXT];

	fputs("      <failure", stream);
	markup_attribute("type", rule_name(site->rule), stream);
	markup_attribute("message", rule_name(site->rule), stream);
	fputc('>', stream);
	markup_put(finding_text(recording, site, text), stream);
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
	markup_attribute("name", name, stream);
	if (place.below)
		markup_attribute("file", place.path, stream);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * github.c - workflow commands of GitHub Actions: ::error file=F,line=L,title=T::text
 *
 * A step shows ten annotations of a kind at most; past nine findings the tenth says how many more there are. A command is
 * taken from the beginning of a line only, and in its older spelling, ##[…], from anywhere in one that is not already a
 * command: so nothing the target named is printed outside of a command.
 */
#include <string.h>

#include "report/finding.h"

#define ANNOTATIONS_MAX 10 /* of one kind in a step */

/* The escapes the runner undoes: in the text %, CR and LF, in a property ':' and ',' too. */
static void put_escaped(const char *text, bool property, FILE *stream)
{
	for (; *text; text++)
		if (strchr(property ? "%\r\n:," : "%\r\n", *text))
			fprintf(stream, "%%%02X", (unsigned char)*text);
		else
			fputc(*text, stream);
}

static void put_property(const char *name, const char *value, bool first, FILE *stream)
{
	fprintf(stream, "%s%s=", first ? " " : ",", name);
	put_escaped(value, true, stream);
}

static void put_finding(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	char text[FINDING_TEXT], title[96], protocol[32];
	struct finding_place place;

	finding_place(recording, site, &place);
	snprintf(title, sizeof(title), "%s (%s)", rule_name(site->rule), site_protocol(site, protocol));
	fputs("::error", stream);
	put_property("title", title, true, stream);
	if (place.below) {
		put_property("file", place.path, false, stream);
		fprintf(stream, ",line=%u", place.line ? place.line : 1);
	}
	fputs("::", stream);
	put_escaped(finding_text(recording, site, text), false, stream);
	fputc('\n', stream);
}

static void put_findings(const struct connprof_recording *recording, FILE *stream)
{
	size_t count = finding_count(recording, FINDING_COUNTS), shown = 0;
	size_t most = count > ANNOTATIONS_MAX ? ANNOTATIONS_MAX - 1 : count;

	for (size_t i = 0; i < recording->site_count && shown < most; i++)
		if (finding_kind(&recording->sites[i]) == FINDING_COUNTS) {
			put_finding(recording, &recording->sites[i], stream);
			shown++;
		}
	if (count > most)
		fprintf(stream, "::error title=connprof::%zu more call sites break a rule (all of them: -f markdown or -f json)\n",
			count - most);
}

int check_github_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		       struct connprof_error *error)
{
	const char *why = finding_inconclusive(recording);
	size_t accepted = finding_count(recording, FINDING_ACCEPTED);

	(void)options;
	(void)error;
	put_findings(recording, stream);
	if (why) {
		fputs("::warning title=connprof is inconclusive::", stream);
		put_escaped(why, false, stream);
		fputc('\n', stream);
	}
	if (accepted)
		fprintf(stream, "::notice title=connprof::%zu accepted finding%s (baseline or suppressions)\n", accepted,
			accepted == 1 ? "" : "s");
	if (recording->verdict == VERDICT_CLEAN)
		fprintf(stream, "connprof: clean, %zu call sites seen\n", recording->site_count);
	return 0;
}

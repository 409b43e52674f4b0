/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gitlab.c - GitLab's Code Quality report: an array of problems, each with a fingerprint of its own that outlives moved lines.
 *
 * The widget compares two reports by fingerprint. An empty array would say that everything is solved, so an inconclusive run
 * has an entry that says what it is.
 */
#include "report/finding.h"
#include "report/json_build.h"

static const char *severity(const struct site_row *site)
{
	if (site->accepted)
		return "info";
	return site->rule == RULE_CONNECTION_LEAK ? "critical" : site->rule == RULE_CONNECTION_PER_REQUEST ? "major" : "minor";
}

static void put_problem(struct json_build *build, struct json_object *array, const char *rule, const char *text,
			const char *fingerprint, const char *level, const struct finding_place *place)
{
	struct json_object *problem = json_add_object(build, array), *location, *lines;

	json_put_text(build, problem, "description", text);
	json_put_text(build, problem, "check_name", rule);
	json_put_text(build, problem, "fingerprint", fingerprint);
	json_put_text(build, problem, "severity", level);
	location = json_put_object(build, problem, "location");
	json_put_text(build, location, "path", *place->path ? place->path : ".");
	lines = json_put_object(build, location, "lines");
	json_put_count(build, lines, "begin", place->line ? place->line : 1); /* the member is required */
}

static void put_site(struct json_build *build, struct json_object *array, const struct connprof_recording *recording, size_t index)
{
	const struct site_row *site = &recording->sites[index];
	size_t ordinal = finding_ordinal(recording, index);
	char text[FINDING_TEXT], shown[FINDING_TEXT + 32], print[FINGERPRINT_TEXT], unique[FINGERPRINT_TEXT + 24];
	const char *accepted = finding_accepted(site);
	struct finding_place place;

	finding_place(recording, site, &place);
	finding_text(recording, site, text);
	snprintf(shown, sizeof(shown), "%s%s%s%s", accepted ? "(" : "", accepted ? accepted : "", accepted ? ") " : "", text);
	fingerprint_text(site->fingerprint, print);
	if (ordinal)
		snprintf(unique, sizeof(unique), "%s-%zu", print, ordinal + 1);
	else
		snprintf(unique, sizeof(unique), "%s", print);
	put_problem(build, array, rule_name(site->rule), shown, unique, severity(site), &place);
}

int check_gitlab_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		       struct connprof_error *error)
{
	static const struct finding_place nowhere;
	struct json_build build = {0};
	struct json_object *array = json_document_array(&build);
	const char *why = finding_inconclusive(recording);
	char text[STRINGS_LENGTH_MAX + 64];

	(void)options;
	for (size_t i = 0; i < recording->site_count; i++)
		if (finding_kind(&recording->sites[i]))
			put_site(&build, array, recording, i);
	if (why) {
		snprintf(text, sizeof(text), "Connections could not be judged (inconclusive): %s", why);
		put_problem(&build, array, "inconclusive", text, "connprof-inconclusive", "info", &nowhere);
	}
	return json_finish(&build, array, stream, error);
}

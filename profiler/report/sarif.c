/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sarif.c - SARIF 2.1.0 (OASIS), the part of it that code scanning services read.
 *
 * A result has always one location, because some of them refuse a file in which one lacks it: where no file is known it is the
 * repository's root.
 */
#include <ctype.h>
#include <string.h>

#include "report/finding.h"
#include "report/json_build.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static const struct { enum rule_id rule; const char *title, *help; } rules[] = {
	{RULE_CONNECTION_PER_REQUEST, "A connection is opened for each request",
	 "Connections are opened in step with requests and are not reused. Make the client or its pool once, not for each request."},
	{RULE_CONNECTION_LEAK, "Connections are opened and never closed",
	 "Connections pile up unused, or are left after the other side has closed. Close them, or give them back to their pool."},
	{RULE_ROUND_TRIPS, "Redis commands are sent one by one inside a request",
	 "Send them as one pipeline, or use a command that takes several keys."},
	{RULE_CONNECTION_CHURN, "Short-lived connections are opened all the time",
	 "Many short-lived connections are opened that no request explains. Keep one for the job or the timer that needs it."},
};

/* RFC 3986: everything but unreserved characters and '/' as %XX; out has room for three times the path. */
static const char *percent(const char *path, char *out, size_t size)
{
	size_t at = 0;

	for (; *path && at + 4 <= size; path++) {
		unsigned char c = (unsigned char)*path;

		if (c < 0x80 && (isalnum(c) || strchr("-._~/", c)))
			out[at++] = (char)c;
		else
			at += (size_t)snprintf(out + at, size - at, "%%%02X", c);
	}
	out[at] = '\0';
	return out;
}

static void put_message(struct json_build *build, struct json_object *into, const char *key, const char *text)
{
	json_put_text(build, json_put_object(build, into, key), "text", text);
}

static void put_rules(struct json_build *build, struct json_object *driver)
{
	struct json_object *array = json_put_array(build, driver, "rules");

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct json_object *rule = json_add_object(build, array), *level;

		json_put_text(build, rule, "id", rule_name(rules[i].rule));
		put_message(build, rule, "shortDescription", rules[i].title);
		put_message(build, rule, "fullDescription", rules[i].help);
		put_message(build, rule, "help", rules[i].help);
		level = json_put_object(build, rule, "defaultConfiguration");
		json_put_text(build, level, "level", "error");
	}
}

static void put_location(struct json_build *build, struct json_object *result, const struct connprof_recording *recording,
			 const struct site_row *site)
{
	const struct frame *frame = stacks_frame(recording->stacks, site->call_site);
	struct json_object *location = json_add_object(build, json_put_array(build, result, "locations")), *physical, *artifact;
	struct finding_place place;
	char uri[3 * STRINGS_LENGTH_MAX + 16] = "file://";

	finding_place(recording, site, &place);
	physical = json_put_object(build, location, "physicalLocation");
	artifact = json_put_object(build, physical, "artifactLocation");
	if (place.below || *place.path != '/') {
		const char *path = place.below ? place.path : ".";

		json_put_text(build, artifact, "uri", percent(path, uri, sizeof(uri)));
		json_put_text(build, artifact, "uriBaseId", "%SRCROOT%");
	} else {
		percent(place.path, uri + strlen(uri), sizeof(uri) - strlen(uri));
		json_put_text(build, artifact, "uri", uri);
	}
	if (place.line)
		json_put_count(build, json_put_object(build, physical, "region"), "startLine", place.line);
	if (frame) {
		struct json_object *logical = json_add_object(build, json_put_array(build, location, "logicalLocations"));

		json_put_text(build, logical, "name", strings_get(recording->strings, frame->function));
		json_put_text(build, logical, "kind", "function");
	}
}

static void put_result(struct json_build *build, struct json_object *results, const struct connprof_recording *recording,
		       size_t index)
{
	const struct site_row *site = &recording->sites[index];
	struct json_object *result = json_add_object(build, results), *prints, *suppression;
	char text[FINDING_TEXT], print[FINGERPRINT_TEXT], numbered[FINGERPRINT_TEXT + 24];

	json_put_text(build, result, "ruleId", rule_name(site->rule));
	json_put_text(build, result, "level", "error");
	put_message(build, result, "message", finding_text(recording, site, text));
	put_location(build, result, recording, site);
	prints = json_put_object(build, result, "partialFingerprints");
	snprintf(numbered, sizeof(numbered), "%s:%zu", fingerprint_text(site->fingerprint, print),
		 finding_ordinal(recording, index) + 1);
	json_put_text(build, prints, "connprofSite/v1", numbered);
	if (site->accepted == ACCEPTED_BASELINE)
		json_put_text(build, result, "baselineState", "unchanged");
	if (finding_accepted(site)) {
		suppression = json_add_object(build, json_put_array(build, result, "suppressions"));
		json_put_text(build, suppression, "kind", "external");
		json_put_text(build, suppression, "justification", finding_accepted(site));
	}
}

/* An inconclusive run is no run without results: it says so where tools look for it. */
static void put_invocation(struct json_build *build, struct json_object *run, const struct connprof_recording *recording)
{
	struct json_object *invocation = json_add_object(build, json_put_array(build, run, "invocations")), *notice;
	const char *why = finding_inconclusive(recording);

	json_put_bool(build, invocation, "executionSuccessful", !why);
	if (!why)
		return;
	notice = json_add_object(build, json_put_array(build, invocation, "toolExecutionNotifications"));
	json_put_text(build, notice, "level", "warning");
	put_message(build, notice, "message", why);
}

int check_sarif_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		      struct connprof_error *error)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build), *run, *driver, *results;

	(void)options;
	json_put_text(&build, document, "$schema", SCHEMA);
	json_put_text(&build, document, "version", "2.1.0");
	run = json_add_object(&build, json_put_array(&build, document, "runs"));
	driver = json_put_object(&build, json_put_object(&build, run, "tool"), "driver");
	json_put_text(&build, driver, "name", "connprof");
	json_put_text(&build, driver, "version", CONNPROF_VERSION);
	put_rules(&build, driver);
	put_invocation(&build, run, recording);
	results = json_put_array(&build, run, "results");
	for (size_t i = 0; i < recording->site_count; i++)
		if (finding_kind(&recording->sites[i]))
			put_result(&build, results, recording, i);
	return json_finish(&build, document, stream, error);
}

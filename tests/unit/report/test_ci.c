/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ci.c - the formats CI reads, with names from a hostile target; baselines and suppressions. */
#include "sample.h"

#include <json-c/json.h>

#include "model/fingerprint.h"
#include "report/finding.h"

#define HOSTILE "a\"b'<c>]]>&::error,file=x::%0A `d` |e| @all ##[error]"

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, key, &value))
		fail_msg("no %s in %s", key, json_object_to_json_string(object));
	return value;
}

static struct json_object *item(struct json_object *array, size_t index)
{
	assert_true(index < json_object_array_length(array));
	return json_object_array_get_idx(array, index);
}

static void assert_text(struct json_object *value, const char *expected)
{
	assert_string_equal(json_object_get_string(value), expected);
}

static struct json_object *parsed(const struct connprof_recording *r, const char *format)
{
	char *out = render_as(r, CONNPROF_VIEW_VERDICT, format);
	struct json_object *document = json_tokener_parse(out);

	assert_non_null(document);
	free(out);
	return document;
}

/* The leaky service with its application in `folder`, all of its names hostile. */
static struct connprof_recording *hostile(const char *folder)
{
	struct connprof_recording *r = empty_recording();
	char path[4200], words[400];
	struct site_row *s;

	verdict(r);
	s = &r->sites[0];
	snprintf(path, sizeof(path), "%s/app, 1:2/%%r\xc3\xa9.py", folder);
	snprintf(words, sizeof(words), "%s opens connections", HOSTILE);
	s->call_site = python(r, HOSTILE, path, 42);
	s->stack = stack(r, END_ROOT, 2, python(r, "connect", "/usr/lib/python3/dist-packages/redis/connection.py", 263), s->call_site);
	s->explanation = text(r, words);
	assert_true(connprof_recording_judge(r, NULL, NULL) >= 0);
	return r;
}

static struct connprof_recording *hostile_here(void)
{
	char here[4096];

	assert_non_null(getcwd(here, sizeof(here)));
	return hostile(here);
}

static void test_sarif_has_what_code_scanning_requires(void **state)
{
	struct connprof_recording *r = hostile_here();
	struct json_object *document = parsed(r, "sarif"), *run, *result, *physical, *rules;
	char print[FINGERPRINT_TEXT + 2], id[FINGERPRINT_TEXT];

	(void)state;
	assert_text(member(document, "version"), "2.1.0");
	run = item(member(document, "runs"), 0);
	assert_text(member(member(member(run, "tool"), "driver"), "name"), "connprof");
	rules = member(member(member(run, "tool"), "driver"), "rules");
	assert_int_equal(json_object_array_length(rules), RULE_COUNT - 1);
	assert_int_equal(json_object_array_length(member(run, "results")), 1); /* the other site breaks no rule */
	result = item(member(run, "results"), 0);
	assert_text(member(result, "ruleId"), "connection-per-request");
	assert_text(member(result, "level"), "error");
	assert_has(json_object_get_string(member(member(result, "message"), "text")), HOSTILE " opens connections");
	physical = member(item(member(result, "locations"), 0), "physicalLocation");
	assert_text(member(member(physical, "artifactLocation"), "uri"), "app%2C%201%3A2/%25r%C3%A9.py");
	assert_text(member(member(physical, "artifactLocation"), "uriBaseId"), "%SRCROOT%");
	assert_int_equal(json_object_get_int(member(member(physical, "region"), "startLine")), 42);
	snprintf(print, sizeof(print), "%s:1", fingerprint_text(r->sites[0].fingerprint, id));
	assert_text(member(member(result, "partialFingerprints"), "connprofSite/v1"), print);
	json_object_put(document);
	connprof_recording_free(r);
}

static void test_a_file_elsewhere_is_never_shown_as_one_of_the_repository(void **state)
{
	static const char *const elsewhere[] = {"/elsewhere", "..", "x/../../y"};
	struct finding_place place;

	(void)state;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		struct connprof_recording *r = hostile(elsewhere[i]);
		char *github = render_as(r, CONNPROF_VIEW_VERDICT, "github");

		finding_place(r, &r->sites[0], &place);
		assert_false(place.below);
		assert_has_not(github, ",file=app");
		free(github);
		connprof_recording_free(r);
	}
}

static void test_an_absolute_file_elsewhere_is_a_file_uri_in_sarif(void **state)
{
	struct connprof_recording *r = hostile("/elsewhere");
	struct json_object *document = parsed(r, "sarif");
	struct json_object *result = item(member(item(member(document, "runs"), 0), "results"), 0);
	struct json_object *physical = member(item(member(result, "locations"), 0), "physicalLocation");

	(void)state;
	assert_text(member(member(physical, "artifactLocation"), "uri"), "file:///elsewhere/app%2C%201%3A2/%25r%C3%A9.py");
	json_object_put(document);
	connprof_recording_free(r);
}

static void test_gitlab_fingerprints_are_unique_and_have_no_line_in_them(void **state)
{
	struct connprof_recording *r = hostile_here();
	struct json_object *first, *second;
	struct site_row copy = r->sites[0]; /* site() may move the array */
	char *before;

	(void)state;
	*site(r) = copy; /* the same code, another peer */
	r->sites[2].peer.port = 6380;
	assert_true(connprof_recording_judge(r, NULL, NULL) >= 0);
	first = parsed(r, "gitlab");
	assert_int_equal(json_object_array_length(first), 2);
	before = strdup(json_object_get_string(member(item(first, 0), "fingerprint")));
	assert_string_not_equal(before, json_object_get_string(member(item(first, 1), "fingerprint")));
	assert_text(member(item(first, 0), "severity"), "major");
	assert_text(member(member(item(first, 0), "location"), "path"), "app, 1:2/%r\xc3\xa9.py");
	connprof_recording_free(r);
	r = hostile("/moved");
	second = parsed(r, "gitlab");
	assert_text(member(item(second, 0), "fingerprint"), before);
	free(before);
	json_object_put(first);
	json_object_put(second);
	connprof_recording_free(r);
}

static void test_github_lines_are_one_command_each_whatever_the_names_are(void **state)
{
	struct connprof_recording *r = hostile_here();
	char *out = render_as(r, CONNPROF_VIEW_VERDICT, "github");

	(void)state;
	assert_int_equal(strncmp(out, "::error title=connection-per-request (redis),file=app%2C 1%3A2/%25r\xc3\xa9.py,line=42::", 78), 0);
	assert_has(out, "file=x::%250A `d`"); /* what was written as an escape is shown as it was written */
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	free(out);
	connprof_recording_free(r);
}

static void test_github_says_in_the_tenth_how_many_more_there_are(void **state)
{
	struct connprof_recording *r = hostile_here();
	size_t lines = 0;
	char *out;

	(void)state;
	for (int i = 0; i < 30; i++) {
		struct site_row copy = r->sites[0];

		*site(r) = copy;
	}
	out = render_as(r, CONNPROF_VIEW_VERDICT, "github");
	for (const char *at = out; (at = strstr(at, "::error title=")); at++)
		lines++;
	assert_int_equal(lines, 10);
	assert_has(out, "::error title=connprof::22 more call sites break a rule");
	free(out);
	connprof_recording_free(r);
}

static void test_junit_is_well_formed_xml_with_a_case_for_each_site(void **state)
{
	static const char *const script =
		"python3 -c 'import sys, xml.etree.ElementTree as t\n"
		"suite = t.parse(sys.argv[1]).getroot().find(\"testsuite\")\n"
		"print(suite.get(\"tests\"), suite.get(\"failures\"), suite.get(\"skipped\"), len(suite.findall(\"testcase\")))\n"
		"print(suite.find(\"testcase/failure\").text)' ";
	struct connprof_recording *r = hostile_here();
	char path[32], line[1024], *out = render_as(r, CONNPROF_VIEW_VERDICT, "junit"), *seen;
	int status;

	(void)state;
	temporary(path, out, strlen(out));
	snprintf(line, sizeof(line), "%s%s", script, path);
	seen = command(line, &status);
	assert_int_equal(status, 0);
	assert_int_equal(strncmp(seen, "2 1 0 2\n" HOSTILE " opens connections", strlen(HOSTILE) + 26), 0);
	unlink(path);
	free(out);
	free(seen);
	connprof_recording_free(r);
}

static void test_markdown_has_no_live_markup_of_the_target(void **state)
{
	struct connprof_recording *r = hostile_here();
	char *out = render_as(r, CONNPROF_VIEW_VERDICT, "markdown");

	(void)state;
	assert_has(out, "### connprof: 1 call site breaks a rule\n");
	assert_has(out, "| connection-per-request | `a\"b'<c>]]>&::error,file=x::%0A 'd' /e/ @all ##[error] (");
	assert_has(out, "a\\\"b\\'\\<c\\>\\]\\]\\>\\&\\:\\:error");
	assert_has(out, "@<!-- -->all");
	free(out);
	connprof_recording_free(r);
}

static void test_inconclusive_never_looks_clean(void **state)
{
	struct connprof_recording *r = empty_recording();
	struct json_object *gitlab, *sarif, *invocation;
	char *junit, *github, *markdown;

	(void)state;
	r->collect |= CONNPROF_CONNECTIONS;
	r->verdict = VERDICT_INCONCLUSIVE;
	r->verdict_note = text(r, "too few requests: 100 % of 3");
	gitlab = parsed(r, "gitlab");
	sarif = parsed(r, "sarif");
	junit = render_as(r, CONNPROF_VIEW_VERDICT, "junit");
	github = render_as(r, CONNPROF_VIEW_VERDICT, "github");
	markdown = render_as(r, CONNPROF_VIEW_VERDICT, "markdown");
	assert_int_equal(json_object_array_length(gitlab), 1);
	assert_text(member(item(gitlab, 0), "check_name"), "inconclusive");
	invocation = item(member(item(member(sarif, "runs"), 0), "invocations"), 0);
	assert_false(json_object_get_boolean(member(invocation, "executionSuccessful")));
	assert_has(junit, "<skipped message=\"too few requests: 100 % of 3\"/>");
	assert_string_equal(github, "::warning title=connprof is inconclusive::too few requests: 100 %25 of 3\n");
	assert_has(markdown, "### connprof: inconclusive\n");
	json_object_put(gitlab);
	json_object_put(sarif);
	free(junit);
	free(github);
	free(markdown);
	connprof_recording_free(r);
}

/* ---- what is accepted ---- */

/* Judges with these files (NULL: none); the exit status. */
static int judge_with(struct connprof_recording *r, const char *baseline, const char *suppress)
{
	struct connprof_accepted *accepted = NULL;
	struct connprof_rules rules = {.min_requests = 20};
	struct connprof_error error = {0};
	int status;

	if (connprof_accepted_load(baseline, suppress, &accepted, &error))
		fail_msg("%s", error.text);
	rules.accepted = accepted;
	status = connprof_recording_judge(r, &rules, &error);
	connprof_accepted_free(accepted);
	return status;
}

static void test_a_baseline_accepts_its_findings_and_counts_what_is_gone(void **state)
{
	static const char gone[] = "{\"schema\": \"connprof.baseline/1\", \"findings\": [{\"fingerprint\": \"00000000000000ff\"}]}";
	struct connprof_recording *r = hostile_here();
	struct json_object *document;
	char path[32], *out;

	(void)state;
	temporary(path, gone, strlen(gone));
	assert_int_equal(judge_with(r, path, NULL), CONNPROF_FINDINGS);
	assert_int_equal(r->acceptance.resolved, 1);
	assert_int_equal(connprof_baseline_save(r, path, NULL), 0);
	connprof_recording_free(r);
	r = hostile("/moved/elsewhere");
	assert_int_equal(judge_with(r, path, NULL), CONNPROF_OK);
	assert_int_equal(r->acceptance.in_baseline, 1);
	document = parsed(r, "json");
	assert_true(json_object_get_boolean(member(item(member(document, "sites"), 0), "accepted")));
	out = render_as(r, CONNPROF_VIEW_VERDICT, "text");
	assert_has(out, "clean: no call site breaks a rule that is not accepted\n");
	assert_has(out, "connection-per-request (in the baseline)");
	json_object_put(document);
	unlink(path);
	free(out);
	connprof_recording_free(r);
}

static void test_another_function_or_rule_is_another_finding(void **state)
{
	struct connprof_recording *r = hostile_here();
	uint64_t before = r->sites[0].fingerprint;
	uint32_t other = python(r, "Other.handler", "/srv/app/x.py", 42);

	(void)state;
	r->sites[0].rule = RULE_CONNECTION_LEAK;
	assert_int_equal(connprof_recording_judge(r, NULL, NULL), CONNPROF_FINDINGS);
	assert_int_not_equal(r->sites[0].fingerprint, before);
	r->sites[0].rule = RULE_CONNECTION_PER_REQUEST;
	r->sites[0].call_site = other;
	r->sites[0].stack = stack(r, END_ROOT, 1, other);
	assert_int_equal(connprof_recording_judge(r, NULL, NULL), CONNPROF_FINDINGS);
	assert_int_not_equal(r->sites[0].fingerprint, before);
	connprof_recording_free(r);
}

static void test_after_a_loss_accepting_the_rest_does_not_make_it_clean(void **state)
{
	struct connprof_recording *r = hostile_here();
	char path[32];

	(void)state;
	temporary(path, "conn:*:*\n", 9);
	r->drops[DROP_RING_FULL_CONNECTION] = 1;
	assert_int_equal(judge_with(r, NULL, path), CONNPROF_INCONCLUSIVE);
	assert_int_not_equal(connprof_baseline_save(r, path, NULL), 0);
	unlink(path);
	connprof_recording_free(r);
}

static void test_a_suppression_fits_by_rule_and_frame_and_an_unused_one_is_told(void **state)
{
	static const char lines[] = "# the pool of the old code\n\n"
				    "  conn:connection-per-request:*/redis/connection.py \r\n"
				    "conn:connection-leak:*\n"
				    "conn:*:ns::never";
	struct connprof_recording *r = hostile_here();
	char path[32], note[128], *out;

	(void)state;
	temporary(path, lines, strlen(lines));
	assert_int_equal(judge_with(r, NULL, path), CONNPROF_OK);
	assert_int_equal(r->acceptance.suppressed, 1);
	assert_int_equal(r->note_count, 2);
	snprintf(note, sizeof(note), "unused suppression (%s:5): conn:*:ns::never", path);
	out = render_as(r, CONNPROF_VIEW_VERDICT, "text");
	assert_has(out, note);
	unlink(path);
	free(out);
	connprof_recording_free(r);
}

static void assert_refused(const char *baseline, const char *suppress, const char *said)
{
	struct connprof_accepted *accepted = NULL;
	struct connprof_error error = {0};
	const char *bytes = baseline ? baseline : suppress;
	char path[32];

	temporary(path, bytes, strlen(bytes));
	assert_true(connprof_accepted_load(baseline ? path : NULL, suppress ? path : NULL, &accepted, &error) < 0);
	assert_int_equal(error.status, CONNPROF_USAGE);
	assert_has(error.text, said);
	assert_has(error.text, path);
	unlink(path);
}

static void test_files_that_say_nothing_sure_are_refused(void **state)
{
	char line[400] = "conn:*:";

	(void)state;
	memset(line + 7, 'x', 300);
	assert_refused(NULL, "conn:*:ok\nleak:foo\n", ":2: it is not of the form");
	assert_refused(NULL, "conn:*", ":1: it is not of the form");
	assert_refused(NULL, "conn:*:", ":1: it is not of the form");
	assert_refused(NULL, "conn:connection:x", ":1: no such rule");
	assert_refused(NULL, line, ":1: the pattern is longer");
	assert_refused("", NULL, "is no baseline");
	assert_refused("[1]", NULL, "is no baseline");
	assert_refused("{\"schema\": \"connprof.baseline/2\", \"findings\": []}", NULL, "schema is not connprof.baseline/1");
	assert_refused("{\"schema\": \"connprof.baseline/1\"}", NULL, "has no findings");
	assert_refused("{\"schema\": \"connprof.baseline/1\", \"findings\": [{\"fingerprint\": \"xyz\"}]}", NULL, "no valid fingerprint");
	assert_refused("{\"schema\": \"connprof.baseline/1\", \"findings\": [null]}", NULL, "no valid fingerprint");
	assert_refused("{\"schema\": \"connprof.baseline/1\", \"findings\": [", NULL, "is no baseline");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sarif_has_what_code_scanning_requires),
		cmocka_unit_test(test_a_file_elsewhere_is_never_shown_as_one_of_the_repository),
		cmocka_unit_test(test_an_absolute_file_elsewhere_is_a_file_uri_in_sarif),
		cmocka_unit_test(test_gitlab_fingerprints_are_unique_and_have_no_line_in_them),
		cmocka_unit_test(test_github_lines_are_one_command_each_whatever_the_names_are),
		cmocka_unit_test(test_github_says_in_the_tenth_how_many_more_there_are),
		cmocka_unit_test(test_junit_is_well_formed_xml_with_a_case_for_each_site),
		cmocka_unit_test(test_markdown_has_no_live_markup_of_the_target),
		cmocka_unit_test(test_inconclusive_never_looks_clean),
		cmocka_unit_test(test_a_baseline_accepts_its_findings_and_counts_what_is_gone),
		cmocka_unit_test(test_another_function_or_rule_is_another_finding),
		cmocka_unit_test(test_after_a_loss_accepting_the_rest_does_not_make_it_clean),
		cmocka_unit_test(test_a_suppression_fits_by_rule_and_frame_and_an_unused_one_is_told),
		cmocka_unit_test(test_files_that_say_nothing_sure_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

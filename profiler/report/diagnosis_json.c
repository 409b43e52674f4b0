/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnosis_json.c - the diagnosis for a program: schema connprof.diagnosis/1. */
#include <stdlib.h>

#include "base/error.h"
#include "report/calls.h"
#include "report/diagnosis.h"
#include "report/hot.h"
#include "report/json_build.h"
#include "report/json_parts.h"
#include "report/requests.h"
#include "report/series.h"

#define FUNCTIONS_LISTED 100

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static void put_frame(struct json_build *build, struct json_object *into, const struct connprof_recording *recording, uint32_t id)
{
	const struct frame *frame = stacks_frame(recording->stacks, id);
	struct json_object *where;

	if (!frame) {
		json_put_null(build, into, "where");
		return;
	}
	where = json_put_object(build, into, "where");
	json_put_text(build, where, "function", strings_get(recording->strings, frame->function));
	json_put_text(build, where, "file", or_null(strings_get(recording->strings, frame->file ? frame->file : frame->module)));
	json_put_count(build, where, "line", frame->line ? frame->line : UNKNOWN_COUNT);
}

static void put_findings(struct json_build *build, struct json_object *document, const struct connprof_recording *recording,
			 const struct diagnosis *diagnosis)
{
	struct json_object *findings = json_put_array(build, document, "findings");

	for (size_t i = 0; i < diagnosis->count; i++) {
		const struct diagnosis_finding *finding = &diagnosis->findings[i];
		struct json_object *item = json_add_object(build, findings), *cost;

		json_put_text(build, item, "kind", finding->kind);
		json_put_text(build, item, "subject", finding->subject);
		json_put_text(build, item, "what", or_null(finding->what));
		put_frame(build, item, recording, finding->frame);
		cost = json_put_object(build, item, "cost");
		json_put_number(build, cost, "ms_per_request", finding->ms_per_request);
		json_put_number(build, cost, "cpu_percent", finding->cpu_percent);
		json_put_text(build, item, "cause", or_null(finding->cause));
		json_put_text(build, item, "remedy", or_null(finding->remedy));
	}
	json_put_count(build, document, "findings_left_out", diagnosis->total - diagnosis->count);
}

static void put_missing(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *array = json_put_array(build, document, "not_recorded");
	size_t index = 0;
	const char *name;

	while ((name = diagnosis_next_missing(recording, &index)))
		json_add_text(build, array, name);
}

static int put_functions(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct connprof_report_options by_function = {.functions = true};
	struct lines *lines = lines_new(recording, &by_function);
	struct json_object *cpu = json_put_object(build, document, "cpu"), *functions;
	struct hot_row *rows = NULL;
	int count = lines ? hot_functions(recording, lines, FUNCTIONS_LISTED, &rows) : -1;

	json_put_count(build, cpu, "samples", recording->samples);
	functions = json_put_array(build, cpu, "functions");
	for (int i = 0; i < count; i++) {
		struct json_object *item = json_add_object(build, functions);

		json_put_text(build, item, "name", lines_name(lines, rows[i].name));
		json_put_count(build, item, "self", rows[i].self);
		json_put_count(build, item, "total", rows[i].total);
	}
	free(rows);
	lines_free(lines);
	return count < 0 ? -1 : 0;
}

int diagnosis_json_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
			 struct connprof_error *error)
{
	struct json_build build = {0};
	struct json_object *document;
	struct diagnosis *diagnosis;

	if (diagnosis_make(recording, &diagnosis))
		return error_memory(error);
	document = json_document(&build);
	json_put_text(&build, document, "schema", "connprof.diagnosis/1");
	put_findings(&build, document, recording, diagnosis);
	free(diagnosis);
	put_missing(&build, document, recording);
	if (put_functions(&build, document, recording))
		build.failed = true;
	spent_table_json(&build, document, recording);
	calls_json_put(&build, document, recording);
	series_json(&build, document, recording);
	check_json_put(&build, json_put_object(&build, document, "check"), recording, options);
	return json_finish(&build, document, stream, error);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* calls_json.c - round trips and log sites for a program. */
#include "report/calls.h"

#include <math.h>

static void put_site(struct json_build *build, struct json_object *into, const struct connprof_recording *recording, uint32_t id)
{
	const struct frame *frame = stacks_frame(recording->stacks, id);
	struct json_object *site;
	const char *file;

	if (!frame) {
		json_put_null(build, into, "call_site");
		return;
	}
	file = strings_get(recording->strings, frame->file);
	if (!*file)
		file = strings_get(recording->strings, frame->module);
	site = json_put_object(build, into, "call_site");
	json_put_text(build, site, "function", strings_get(recording->strings, frame->function));
	json_put_text(build, site, "file", *file ? file : NULL);
	json_put_count(build, site, "line", frame->line ? frame->line : UNKNOWN_COUNT);
}

static void put_trips(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *array = json_put_array(build, document, "round_trips");

	for (size_t i = 0; i < recording->trip_count; i++) {
		const struct trip_row *row = &recording->trips[i];
		struct json_object *object = json_add_object(build, array);
		double requests = (double)row->requests;

		put_site(build, object, recording, row->call_site);
		json_put_text(build, object, "command", strings_get(recording->strings, row->command));
		json_put_count(build, object, "requests", row->requests);
		json_put_number(build, object, "per_request", row->requests ? row->trips / requests : NAN);
		json_put_number(build, object, "ms_per_request", row->requests ? row->ms / requests : NAN);
	}
}

static void put_logs(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *array = json_put_array(build, document, "logs");
	double requests = recording->requests.observed && recording->requests.observed != UNKNOWN_COUNT
				  ? (double)recording->requests.observed : NAN;

	for (size_t i = 0; i < recording->log_count; i++) {
		const struct log_row *row = &recording->logs[i];
		struct json_object *object = json_add_object(build, array);

		put_site(build, object, recording, row->call_site);
		json_put_text(build, object, "place", strings_get(recording->strings, row->place));
		json_put_number(build, object, "writes", row->writes);
		json_put_number(build, object, "lines", row->lines);
		json_put_number(build, object, "bytes", row->bytes);
		json_put_number(build, object, "ms", row->ms);
		json_put_number(build, object, "blocked_ms", row->blocked_ms);
		json_put_number(build, object, "lines_per_request", row->inside_lines / requests);
		json_put_number(build, object, "ms_per_request", row->inside_ms / requests);
		json_put_number(build, object, "blocked_ms_per_request", row->inside_blocked_ms / requests);
		json_put_number(build, object, "cpu_percent", row->cpu_percent);
	}
}

void calls_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	if (recording->collect & CONNPROF_ROUND_TRIPS)
		put_trips(build, document, recording);
	else
		json_put_null(build, document, "round_trips");
	if (recording->collect & CONNPROF_LOGS)
		put_logs(build, document, recording);
	else
		json_put_null(build, document, "logs");
}

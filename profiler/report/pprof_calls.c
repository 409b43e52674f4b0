/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_calls.c - round trips and log sites as members of a recording's facts, and back.
 *
 *   "trips": [{"site": {…}, "command": "GET", "requests": 4812, "trips": 110676.0, "ms": 29353.2}]
 *   "logs": [{"site": {…}, "place": "stderr (pipe)", "lines": 197292.0, …}]
 *
 * A site is its frame in full (docs/formats.md): the profile need not have it.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/array.h"
#include "model/roundtrips.h"
#include "report/json_build.h"
#include "report/pprof_facts.h"

static const struct {
	const char *name;
	size_t offset;
} log_numbers[] = {
#define NUMBER(field) {#field, offsetof(struct log_row, field)}
	NUMBER(writes), NUMBER(lines), NUMBER(bytes), NUMBER(ms), NUMBER(blocked_ms), NUMBER(inside_lines), NUMBER(inside_ms),
	NUMBER(inside_blocked_ms), NUMBER(cpu_percent),
};

#define LOG_NUMBERS (sizeof(log_numbers) / sizeof(log_numbers[0]))

/* ---- writing ---- */

static void put_site(struct json_build *build, const struct connprof_recording *recording, struct json_object *into, uint32_t id)
{
	const struct frame *frame = stacks_frame(recording->stacks, id);
	struct json_object *site;

	if (!frame) {
		json_put_null(build, into, "site");
		return;
	}
	site = json_put_object(build, into, "site");
	json_put_count(build, site, "kind", frame->kind);
	json_put_count(build, site, "flags", frame->flags);
	json_put_text(build, site, "function", strings_get(recording->strings, frame->function));
	json_put_text(build, site, "file", strings_get(recording->strings, frame->file));
	json_put_text(build, site, "module", strings_get(recording->strings, frame->module));
	json_put_count(build, site, "line", frame->line);
	json_put_count(build, site, "first_line", frame->first_line);
}

void facts_put_calls(struct json_build *build, const struct connprof_recording *recording, struct json_object *into)
{
	struct json_object *array = json_put_array(build, into, "trips");

	for (size_t i = 0; i < recording->trip_count; i++) {
		const struct trip_row *row = &recording->trips[i];
		struct json_object *object = json_add_object(build, array);

		put_site(build, recording, object, row->call_site);
		json_put_text(build, object, "command", strings_get(recording->strings, row->command));
		json_put_count(build, object, "requests", row->requests);
		json_put_exact(build, object, "trips", row->trips);
		json_put_exact(build, object, "ms", row->ms);
	}
	array = json_put_array(build, into, "logs");
	for (size_t i = 0; i < recording->log_count; i++) {
		const struct log_row *row = &recording->logs[i];
		struct json_object *object = json_add_object(build, array);

		put_site(build, recording, object, row->call_site);
		json_put_text(build, object, "place", strings_get(recording->strings, row->place));
		for (size_t k = 0; k < LOG_NUMBERS; k++)
			json_put_exact(build, object, log_numbers[k].name, *(const double *)((const char *)row + log_numbers[k].offset));
	}
}

/* ---- reading ---- */

static uint32_t text_of(struct connprof_recording *recording, struct json_object *from, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(from, key, &value) || !json_object_is_type(value, json_type_string))
		return 0;
	return strings_add(recording->strings, json_object_get_string(value));
}

static uint64_t count_of(struct json_object *from, const char *key, uint64_t high)
{
	struct json_object *value = NULL;
	uint64_t count;

	if (!json_object_object_get_ex(from, key, &value) || !json_object_is_type(value, json_type_int))
		return 0;
	count = json_object_get_uint64(value);
	return count < high ? count : high;
}

static double number_of(struct json_object *from, const char *key)
{
	struct json_object *value = NULL;
	double number = NAN;

	if (json_object_object_get_ex(from, key, &value) &&
	    (json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int)))
		number = json_object_get_double(value);
	return number >= 0 ? number : NAN;
}

static uint32_t site_of(struct connprof_recording *recording, struct json_object *from)
{
	struct json_object *site = NULL;
	struct frame frame = {0};

	if (!json_object_object_get_ex(from, "site", &site) || !json_object_is_type(site, json_type_object))
		return 0;
	frame.kind = (uint8_t)count_of(site, "kind", FRAME_NOTE);
	frame.flags = (uint8_t)count_of(site, "flags", UINT8_MAX);
	frame.function = text_of(recording, site, "function");
	frame.file = text_of(recording, site, "file");
	frame.module = text_of(recording, site, "module");
	frame.line = (uint32_t)count_of(site, "line", INT32_MAX);
	frame.first_line = (uint32_t)count_of(site, "first_line", INT32_MAX);
	return stacks_add_frame(recording->stacks, &frame);
}

static int get_trips(struct connprof_recording *recording, struct json_object *from)
{
	size_t count;
	struct json_object *array = facts_array(from, "trips", &count);
	int code = array_reserve(&recording->trips, &recording->trip_capacity, count, sizeof(*recording->trips), TRIP_GROUPS_MAX);

	for (size_t i = 0; !code && i < count; i++) {
		struct json_object *object = json_object_array_get_idx(array, i);

		if (!json_object_is_type(object, json_type_object))
			return -EINVAL;
		recording->trips[recording->trip_count++] = (struct trip_row){
			.call_site = site_of(recording, object), .command = text_of(recording, object, "command"),
			.requests = count_of(object, "requests", UINT64_MAX), .trips = number_of(object, "trips"),
			.ms = number_of(object, "ms"),
		};
	}
	return code;
}

static int get_logs(struct connprof_recording *recording, struct json_object *from)
{
	size_t count;
	struct json_object *array = facts_array(from, "logs", &count);
	int code = array_reserve(&recording->logs, &recording->log_capacity, count, sizeof(*recording->logs), LOG_ROWS_MAX);

	for (size_t i = 0; !code && i < count; i++) {
		struct json_object *object = json_object_array_get_idx(array, i);
		struct log_row *row = &recording->logs[i];

		if (!json_object_is_type(object, json_type_object))
			return -EINVAL;
		*row = (struct log_row){.call_site = site_of(recording, object), .place = text_of(recording, object, "place")};
		for (size_t k = 0; k < LOG_NUMBERS; k++)
			*(double *)((char *)row + log_numbers[k].offset) = number_of(object, log_numbers[k].name);
		recording->log_count = i + 1;
	}
	return code;
}

int facts_get_calls(struct connprof_recording *recording, struct json_object *from)
{
	int code = get_trips(recording, from);

	return code ? code : get_logs(recording, from);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_requests.c - what a recording knows of requests, as members of its facts, and back.
 *
 *   "latencies": [8192, 3, 702545920, 1]           the shortest latency of a bucket in ns, requests; ascending
 *   "spent": {"requests": [2, 1, 1, 1, 4], "latency_ms": [0.8, …], "parts": [{"part": "Redis", "command": "GET", "ms": […], "count": […]}]}
 *
 * Arrays of five have a number for each band, in the order of enum spent_band.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/array.h"
#include "model/latency.h"
#include "report/json_build.h"
#include "report/pprof_facts.h"

static void put_bands(struct json_build *build, struct json_object *into, const char *key, const double *numbers)
{
	struct json_object *array = json_put_array(build, into, key);

	for (unsigned i = 0; i < BAND_COUNT; i++)
		json_add_exact(build, array, numbers[i]);
}

static void put_spent(struct json_build *build, const struct connprof_recording *recording, struct json_object *into)
{
	struct json_object *spent = json_put_object(build, into, "spent"), *array;

	array = json_put_array(build, spent, "requests");
	for (unsigned i = 0; i < BAND_COUNT; i++)
		json_add_count(build, array, recording->spent.requests[i]);
	put_bands(build, spent, "latency_ms", recording->spent.latency_ms);
	put_bands(build, spent, "queued_ms", recording->spent.queued_ms);
	array = json_put_array(build, spent, "parts");
	for (size_t i = 0; i < recording->spent.count; i++) {
		const struct spent_row *row = &recording->spent.rows[i];
		struct json_object *object = json_add_object(build, array);

		json_put_text(build, object, "part", spent_name(row->spent));
		json_put_text(build, object, "command", strings_get(recording->strings, row->command));
		put_bands(build, object, "ms", row->ms);
		put_bands(build, object, "count", row->count);
	}
}

void facts_put_requests(struct json_build *build, const struct connprof_recording *recording, struct json_object *into)
{
	struct json_object *array = json_put_array(build, into, "latencies");

	for (size_t i = 0; i < recording->latency_count; i++) {
		json_add_count(build, array, latency_floor_ns(recording->latencies[i].bucket));
		json_add_count(build, array, recording->latencies[i].requests);
	}
	if (recording->spent.count)
		put_spent(build, recording, into);
}

/* ---- reading ---- */

static int get_count(struct json_object *array, size_t index, uint64_t *out)
{
	struct json_object *value = json_object_array_get_idx(array, index);

	if (!value || !json_object_is_type(value, json_type_int))
		return -EINVAL;
	*out = json_object_get_uint64(value);
	return 0;
}

static int get_bands(struct json_object *from, const char *key, double *numbers)
{
	size_t count;
	struct json_object *array = facts_array(from, key, &count);

	if (count != BAND_COUNT)
		return -EINVAL;
	for (unsigned i = 0; i < BAND_COUNT; i++) {
		struct json_object *value = json_object_array_get_idx(array, i);

		if (value && !json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
			return -EINVAL;
		numbers[i] = value ? json_object_get_double(value) : NAN;
	}
	return 0;
}

static int get_part(struct connprof_recording *recording, struct json_object *from, struct spent_row *row)
{
	struct json_object *part = NULL, *command = NULL;
	int code = -EINVAL;

	memset(row, 0, sizeof(*row));
	if (!json_object_is_type(from, json_type_object) || !json_object_object_get_ex(from, "part", &part))
		return -EINVAL;
	for (unsigned id = 0; id < SPENT_COUNT; id++)
		if (json_object_is_type(part, json_type_string) && !strcmp(spent_name(id), json_object_get_string(part))) {
			row->spent = (uint8_t)id;
			code = 0;
		}
	if (json_object_object_get_ex(from, "command", &command) && json_object_is_type(command, json_type_string))
		row->command = strings_add(recording->strings, json_object_get_string(command));
	if (!code)
		code = get_bands(from, "ms", row->ms);
	return code ? code : get_bands(from, "count", row->count);
}

static int get_spent(struct connprof_recording *recording, struct json_object *from)
{
	struct spent_table *table = &recording->spent;
	size_t bands, count;
	struct json_object *requests, *parts, *queued;
	int code;

	requests = facts_array(from, "requests", &bands);
	parts = facts_array(from, "parts", &count);
	code = bands == BAND_COUNT && count <= SPENT_COUNT + SPENT_COMMANDS ? get_bands(from, "latency_ms", table->latency_ms) : -EINVAL;
	if (!code && json_object_object_get_ex(from, "queued_ms", &queued))
		code = get_bands(from, "queued_ms", table->queued_ms);
	for (unsigned i = 0; !code && i < BAND_COUNT; i++)
		code = get_count(requests, i, &table->requests[i]);
	if (!code)
		code = array_reserve(&table->rows, &table->capacity, count, sizeof(*table->rows), SPENT_COUNT + SPENT_COMMANDS);
	for (size_t i = 0; !code && i < count; i++) {
		code = get_part(recording, json_object_array_get_idx(parts, i), &table->rows[i]);
		table->count = code ? i : i + 1;
	}
	return code;
}

static int get_latencies(struct connprof_recording *recording, struct json_object *from)
{
	size_t count;
	struct json_object *array = facts_array(from, "latencies", &count);
	int code = array_reserve(&recording->latencies, &recording->latency_capacity, count / 2, sizeof(*recording->latencies),
				 LATENCY_BUCKETS);

	for (size_t i = 0; !code && i < count / 2; i++) {
		struct latency_row *row = &recording->latencies[i];
		uint64_t floor_ns = 0;

		code = get_count(array, 2 * i, &floor_ns);
		if (!code)
			code = get_count(array, 2 * i + 1, &row->requests);
		row->bucket = latency_bucket(floor_ns);
		if (!code && i && row->bucket <= row[-1].bucket)
			code = -EINVAL; /* ascending, each once */
		recording->latency_count = code ? i : i + 1;
	}
	return code;
}

int facts_get_requests(struct connprof_recording *recording, struct json_object *from)
{
	struct json_object *spent = NULL;
	int code = get_latencies(recording, from);

	if (!code && json_object_object_get_ex(from, "spent", &spent) && json_object_is_type(spent, json_type_object))
		code = get_spent(recording, spent);
	return code;
}

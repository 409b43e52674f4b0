/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_series.c - connections over time, as a member of a recording's facts, and back.
 *
 *   "series": {"from_ns": 1200, "window_ns": 16000000, "peak": 3, "peers": [{"peer": "127.0.0.1:6379", "opened": [1, 0], "open": [1, 0]}]}
 *
 * A peer of "" is all those that are not told apart. All arrays are as long as each other.
 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "report/json_build.h"
#include "report/pprof_facts.h"
#include "report/report.h"

static void put_numbers(struct json_build *build, struct json_object *into, const char *key, const uint32_t *numbers, size_t count)
{
	struct json_object *array = json_put_array(build, into, key);

	for (size_t i = 0; i < count; i++)
		json_add_count(build, array, numbers[i]);
}

void facts_put_series(struct json_build *build, const struct connprof_recording *recording, struct json_object *into)
{
	const struct series_table *table = &recording->series;
	struct json_object *series, *peers;
	char peer[ENDPOINT_TEXT];

	if (!table->windows)
		return;
	series = json_put_object(build, into, "series");
	json_put_count(build, series, "from_ns", table->from_ns);
	json_put_count(build, series, "window_ns", table->window_ns);
	json_put_count(build, series, "peak", table->peak);
	peers = json_put_array(build, series, "peers");
	for (size_t i = 0; i < table->count; i++) {
		const struct series_row *row = &table->rows[i];
		struct json_object *item = json_add_object(build, peers);

		json_put_text(build, item, "peer", row->peer.family ? endpoint_text(&row->peer, recording->strings, peer) : "");
		put_numbers(build, item, "opened", row->opened, table->windows);
		put_numbers(build, item, "open", row->open, table->windows);
	}
}

/* ---- reading ---- */

static int get_number(struct json_object *from, uint64_t limit, uint64_t *out)
{
	if (!json_object_is_type(from, json_type_int) || json_object_get_int64(from) < 0)
		return -EINVAL;
	*out = json_object_get_uint64(from);
	return *out > limit ? -EINVAL : 0;
}

static int get_member(struct json_object *from, const char *key, uint64_t limit, uint64_t *out)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(from, key, &value) ? get_number(value, limit, out) : -EINVAL;
}

/* *windows: 0 until the first array has been read; the others must be as long. */
static int get_numbers(struct json_object *from, const char *key, size_t *windows, uint32_t numbers[SERIES_WINDOWS])
{
	size_t count;
	struct json_object *array = facts_array(from, key, &count);
	uint64_t number = 0;
	int code = count && count <= SERIES_WINDOWS && (!*windows || *windows == count) ? 0 : -EINVAL;

	*windows = count;
	for (size_t i = 0; !code && i < count; i++) {
		code = get_number(json_object_array_get_idx(array, i), UINT32_MAX, &number);
		numbers[i] = (uint32_t)number;
	}
	return code;
}

static int get_row(struct connprof_recording *recording, struct json_object *from, struct series_row *row)
{
	struct json_object *peer = NULL;
	int code = -EINVAL;

	memset(row, 0, sizeof(*row));
	if (json_object_is_type(from, json_type_object) && json_object_object_get_ex(from, "peer", &peer) &&
	    json_object_is_type(peer, json_type_string))
		code = *json_object_get_string(peer) ? endpoint_parse(json_object_get_string(peer), recording->strings, &row->peer) : 0;
	if (!code)
		code = get_numbers(from, "opened", &recording->series.windows, row->opened);
	return code ? code : get_numbers(from, "open", &recording->series.windows, row->open);
}

int facts_get_series(struct connprof_recording *recording, struct json_object *from)
{
	struct series_table *table = &recording->series;
	struct json_object *series = NULL, *peers;
	uint64_t peak = 0;
	size_t count;
	int code;

	if (!json_object_object_get_ex(from, "series", &series))
		return 0;
	if (!json_object_is_type(series, json_type_object))
		return -EINVAL;
	peers = facts_array(series, "peers", &count);
	code = count && count <= SERIES_PEERS ? get_member(series, "from_ns", INT64_MAX / 2, &table->from_ns) : -EINVAL;
	if (!code)
		code = get_member(series, "window_ns", INT64_MAX / 2 / SERIES_WINDOWS, &table->window_ns);
	if (!code)
		code = get_member(series, "peak", UINT32_MAX, &peak);
	if (!code)
		code = array_reserve(&table->rows, &table->capacity, count, sizeof(*table->rows), SERIES_PEERS);
	for (size_t i = 0; !code && i < count; i++)
		code = get_row(recording, json_object_array_get_idx(peers, i), &table->rows[i]);
	table->peak = (uint32_t)peak;
	table->count = code ? 0 : count;
	return code;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* requests_json.c - requests for a program: connprof.requests/1 (docs/formats.md). */
#include "model/latency.h"
#include "protocol/protocol.h"
#include "report/calls.h"
#include "report/json_parts.h"
#include "report/requests.h"

static void put_bands(struct json_build *build, struct json_object *into, const char *key, const double *numbers)
{
	struct json_object *object = json_put_object(build, into, key);

	for (unsigned band = 0; band < BAND_COUNT; band++)
		json_put_number(build, object, band_names[band], numbers[band]);
}

static void put_row(struct json_build *build, struct json_object *array, const struct connprof_recording *recording,
		    const struct spent_row *row)
{
	struct json_object *object = json_add_object(build, array);

	json_put_text(build, object, "part", spent_name(row->spent));
	json_put_text(build, object, "command", row->command ? strings_get(recording->strings, row->command) : NULL);
	put_bands(build, object, "ms", row->ms);
	if (row->command)
		put_bands(build, object, "round_trips", row->count);
	else
		json_put_null(build, object, "round_trips");
}

void spent_table_json(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	const struct spent_table *table = &recording->spent;
	struct json_object *spent, *object;

	if (!table->count) {
		json_put_null(build, document, "spent");
		return;
	}
	spent = json_put_object(build, document, "spent");
	object = json_put_object(build, spent, "requests");
	for (unsigned band = 0; band < BAND_COUNT; band++)
		json_put_count(build, object, band_names[band], table->requests[band]);
	put_bands(build, spent, "latency_ms", table->latency_ms);
	put_bands(build, spent, "queued_ms", table->queued_ms);
	json_put_bool(build, spent, "waits", recording->collect & CONNPROF_OFFCPU);
	object = json_put_array(build, spent, "parts");
	for (size_t i = 0; i < table->count; i++)
		put_row(build, object, recording, &table->rows[i]);
}

static void put_summary(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	const struct requests_summary *summary = &recording->requests;
	struct json_object *requests = json_put_object(build, document, "requests"), *latency;

	json_put_count(build, requests, "observed", summary->observed);
	json_put_text(build, requests, "protocol",
		      summary->protocol ? protocol_name((enum protocol_id)summary->protocol) : NULL);
	latency = json_put_object(build, requests, "latency_ms");
	json_put_number(build, latency, "p50", summary->latency_ms.p50);
	json_put_number(build, latency, "p99", summary->latency_ms.p99);
	json_put_number(build, latency, "max", summary->latency_ms.max);
	json_put_count(build, requests, "over_500ms", summary->over_500ms);
	json_put_count(build, requests, "over_1s", summary->over_1s);
}

static void put_latencies(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *array = json_put_array(build, document, "latencies");

	for (size_t i = 0; i < recording->latency_count; i++) {
		struct json_object *object = json_add_object(build, array);

		json_put_number(build, object, "ms", (double)latency_floor_ns(recording->latencies[i].bucket) / 1e6);
		json_put_count(build, object, "requests", recording->latencies[i].requests);
	}
}

int requests_json_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
			struct connprof_error *error)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build), *window, *lost;

	(void)options;
	json_put_text(&build, document, "schema", "connprof.requests/1");
	window = json_put_object(&build, document, "window");
	json_put_number(&build, window, "seconds", recording->seconds);
	put_summary(&build, document, recording);
	spent_table_json(&build, document, recording);
	put_latencies(&build, document, recording);
	calls_json_put(&build, document, recording);
	lost = lost_json_put(&build, document, recording);
	json_put_count(&build, lost, "unheld", recording->unheld);
	json_put_count(&build, lost, "intervals", recording->purposes_refused);
	json_put_count(&build, lost, "round_trips_untied", recording->trips_untied);
	return json_finish(&build, document, stream, error);
}

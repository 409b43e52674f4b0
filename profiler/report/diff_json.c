/* SPDX-License-Identifier: BSD-2-Clause */
/* diff_json.c - before and after, for a program: connprof.diff/1 (docs/formats.md). */
#include <math.h>
#include <stdlib.h>

#include "report/diff.h"
#include "report/json_parts.h"
#include "report/requests.h"
#include "report/series.h"

static void put_side(struct json_build *build, struct json_object *document, const char *key,
		     const struct connprof_recording *recording)
{
	struct json_object *side = json_put_object(build, document, key), *requests;

	json_put_number(build, side, "seconds", recording->seconds);
	json_put_count(build, side, "samples", recording->samples);
	json_put_count(build, side, "connections", recording->collect & CONNPROF_CONNECTIONS ? recording->connections : UNKNOWN_COUNT);
	json_put_number(build, side, "cpu_seconds", recording->cost.target_cpu_seconds);
	json_put_text(build, side, "verdict", recording->verdict ? verdict_name(recording->verdict) : NULL);
	requests = json_put_object(build, side, "requests");
	json_put_count(build, requests, "observed", recording->requests.observed);
	quantiles_json_put(build, requests, "latency_ms", &recording->requests.latency_ms, true);
	spent_table_json(build, side, recording);
	series_json(build, side, recording);
}

static void put_function(struct json_build *build, struct json_object *array, const struct diff_function *function)
{
	struct json_object *object = json_add_object(build, array);

	json_put_text(build, object, "function", function->name);
	json_put_number(build, object, "total_percent_before", function->total[BEFORE]);
	json_put_number(build, object, "total_percent_after", function->total[AFTER]);
	json_put_number(build, object, "self_percent_before", function->self[BEFORE]);
	json_put_number(build, object, "self_percent_after", function->self[AFTER]);
}

static void put_site_side(struct json_build *build, struct json_object *into, const char *key, const struct site_row *row)
{
	struct json_object *side;

	if (!row) {
		json_put_null(build, into, key);
		return;
	}
	side = json_put_object(build, into, key);
	json_put_text(build, side, "rule", rule_name(row->rule));
	json_put_count(build, side, "connects", row->connects);
	json_put_number(build, side, "connects_per_request", row->connects_per_request);
	json_put_number(build, side, "connects_per_using_request", row->connects_per_using_request);
	json_put_count(build, side, "open_at_end", row->open_at_end);
	json_put_number(build, side, "setup_ms_per_request", row->setup_ms_per_request);
}

int diff_json_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		    struct connprof_error *error)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build), *array;
	struct diff *diff = NULL;

	build.failed |= diff_make(options->base, recording, options, &diff) != 0;
	json_put_text(&build, document, "schema", "connprof.diff/1");
	put_side(&build, document, "before", options->base);
	put_side(&build, document, "after", recording);
	array = json_put_array(&build, document, "sites");
	for (size_t i = 0; diff && i < diff->site_count; i++) {
		struct json_object *site = json_add_object(&build, array);

		json_put_text(&build, site, "call_site", diff->sites[i].place);
		json_put_text(&build, site, "peer", diff->sites[i].peer);
		put_site_side(&build, site, "before", diff->sites[i].row[BEFORE]);
		put_site_side(&build, site, "after", diff->sites[i].row[AFTER]);
	}
	array = json_put_array(&build, document, "functions");
	for (size_t i = 0; diff && i < diff->function_count; i++)
		put_function(&build, array, &diff->functions[i]);
	if (diff) {
		json_put_count(&build, document, "sites_left_out", diff->site_total - diff->site_count);
		json_put_count(&build, document, "functions_left_out", diff->function_total - diff->function_count);
	}
	free(diff);
	return json_finish(&build, document, stream, error);
}

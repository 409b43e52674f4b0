/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - what programs read: connprof.check/1, connprof.trace/1 and connprof.dump/1 (docs/formats.md).
 *
 * Members keep their order; what is not known is null, never 0 and never left out.
 */
#include <sys/socket.h>

#include "protocol/protocol.h"
#include "report/json_parts.h"
#include "report/report.h"

struct writer {
	struct json_build build;
	const struct connprof_recording *recording;
	const struct connprof_report_options *options;
};

/* ---- parts of several documents ---- */

static void put_window(struct writer *out, struct json_object *document)
{
	struct json_object *window = json_put_object(&out->build, document, "window");

	json_put_number(&out->build, window, "seconds", out->recording->seconds);
}

static void put_site_head(struct writer *out, struct json_object *site, const struct site_row *row)
{
	char peer[ENDPOINT_TEXT];

	json_put_text(&out->build, site, "protocol", protocol_or_null(row->protocol));
	json_put_text(&out->build, site, "peer", row->peer.family ? endpoint_text(&row->peer, out->recording->strings, peer) : NULL);
	json_put_text(&out->build, site, "transport", row->peer.family == AF_UNIX ? "unix" : "tcp");
	json_put_bool(&out->build, site, "tls", row->tls);
}

/* What a connection's set-up consists of, medians. */
static void put_setup(struct writer *out, struct json_object *site, const struct site_row *row)
{
	struct json_object *setup = json_put_object(&out->build, site, "setup");

	json_put_number(&out->build, setup, "connect_ms", row->connect_ms.p50);
	json_put_number(&out->build, setup, "tls_ms", row->tls_ms.p50);
	json_put_number(&out->build, setup, "handshake_ms", row->handshake_ms.p50);
	json_put_number(&out->build, setup, "handshake_round_trips", row->handshake_trips);
}

/* Null where no pool is known. */
static void put_pools(struct writer *out, struct json_object *site, const struct site_row *row)
{
	struct json_object *pools;

	if (!row->pool_connects) {
		json_put_null(&out->build, site, "pools");
		return;
	}
	pools = json_put_object(&out->build, site, "pools");
	json_put_count(&out->build, pools, "connects", row->pool_connects);
	json_put_count(&out->build, pools, "distinct", row->pools);
	if (row->pooling == POOLING_UNKNOWN)
		json_put_null(&out->build, pools, "shared");
	else
		json_put_bool(&out->build, pools, "shared", row->pooling == POOLING_SHARED);
}

static void put_site_counts(struct writer *out, struct json_object *site, const struct site_row *row)
{
	struct json_build *build = &out->build;
	struct json_object *reuse;

	json_put_count(build, site, "connects", row->connects);
	json_put_count(build, site, "failed_connects", row->failed_connects);
	json_put_count(build, site, "requests", row->requests);
	json_put_number(build, site, "connects_per_request", row->connects_per_request);
	json_put_number(build, site, "connects_per_using_request", row->connects_per_using_request);
	json_put_count(build, site, "open_at_end", row->open_at_end);
	reuse = json_put_object(build, site, "reuse");
	json_put_number(build, reuse, "requests_per_connection", row->requests_per_connection);
	json_put_number(build, reuse, "commands_per_connection", row->commands_per_connection);
	put_pools(out, site, row);
	quantiles_json_put(&out->build, site, "lifetime_ms", &row->lifetime_ms, false);
	quantiles_json_put(&out->build, site, "setup_ms", &row->setup_ms, false);
	put_setup(out, site, row);
	place_json_put(build, site, "call_site", out->recording, row->call_site);
	stack_json_put(build, site, "stack", out->recording, out->options, row->stack);
}

/* ---- check ---- */

static void put_check_site(struct writer *out, struct json_object *sites, const struct site_row *row)
{
	struct json_object *site = json_add_object(&out->build, sites), *cost;

	json_put_text(&out->build, site, "rule", rule_name(row->rule));
	put_site_head(out, site, row);
	json_put_bool(&out->build, site, "decides", row->decides);
	json_put_text(&out->build, site, "cause", cause_name(row->cause));
	json_put_text(&out->build, site, "attribution", attribution_name(row->attribution));
	json_put_text(&out->build, site, "library", text_or_null(out->recording, row->library));
	put_site_counts(out, site, row);
	cost = json_put_object(&out->build, site, "cost");
	json_put_number(&out->build, cost, "setup_ms_per_request", row->setup_ms_per_request);
	json_put_number(&out->build, cost, "cpu_percent", row->cpu_percent);
	if (row->accepted == ACCEPTED_BASELINE)
		json_put_bool(&out->build, site, "accepted", true);
	if (row->accepted == ACCEPTED_SUPPRESSED)
		json_put_bool(&out->build, site, "suppressed", true);
}

/* Only where --baseline or --suppress was given. */
static void put_acceptance(struct writer *out, struct json_object *document)
{
	const struct acceptance_row *row = &out->recording->acceptance;
	struct json_object *object;

	if (!row->asked)
		return;
	object = json_put_object(&out->build, document, "acceptance");
	json_put_count(&out->build, object, "accepted", row->in_baseline);
	json_put_count(&out->build, object, "suppressed", row->suppressed);
	json_put_count(&out->build, object, "resolved", row->resolved);
}

/* Only where --redis-server asked. */
static void put_server(struct writer *out, struct json_object *document)
{
	const struct server_row *row = &out->recording->server;
	struct json_object *server;

	if (!row->asked)
		return;
	server = json_put_object(&out->build, document, "redis_server");
	json_put_text(&out->build, server, "address", text_or_null(out->recording, row->address));
	json_put_count(&out->build, server, "connections_received", row->connections_received);
	json_put_count(&out->build, server, "connections_seen", row->connections_seen);
	json_put_count(&out->build, server, "clients_listed", row->clients_listed);
	json_put_count(&out->build, server, "clients_matched", row->clients_matched);
	json_put_count(&out->build, server, "unix_clients_listed", row->unix_listed);
	json_put_count(&out->build, server, "unix_connections_open", row->unix_open);
	json_put_text(&out->build, server, "difference", text_or_null(out->recording, row->note));
}

void check_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording,
		    const struct connprof_report_options *options)
{
	struct writer out = {.recording = recording, .options = options, .build = *build};
	const char *reason = strings_get(recording->strings, recording->verdict_note);
	struct json_object *sites;

	json_put_text(&out.build, document, "schema", "connprof.check/1");
	json_put_text(&out.build, document, "verdict", recording->verdict ? verdict_name(recording->verdict) : NULL);
	targets_json_put(&out.build, document, recording);
	put_window(&out, document);
	requests_json_put(&out.build, document, recording);
	sites = json_put_array(&out.build, document, "sites");
	for (size_t i = 0; i < recording->site_count; i++)
		put_check_site(&out, sites, &recording->sites[i]);
	lost_json_put(&out.build, document, recording);
	if (*reason)
		json_put_text(&out.build, document, "reason", reason);
	put_acceptance(&out, document);
	put_server(&out, document);
	notes_json_put(&out.build, document, recording);
	*build = out.build;
}

int check_json_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		     FILE *stream, struct connprof_error *error)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build);

	check_json_put(&build, document, recording, options);
	return json_finish(&build, document, stream, error);
}

/* ---- trace ---- */

int trace_json_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		     FILE *stream, struct connprof_error *error)
{
	struct writer out = {.recording = recording, .options = options};
	struct json_object *document = json_document(&out.build), *connections, *sites;

	json_put_text(&out.build, document, "schema", "connprof.trace/1");
	targets_json_put(&out.build, document, recording);
	put_window(&out, document);
	requests_json_put(&out.build, document, recording);
	connections = json_put_object(&out.build, document, "connections");
	json_put_count(&out.build, connections, "seen", recording->connections);
	json_put_count(&out.build, connections, "open_before", recording->preexisting);
	json_put_count(&out.build, connections, "accepted", recording->accepted);
	sites = json_put_array(&out.build, document, "sites");
	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *row = &recording->sites[i];
		struct json_object *site = json_add_object(&out.build, sites);

		put_site_head(&out, site, row);
		json_put_text(&out.build, site, "library", text_or_null(recording, row->library));
		json_put_count(&out.build, site, "bytes_sent", row->bytes_sent);
		json_put_count(&out.build, site, "bytes_received", row->bytes_received);
		put_site_counts(&out, site, row);
	}
	lost_json_put(&out.build, document, recording);
	notes_json_put(&out.build, document, recording);
	return json_finish(&out.build, document, stream, error);
}

/* ---- dump ---- */

static void put_thread(struct writer *out, struct json_object *threads, const struct dump_thread *row)
{
	struct json_object *thread = json_add_object(&out->build, threads);
	uint8_t end = 0;

	stacks_get(out->recording->stacks, row->stack, NULL, &end);
	json_put_count(&out->build, thread, "tid", row->tid);
	json_put_text(&out->build, thread, "name", text_or_null(out->recording, row->thread));
	json_put_text(&out->build, thread, "state", thread_state_name(row->state));
	json_put_bool(&out->build, thread, "holds_gil", row->holds_gil);
	json_put_bool(&out->build, thread, "torn", row->torn);
	json_put_text(&out->build, thread, "end", row->stack ? stack_end_name(end) : NULL);
	json_put_text(&out->build, thread, "python_end", row->python_end ? python_end_name(row->python_end) : NULL);
	stack_json_put(&out->build, thread, "stack", out->recording, out->options, row->stack);
}

int dump_json_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		    FILE *stream, struct connprof_error *error)
{
	struct writer out = {.recording = recording, .options = options};
	struct json_object *document = json_document(&out.build), *processes, *threads = NULL;

	json_put_text(&out.build, document, "schema", "connprof.dump/1");
	processes = json_put_array(&out.build, document, "processes");
	for (size_t i = 0; i < recording->dump_count; i++) {
		const struct dump_thread *row = &recording->dump[i];

		if (i == 0 || row->pid != recording->dump[i - 1].pid) {
			const struct target_row *target = recording_target(recording, row->pid);
			struct json_object *process = json_add_object(&out.build, processes);

			json_put_count(&out.build, process, "pid", row->pid);
			json_put_text(&out.build, process, "comm", target ? text_or_null(recording, target->comm) : NULL);
			json_put_text(&out.build, process, "exe", target ? text_or_null(recording, target->exe) : NULL);
			threads = json_put_array(&out.build, process, "threads");
		}
		put_thread(&out, threads, row);
	}
	notes_json_put(&out.build, document, recording);
	return json_finish(&out.build, document, stream, error);
}

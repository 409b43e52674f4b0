/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.c - connections as lines. Members keep their order; what is not known is null, never 0 and never left out.
 *
 *   {"schema":"connprof.trace-line/1","event":"opened","time":"2026-11-26T10:30:00.123456Z","seconds":0.5231,"connection":1,
 *    "pid":812,"tid":815,"origin":"opened","transport":"tcp","peer":"127.0.0.1:6379","call_site":{…}}      (one line in the file)
 */
#include "report/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/spool.h"
#include "model/appframes.h"
#include "model/endpoint.h"
#include "model/state.h"
#include "report/json_parts.h"

#define PATIENT_BYTES (64u << 10)

enum line_event {
	LINE_OPENED, LINE_ACCEPTED, LINE_OPEN_BEFORE,               /* it begins */
	LINE_CLOSED, LINE_FAILED, LINE_OPEN, LINE_CONNECTING,       /* it ends, or the window does */
	LINE_EVENTS,
};

static const char *const event_names[LINE_EVENTS] = {
	[LINE_OPENED] = "opened", [LINE_ACCEPTED] = "accepted", [LINE_OPEN_BEFORE] = "open_before",
	[LINE_CLOSED] = "closed", [LINE_FAILED] = "failed", [LINE_OPEN] = "open", [LINE_CONNECTING] = "connecting",
};

struct journal {
	struct output output;
	struct spool spool;
	bool patient;
	int failed;                  /* the reader is gone: a negative errno */
	struct connprof_recording *recording;
	struct connprof_report_options options;
	struct connprof_rules rules;
	struct appframes *appframes;
	uint64_t counts[LINE_EVENTS];
	uint64_t unmade;             /* lines for which there was no memory */
	uint64_t end_ns;             /* of the window, once it has ended */
};

/* ---- one line ---- */

static void put_time(const struct journal *journal, struct json_build *build, struct json_object *line, uint64_t time_ns)
{
	int64_t since = (int64_t)(time_ns - journal->recording->start_ns);
	uint64_t wall = journal->recording->start_unix_ns + (uint64_t)since;
	time_t seconds = (time_t)(wall / 1000000000u);
	char day[40], text[64];
	struct tm parts;

	gmtime_r(&seconds, &parts);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, sizeof(text), "%s.%06uZ", day, (unsigned)(wall % 1000000000u / 1000));
	json_put_text(build, line, "time", text);
	json_put_number(build, line, "seconds", (double)since / 1e9);
}

static struct json_object *line_begin(const struct journal *journal, struct json_build *build, const char *event, uint64_t time_ns)
{
	struct json_object *line = json_document(build);

	json_put_text(build, line, "schema", "connprof.trace-line/1");
	json_put_text(build, line, "event", event);
	put_time(journal, build, line, time_ns);
	return line;
}

static void line_end(struct journal *journal, struct json_build *build, struct json_object *line)
{
	const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	size_t length = 0;
	const char *text = build->failed ? NULL : json_object_to_json_string_length(line, flags, &length);

	if (!text)
		journal->unmade++;
	else
		spool_line(&journal->spool, text, length); /* a line too many is counted there */
	json_object_put(line);
	if (!journal->failed && spool_waiting(&journal->spool) > PATIENT_BYTES)
		journal->failed = journal->patient ? spool_drain(&journal->spool) : spool_push(&journal->spool);
}

/* ---- a connection ---- */

static enum line_event origin_of(const struct conn *conn)
{
	return conn->opened ? LINE_OPENED : conn->preexisting ? LINE_OPEN_BEFORE : LINE_ACCEPTED;
}

static enum line_event end_of(const struct conn *conn)
{
	return conn->failed ? LINE_FAILED : conn->closed_ns ? LINE_CLOSED : conn_under_way(conn) ? LINE_CONNECTING : LINE_OPEN;
}

/* NULL: it has none, or it is not known. */
static const char *end_text(const struct journal *journal, const struct endpoint *endpoint, char out[ENDPOINT_TEXT])
{
	bool known = endpoint->family == AF_UNIX ? endpoint->name != 0 : endpoint->port != 0;

	return known ? endpoint_text(endpoint, journal->recording->strings, out) : NULL;
}

static void put_head(const struct journal *journal, struct json_build *build, struct json_object *line, const struct conn *conn)
{
	char peer[ENDPOINT_TEXT];
	uint16_t family = conn->peer.family;

	json_put_count(build, line, "connection", conn->number);
	json_put_count(build, line, "pid", conn->pid);
	json_put_count(build, line, "tid", conn->opened ? conn->tid : UNKNOWN_COUNT);
	json_put_text(build, line, "origin", event_names[origin_of(conn)]);
	json_put_text(build, line, "transport", !family ? NULL : family == AF_UNIX ? "unix" : "tcp");
	json_put_text(build, line, "peer", end_text(journal, &conn->peer, peer));
}

/* The innermost of the application's own frames. */
static void put_place(const struct journal *journal, struct json_build *build, struct json_object *line, const char *key,
		      uint32_t stack)
{
	size_t count;
	const uint32_t *frames = stacks_get(journal->recording->stacks, stack, &count, NULL);
	int at = appframes_innermost(journal->appframes, frames, count);

	place_json_put(build, line, key, journal->recording, at < 0 ? 0 : frames[at]);
}

static void put_stack(const struct journal *journal, struct json_build *build, struct json_object *line, const char *key,
		      uint32_t stack)
{
	if (journal->options.stacks)
		stack_json_put(build, line, key, journal->recording, &journal->options, stack);
}

static void began(struct journal *journal, const struct conn *conn)
{
	enum line_event event = origin_of(conn);
	struct json_build build = {0};
	struct json_object *line = line_begin(journal, &build, event_names[event], conn->seen_ns);

	put_head(journal, &build, line, conn);
	if (conn->opened) {
		put_place(journal, &build, line, "call_site", conn->stack);
		put_stack(journal, &build, line, "stack", conn->stack);
	}
	journal->counts[event]++;
	line_end(journal, &build, line);
}

static void put_span(struct json_build *build, struct json_object *into, const char *key, uint64_t ns)
{
	if (ns)
		json_put_number(build, into, key, (double)ns / 1e6);
	else
		json_put_null(build, into, key);
}

static void put_times(const struct journal *journal, struct json_build *build, struct json_object *line, const struct conn *conn)
{
	uint64_t end_ns = conn->closed_ns ? conn->closed_ns : journal->end_ns;
	struct conn_setup setup = conn_setup(conn);
	struct json_object *parts;

	put_span(build, line, "lifetime_ms", conn->opened && end_ns > conn->birth_ns ? end_ns - conn->birth_ns : 0);
	put_span(build, line, "idle_ms", conn->last_io_ns && end_ns > conn->last_io_ns ? end_ns - conn->last_io_ns : 0);
	put_span(build, line, "setup_ms", setup.whole_ns);
	parts = json_put_object(build, line, "setup");
	put_span(build, parts, "connect_ms", setup.connect_ns);
	put_span(build, parts, "tls_ms", setup.tls_ns);
	put_span(build, parts, "handshake_ms", setup.handshake_ns);
	json_put_count(build, parts, "handshake_round_trips", conn->opened && conn->protocol ? conn->handshake_trips : UNKNOWN_COUNT);
}

static const char *tie_name(const struct conn *conn)
{
	static const char *const names[TIE_COUNT] = {[TIE_PROCESS] = "process", [TIE_THREAD] = "thread", [TIE_TASK] = "task"};

	return conn->tie < TIE_COUNT ? names[conn->tie] : NULL;
}

/* Who ended it first. */
static const char *closer_name(const struct conn *conn)
{
	if (conn->peer_closed_ns && !(conn->closed_here && conn->closed_ns < conn->peer_closed_ns))
		return "peer";
	if (conn->closed_here)
		return conn->exiting ? "exit" : "target";
	return !conn->failed && conn->error == ECONNRESET ? "peer" : NULL;
}

static const char *error_name(int error, char out[32])
{
	const char *name = error ? strerrorname_np(error) : NULL;

	if (error && !name)
		snprintf(out, 32, "%d", error);
	return error && !name ? out : name;
}

static void put_ending(const struct journal *journal, struct json_build *build, struct json_object *line, const struct conn *conn)
{
	char error[32];

	json_put_text(build, line, "closed_by", closer_name(conn));
	json_put_text(build, line, "error", error_name(conn->error, error));
	if (conn->opened)
		put_place(journal, build, line, "call_site", conn->stack);
	put_place(journal, build, line, "close_site", conn->close_stack);
	put_stack(journal, build, line, "close_stack", conn->close_stack);
}

static void over(struct journal *journal, const struct conn *conn)
{
	enum line_event event = end_of(conn);
	struct json_build build = {0};
	struct json_object *line = line_begin(journal, &build, event_names[event], conn->closed_ns ? conn->closed_ns : journal->end_ns);
	char local[ENDPOINT_TEXT];

	put_head(journal, &build, line, conn);
	json_put_text(&build, line, "local", end_text(journal, &conn->local, local));
	json_put_text(&build, line, "protocol", protocol_or_null(conn->protocol));
	json_put_bool(&build, line, "tls", conn->tls);
	json_put_text(&build, line, "library", text_or_null(journal->recording, conn->library));
	put_times(journal, &build, line, conn);
	json_put_count(&build, line, "bytes_sent", conn->bytes_sent);
	json_put_count(&build, line, "bytes_received", conn->bytes_received);
	json_put_count(&build, line, "commands", conn->protocol ? conn->commands : UNKNOWN_COUNT);
	json_put_count(&build, line, "requests", conn->protocol && !conn->server ? conn->served : UNKNOWN_COUNT);
	json_put_text(&build, line, "tied", tie_name(conn));
	put_ending(journal, &build, line, conn);
	journal->counts[event]++;
	line_end(journal, &build, line);
}

static void told(void *context, enum conn_moment moment, const struct conn *conn)
{
	if (moment == CONN_BEGAN)
		began(context, conn);
	else
		over(context, conn);
}

static void visit_left(const struct conn *conn, void *context)
{
	if (!conn->pair)
		over(context, conn);
}

/* ---- the whole ---- */

int journal_open(const char *path, struct connprof_recording *recording, const struct connprof_report_options *options,
		 const struct connprof_rules *rules, bool patient, struct journal **out, struct connprof_error *error)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	struct model_parts parts;
	int code;

	if (!journal)
		return error_memory(error);
	journal->recording = recording;
	journal->options = *options;
	journal->rules = *rules;
	journal->patient = patient;
	journal->appframes = appframes_new(recording, &journal->rules);
	code = journal->appframes ? output_open(&journal->output, path, error) : error_memory(error);
	if (code) {
		journal_abort(journal);
		return code;
	}
	journal->spool.fd = fileno(journal->output.stream);
	model_parts(recording->model, &parts);
	conns_watch(parts.conns, told, journal);
	*out = journal;
	return 0;
}

int journal_push(struct journal *journal, struct connprof_error *error)
{
	if (!journal->failed)
		journal->failed = spool_push(&journal->spool);
	return journal->failed ? output_failed(&journal->output, journal->failed, error) : 0;
}

static void put_summary(struct journal *journal)
{
	const struct connprof_recording *recording = journal->recording;
	struct json_build build = {0};
	struct json_object *line = line_begin(journal, &build, "summary", journal->end_ns), *part;

	targets_json_put(&build, line, recording);
	requests_json_put(&build, line, recording);
	part = json_put_object(&build, line, "connections");
	for (int i = 0; i < LINE_EVENTS; i++)
		json_put_count(&build, part, event_names[i], journal->counts[i]);
	lost_json_put(&build, line, recording);
	json_put_count(&build, line, "lines_lost", journal->unmade + journal->spool.refused);
	notes_json_put(&build, line, recording);
	line_end(journal, &build, line);
}

int journal_close(struct journal *journal, struct connprof_error *error)
{
	struct model_parts parts;
	int code;

	model_parts(journal->recording->model, &parts);
	journal->end_ns = parts.end_ns;
	journal->patient = true;
	if (!journal->failed)
		journal->failed = spool_drain(&journal->spool);
	conns_each(parts.conns, visit_left, journal);
	put_summary(journal);
	code = journal->failed ? journal->failed : spool_drain(&journal->spool);
	code = code ? output_failed(&journal->output, code, error) : output_commit(&journal->output, error);
	journal_abort(journal);
	return code;
}

void journal_abort(struct journal *journal)
{
	if (!journal)
		return;
	output_abort(&journal->output);
	appframes_free(journal->appframes);
	spool_done(&journal->spool);
	free(journal);
}

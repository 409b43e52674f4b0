/* SPDX-License-Identifier: BSD-2-Clause */
/* test_journal.c - connections as lines of JSON, from hand-made events: one when each begins, one when it has ended, a summary. */
#include "unit/model/stream.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/journal.h"

#define LINES_MAX 64
#define PID 9u

struct lines {
	struct stream stream;
	struct journal *journal;
	char path[64];
	struct json_object *items[LINES_MAX];
	size_t count;
};

static void begin(struct lines *lines, bool stacks)
{
	struct connprof_report_options options = {.format = "jsonl", .stacks = stacks};
	struct connprof_rules rules = {0};
	int fd;

	memset(lines, 0, sizeof(*lines));
	stream_begin(&lines->stream);
	lines->stream.recording->start_ns = START_NS;
	lines->stream.recording->start_unix_ns = 1764000000123456789u;
	snprintf(lines->path, sizeof(lines->path), "/tmp/connprof-journal-XXXXXX");
	fd = mkstemp(lines->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(journal_open(lines->path, lines->stream.recording, &options, &rules, false, &lines->journal, NULL), 0);
}

/* Ends the window after a second and reads what was written. */
static void finish(struct lines *lines)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	assert_int_equal(model_finish(lines->stream.model, START_NS, START_NS + 1000 * MS), 0);
	assert_int_equal(journal_close(lines->journal, NULL), 0);
	file = fopen(lines->path, "r");
	assert_non_null(file);
	while (getline(&line, &size, file) > 0) {
		assert_true(lines->count < LINES_MAX);
		assert_int_equal(line[strlen(line) - 1], '\n');
		lines->items[lines->count] = json_tokener_parse(line);
		assert_non_null(lines->items[lines->count]);
		lines->count++;
	}
	free(line);
	fclose(file);
	unlink(lines->path);
}

static void end(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		json_object_put(lines->items[i]);
	stream_end(&lines->stream);
}

/* The member at a path of names with '.' between. */
static struct json_object *at(struct json_object *object, const char *path)
{
	char copy[80], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key; (key = strsep(&rest, "."));)
		if (!json_object_object_get_ex(object, key, &object))
			fail_msg("no member %s", path);
	return object;
}

static void assert_line(const struct lines *lines, size_t line, const char *path, const char *expected)
{
	struct json_object *value;

	assert_true(line < lines->count);
	value = at(lines->items[line], path);
	assert_string_equal(value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE) : "null", expected);
}

static void assert_members(struct json_object *object, const char *expected)
{
	char names[1024] = "";
	int used = 0;

	json_object_object_foreach(object, key, value) {
		(void)value;
		used += snprintf(names + used, sizeof(names) - (size_t)used, "%s ", key);
	}
	assert_string_equal(names, expected);
}

static void a_connection_is_a_line_when_opened_and_one_when_closed(void **state)
{
	struct lines lines;
	uint64_t request, conn;

	(void)state;
	begin(&lines, false);
	request = request_begin(&lines.stream, PID, PID);
	conn = redis_connect(&lines.stream, PID, PID, connect_stack(&lines.stream, "recommend", 42));
	redis_command(&lines.stream, conn, PID, PID);
	redis_command(&lines.stream, conn, PID, PID);
	redis_close(&lines.stream, conn, PID, PID, drop_stack(&lines.stream));
	request_end(&lines.stream, request, PID, PID);
	finish(&lines);

	assert_int_equal(lines.count, 5);
	assert_line(&lines, 0, "event", "\"accepted\"");
	assert_line(&lines, 0, "time", "\"2025-11-24T16:00:00.123456Z\"");
	assert_line(&lines, 1, "event", "\"opened\"");
	assert_members(lines.items[1], "schema event time seconds connection pid tid origin transport peer call_site ");
	assert_line(&lines, 1, "schema", "\"connprof.trace-line/1\"");
	assert_line(&lines, 1, "peer", "\"127.0.0.1:6379\"");
	assert_line(&lines, 1, "call_site.function", "\"recommend\"");
	assert_line(&lines, 1, "call_site.line", "42");
	assert_line(&lines, 2, "event", "\"closed\"");
	assert_members(lines.items[2], "schema event time seconds connection pid tid origin transport peer local protocol tls library "
		       "lifetime_ms idle_ms setup_ms setup bytes_sent bytes_received commands requests tied closed_by error call_site "
		       "close_site ");
	assert_line(&lines, 2, "connection", "2");
	assert_line(&lines, 2, "protocol", "\"redis\"");
	assert_line(&lines, 2, "library", "\"redis-py 5.0.1\"");
	assert_line(&lines, 2, "lifetime_ms", "1.2");
	assert_line(&lines, 2, "setup_ms", "1.0");
	assert_line(&lines, 2, "setup.connect_ms", "0.5");
	assert_line(&lines, 2, "setup.tls_ms", "null");
	assert_line(&lines, 2, "setup.handshake_ms", "0.5");
	assert_line(&lines, 2, "bytes_sent", "120");
	assert_line(&lines, 2, "commands", "2");
	assert_line(&lines, 2, "requests", "1");
	assert_line(&lines, 2, "tied", "\"thread\"");
	assert_line(&lines, 2, "closed_by", "\"target\"");
	assert_line(&lines, 2, "close_site.line", "50");
	assert_line(&lines, 3, "origin", "\"accepted\"");
	assert_line(&lines, 3, "commands", "1");
	assert_line(&lines, 3, "requests", "null");
	assert_line(&lines, 4, "event", "\"summary\"");
	assert_line(&lines, 4, "seconds", "1.0");
	assert_line(&lines, 4, "connections.opened", "1");
	assert_line(&lines, 4, "connections.closed", "2");
	assert_line(&lines, 4, "requests.observed", "1");
	end(&lines);
}

static void each_end_has_its_name(void **state)
{
	struct lines lines;
	struct stream *stream = &lines.stream;
	uint32_t stack;
	uint64_t conn;

	(void)state;
	begin(&lines, false);
	stack = connect_stack(stream, "recommend", 42);
	conn_event(stream, EVENT_CONNECT, 100, PID, PID, stack, CONN_OPENED, 0);
	conn_event(stream, EVENT_GONE, 100, PID, PID, 0, CONN_OPENED | CONN_RESET, ECONNREFUSED);
	conn = redis_connect(stream, PID, PID, stack);
	peer_closes(stream, conn);
	stream->now_ns += MS;
	redis_close(stream, conn, PID, PID, 0);
	conn = redis_connect(stream, PID, PID, stack);
	conn_event(stream, EVENT_CLOSE, conn, PID, PID, 0, CONN_OPENED | CONN_EXITING, 0);
	conn_event(stream, EVENT_GONE, conn, PID, PID, 0, CONN_OPENED, 0);
	conn = redis_connect(stream, PID, PID, stack);
	conn_event(stream, EVENT_GONE, conn, PID, PID, 0, CONN_OPENED | CONN_RESET, ECONNRESET);
	conn_event(stream, EVENT_PREEXISTING, 200, PID, PID, 0, 0, 0);
	conn_event(stream, EVENT_ESTABLISHED, 300, PID, PID, 0, CONN_PAIR, 0); /* nobody's connection: no line */
	redis_connect(stream, PID, PID, stack);
	conn_event(stream, EVENT_CONNECT, 400, PID, PID, stack, CONN_OPENED, 0);
	finish(&lines);

	assert_int_equal(lines.count, 15);
	assert_line(&lines, 1, "event", "\"failed\"");
	assert_line(&lines, 1, "error", "\"ECONNREFUSED\"");
	assert_line(&lines, 1, "closed_by", "null");
	assert_line(&lines, 1, "call_site.line", "42");
	assert_line(&lines, 3, "closed_by", "\"peer\"");
	assert_line(&lines, 3, "error", "null");
	assert_line(&lines, 5, "closed_by", "\"exit\"");
	assert_line(&lines, 7, "closed_by", "\"peer\"");
	assert_line(&lines, 7, "error", "\"ECONNRESET\"");
	assert_line(&lines, 8, "event", "\"open_before\"");
	assert_line(&lines, 8, "tid", "null");
	assert_line(&lines, 11, "event", "\"open\"");
	assert_line(&lines, 11, "lifetime_ms", "null"); /* open before: since when is not known */
	assert_line(&lines, 12, "event", "\"open\"");
	assert_line(&lines, 12, "closed_by", "null");
	assert_line(&lines, 13, "event", "\"connecting\"");
	assert_line(&lines, 14, "connections.opened", "6");
	assert_line(&lines, 14, "connections.failed", "1");
	assert_line(&lines, 14, "connections.closed", "3");
	assert_line(&lines, 14, "connections.open", "2");
	assert_line(&lines, 14, "connections.connecting", "1");
	assert_line(&lines, 14, "connections.open_before", "1");
	end(&lines);
}

static void stacks_come_where_they_are_asked_for(void **state)
{
	struct lines lines;
	uint64_t conn;

	(void)state;
	begin(&lines, true);
	conn = redis_connect(&lines.stream, PID, PID, connect_stack(&lines.stream, "recommend", 42));
	redis_close(&lines.stream, conn, PID, PID, drop_stack(&lines.stream));
	finish(&lines);
	assert_int_equal(json_object_array_length(at(lines.items[0], "stack")), 6);
	assert_int_equal(json_object_array_length(at(lines.items[1], "close_stack")), 4);
	end(&lines);
}

static void what_was_lost_is_in_the_summary(void **state)
{
	struct lines lines;

	(void)state;
	begin(&lines, false);
	lost(&lines.stream, DROP_CONNECTS, 3);
	finish(&lines);
	assert_int_equal(lines.count, 1);
	assert_line(&lines, 0, "lost.connects", "3");
	assert_line(&lines, 0, "lines_lost", "0");
	end(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_a_line_when_opened_and_one_when_closed),
		cmocka_unit_test(each_end_has_its_name),
		cmocka_unit_test(stacks_come_where_they_are_asked_for),
		cmocka_unit_test(what_was_lost_is_in_the_summary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_calls.c - which statement asks Redis one by one, and which writes the log: few stacks, exact sums. */
#include "unit/model/stream.h"

#include <sys/stat.h>

#include "model/verdict.h"

enum { PID = 50 };

static void stream_calls(struct stream *s)
{
	stream_begin(s);
	s->recording->collect |= CONNPROF_REQUESTS | CONNPROF_ROUND_TRIPS | CONNPROF_LOGS;
}

static uint32_t redis_stack(struct stream *s, const char *function, unsigned line)
{
	return stack_of(s, "send", LIB "/redis/connection.py", 300u, "Redis.execute_command", LIB "/redis/client.py", 500u, function,
			"/srv/app/rank.py", line, "handle", LIB "/gunicorn/workers/sync.py", 134u, NULL);
}

static uint32_t log_stack(struct stream *s, const char *function, unsigned line, const char *level)
{
	return stack_of(s, "StreamHandler.emit", "/usr/lib/python3.11/logging/__init__.py", 1100u, level,
			"/usr/lib/python3.11/logging/__init__.py", 1489u, function, "/srv/app/rank.py", line, "handle",
			LIB "/gunicorn/workers/sync.py", 134u, NULL);
}

/* One question and its answer, half a millisecond; stack 0: not walked for. */
static void trip(struct stream *s, uint64_t conn, uint32_t tid, const char *command, uint32_t count, uint32_t stack)
{
	struct event send = { .kind = EVENT_SEND, .pid = PID, .tid = tid, .stack = stack };

	io(s, conn, PID, tid, WIRE_SENT,
	   (struct wire_facts){ .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .requests = count, .command = command_by_name(command) });
	send.call.conn = conn;
	send.call.weight = 1;
	if (stack)
		feed(s, &send);
	s->now_ns += MS / 2;
	io(s, conn, PID, tid, WIRE_RECEIVED,
	   (struct wire_facts){ .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .responses = count });
}

static const struct trip_row *trips_of(const struct stream *s, const char *function, const char *command)
{
	for (size_t i = 0; i < s->recording->trip_count; i++) {
		const struct trip_row *row = &s->recording->trips[i];
		const struct frame *frame = stacks_frame(s->recording->stacks, row->call_site);

		if (frame && !strcmp(text_of(s, frame->function), function) && !strcmp(text_of(s, row->command), command))
			return row;
	}
	fail_msg("no row %s %s", function, command);
	return NULL;
}

/* 23 GETs from one line and one HGETALL from another, of which only some are walked for; and a pipeline, which is none. */
static void one_by_one_is_told_from_pipelines(void **state)
{
	struct stream s;
	uint32_t rank, user, batch;
	uint64_t conn;
	(void)state;

	stream_calls(&s);
	rank = redis_stack(&s, "rank", 57);
	user = redis_stack(&s, "user", 12);
	batch = redis_stack(&s, "batch", 90);
	conn = redis_connect(&s, PID, PID, 0);
	for (int i = 0; i < 100; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		for (int k = 0; k < 23; k++)
			trip(&s, conn, PID, "GET", 1, rank);
		trip(&s, conn, PID, "HGETALL", 1, user);
		trip(&s, conn, PID, "MGET", 10, batch);
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->trip_count, 2);
	assert_int_equal(trips_of(&s, "rank", "GET")->requests, 100);
	assert_float_equal(trips_of(&s, "rank", "GET")->trips, 2300, 1e-6);
	assert_float_equal(trips_of(&s, "rank", "GET")->ms, 1150, 1e-6);
	assert_float_equal(trips_of(&s, "user", "HGETALL")->trips, 100, 1e-6);
	assert_ptr_equal(&s.recording->trips[0], trips_of(&s, "rank", "GET")); /* the most time first */

	/* As a rule of check: a finding only when asked for, and only of the one that does it often. */
	assert_int_equal(connprof_recording_judge(s.recording, NULL, NULL), CONNPROF_OK);
	{
		struct connprof_rules rules = verdict_default_rules;
		const struct site_row *site;

		rules.round_trips = true;
		assert_int_equal(connprof_recording_judge(s.recording, &rules, NULL), CONNPROF_FINDINGS);
		site = &s.recording->sites[0];
		assert_string_equal(rule_name(site->rule), "round-trips");
		assert_true(site->decides);
		assert_int_equal(stacks_frame(s.recording->stacks, site->call_site)->line, 57);
		assert_string_equal(text_of(&s, site->explanation),
				    "23.0 GET are sent one by one, each waiting for its answer, in a request that does so: 11.50 ms of waiting.");
		for (size_t i = 1; i < s.recording->site_count; i++)
			assert_int_equal(s.recording->sites[i].rule, RULE_NONE);
	}
	assert_int_equal(connprof_recording_judge(s.recording, NULL, NULL), CONNPROF_OK); /* it does not stay */
	stream_end(&s);
}

/* The count is known without stacks; a few of them say where. */
static void few_stacks_are_enough(void **state)
{
	struct stream s;
	uint32_t rank;
	uint64_t conn;
	(void)state;

	stream_calls(&s);
	rank = redis_stack(&s, "rank", 57);
	conn = redis_connect(&s, PID, PID, 0);
	for (int i = 0; i < 100; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		for (int k = 0; k < 23; k++)
			trip(&s, conn, PID, "GET", 1, i % 10 == 0 && k == 11 ? rank : 0);
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(trips_of(&s, "rank", "GET")->requests, 10);
	assert_float_equal(trips_of(&s, "rank", "GET")->trips, 230, 1e-6);
	assert_float_equal(trips_of(&s, "rank", "GET")->ms, 115, 1e-6);
	stream_end(&s);
}

/* Five statements ask once each, another one six times; of a request one send is walked. None of the five is taken for more. */
static void a_statement_is_not_charged_with_other_commands(void **state)
{
	static const char *const commands[] = { "GET", "HGETALL", "SMEMBERS", "LRANGE", "TTL", "EXISTS" };
	struct stream s;
	uint32_t stacks[6];
	uint64_t conn;
	(void)state;

	stream_calls(&s);
	for (unsigned k = 0; k < 6; k++)
		stacks[k] = redis_stack(&s, commands[k], 10 + k);
	conn = redis_connect(&s, PID, PID, 0);
	for (unsigned i = 0; i < 120; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		for (unsigned k = 0; k < 6; k++)
			for (unsigned times = k == 5 ? 6 : 1; times-- > 0;)
				trip(&s, conn, PID, commands[k], 1, i % 6 == k && !times ? stacks[k] : 0);
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 60, NULL);
	for (unsigned k = 0; k < 6; k++) {
		const struct trip_row *row = trips_of(&s, commands[k], commands[k]);

		assert_int_equal(row->requests, 20);
		assert_float_equal(row->trips, 20 * (k == 5 ? 6 : 1), 1e-6);
		assert_float_equal(row->ms, row->trips / 2, 1e-6);
	}
	stream_end(&s);
}

/* ---- log sites ---- */

static void write_log(struct stream *s, uint32_t tid, const char *place, uint32_t mode, uint32_t lines, uint32_t stack, uint32_t weight)
{
	struct event event = { .kind = EVENT_LOG, .pid = PID, .tid = tid, .stack = stack };

	event.call = (struct event_call){
		.bytes = 100 * lines, .ns = MS / 10, .blocked_ns = lines > 1 ? MS / 10 : 0, .lines = lines, .weight = stack ? weight : 0,
		.place = strings_add(s->recording->strings, place), .mode = mode,
	};
	feed(s, &event);
}

static const struct log_row *log_of(const struct stream *s, const char *function, const char *place)
{
	for (size_t i = 0; i < s->recording->log_count; i++) {
		const struct log_row *row = &s->recording->logs[i];
		const struct frame *frame = stacks_frame(s->recording->stacks, row->call_site);

		if (frame && !strcmp(text_of(s, frame->function), function) && !strcmp(text_of(s, row->place), place))
			return row;
	}
	fail_msg("no row %s %s", function, place);
	return NULL;
}

static void lines_are_counted_by_statement_and_request(void **state)
{
	struct stream s;
	struct event sample = { .kind = EVENT_SAMPLE, .pid = PID, .tid = PID };
	uint32_t noisy, quiet, other;
	(void)state;

	stream_calls(&s);
	noisy = log_stack(&s, "recommend", 88, "Logger.info");
	quiet = log_stack(&s, "recommend", 99, "Logger.warning");
	other = stack_of(&s, "recommend", "/srv/app/rank.py", 70u, "handle", LIB "/gunicorn/workers/sync.py", 134u, NULL);
	for (int i = 0; i < 50; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		for (int k = 0; k < 41; k++) {
			s.now_ns += MS / 10;
			write_log(&s, PID, "stderr (pipe)", S_IFIFO, 1, noisy, 1);
		}
		write_log(&s, PID, "/var/log/app.log", S_IFREG, 2, quiet, 1);
		sample.stack = i % 2 ? noisy : other;
		feed(&s, &sample);
		s.now_ns += MS;
		request_end(&s, request, PID, PID);
		s.now_ns += MS;
		write_log(&s, PID, "/var/log/app.log", S_IFREG, 1, quiet, 1); /* between requests */
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->log_count, 2);
	assert_int_equal(s.recording->log_lines, 50 * 44);
	assert_float_equal(log_of(&s, "recommend", "stderr (pipe)")->lines, 50 * 41, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "stderr (pipe)")->inside_lines, 50 * 41, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "stderr (pipe)")->inside_ms, 50 * 4.1, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "stderr (pipe)")->blocked_ms, 0, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "stderr (pipe)")->cpu_percent, 50, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "/var/log/app.log")->lines, 150, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "/var/log/app.log")->inside_lines, 100, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "/var/log/app.log")->blocked_ms, 5, 1e-6);
	assert_float_equal(log_of(&s, "recommend", "/var/log/app.log")->cpu_percent, 0, 1e-6);
	stream_end(&s);
}

/* One stack in seven stands for the seven; what none stands for is shared out too: sums are exact. */
/* More than the table holds: the rest is told, and the sum of the place stays right. */
static void more_statements_than_are_told_apart_are_told(void **state)
{
	const int many = 5000;
	struct stream s;
	(void)state;

	stream_calls(&s);
	for (int i = 1; i <= many; i++) {
		s.now_ns += MS / 10;
		write_log(&s, PID, "stderr (pipe)", S_IFIFO, 1, log_stack(&s, "recommend", (uint32_t)i, "Logger.info"), 1);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->log_lines, many);
	assert_true(s.recording->log_count > 0);
	assert_true(s.recording->note_count > 0);
	assert_non_null(strstr(text_of(&s, s.recording->notes[0]), "more places and stacks of log writes"));
	stream_end(&s);
}

static void unwalked_writes_are_shared_out(void **state)
{
	struct stream s;
	uint32_t a, b;
	(void)state;

	stream_calls(&s);
	a = log_stack(&s, "a", 1, "Logger.info");
	b = log_stack(&s, "b", 2, "Logger.info");
	for (int i = 0; i < 700; i++)
		write_log(&s, PID, "stderr (pipe)", S_IFIFO, 1, i % 7 ? 0 : i % 4 == 0 ? b : a, 7);
	for (int i = 0; i < 300; i++)
		write_log(&s, PID, "stderr (pipe)", S_IFIFO, 1, 0, 0);
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->log_lines, 1000);
	assert_float_equal(log_of(&s, "a", "stderr (pipe)")->lines, 750, 1e-6);
	assert_float_equal(log_of(&s, "b", "stderr (pipe)")->lines, 250, 1e-6);
	stream_end(&s);
}

static void a_pipe_between_processes_is_no_log(void **state)
{
	struct stream s;
	uint32_t queue, syslog;
	(void)state;

	stream_calls(&s);
	queue = log_stack(&s, "put", 5, "Connection.send");
	syslog = log_stack(&s, "audit", 6, "Logger.info");
	for (int i = 0; i < 100; i++) {
		write_log(&s, PID, "pipe", S_IFIFO, 0, queue, 1);
		write_log(&s, PID, "syslog", S_IFSOCK, 0, syslog, 1);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->log_count, 1);
	assert_float_equal(log_of(&s, "audit", "syslog")->writes, 100, 1e-6);
	stream_end(&s);
}

/* Of eight tasks on one thread each writes its own lines; they are inside requests once these have answered. */
static void lines_of_tasks_lie_in_their_requests(void **state)
{
	struct stream s;
	uint64_t requests[8];
	uint32_t stack;
	(void)state;

	stream_calls(&s);
	stack = log_stack(&s, "handler", 9, "Logger.info");
	for (int i = 0; i < 8; i++)
		requests[i] = request_begin(&s, PID, PID);
	s.now_ns += MS;
	for (uint32_t i = 0; i < 8; i++) {
		s.unit = 100 + i;
		write_log(&s, PID, "stderr (pipe)", S_IFIFO, 1, stack, 1);
	}
	s.unit = 99;
	write_log(&s, PID, "stderr (pipe)", S_IFIFO, 1, stack, 1); /* a task that answers nobody */
	for (uint32_t i = 0; i < 8; i++) {
		s.unit = 100 + i;
		s.now_ns += MS;
		request_end(&s, requests[i], PID, PID);
	}
	s.unit = 0;
	stream_judge(&s, 60, NULL);
	assert_float_equal(log_of(&s, "handler", "stderr (pipe)")->lines, 9, 1e-6);
	assert_float_equal(log_of(&s, "handler", "stderr (pipe)")->inside_lines, 8, 1e-6);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one_is_told_from_pipelines),
		cmocka_unit_test(few_stacks_are_enough),
		cmocka_unit_test(a_statement_is_not_charged_with_other_commands),
		cmocka_unit_test(lines_are_counted_by_statement_and_request),
		cmocka_unit_test(more_statements_than_are_told_apart_are_told),
		cmocka_unit_test(unwalked_writes_are_shared_out),
		cmocka_unit_test(a_pipe_between_processes_is_no_log),
		cmocka_unit_test(lines_of_tasks_lie_in_their_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_replay.c - an event stream written and read back gives the same recording; a bad one is refused with its line. */
#include "unit/model/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/record.h"
#include "source/replay.h"

struct scratch {
	char path[64];
};

static int scratch_make(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	int fd;

	if (!scratch)
		return -1;
	snprintf(scratch->path, sizeof(scratch->path), "/tmp/connprof-replay-XXXXXX");
	fd = mkstemp(scratch->path);
	*state = scratch;
	return fd < 0 ? -1 : close(fd);
}

static int scratch_remove(void **state)
{
	struct scratch *scratch = *state;

	unlink(scratch->path);
	free(scratch);
	return 0;
}

static const struct connprof_recording *events_of(struct stream *stream, struct event *out, size_t *count)
{
	struct event events[] = {
		{ .kind = EVENT_PROCESS, .pid = 9, .tid = 9 },
		{ .kind = EVENT_SAMPLE, .pid = 9, .tid = 10, .python_end = PYTHON_ROOT, .sample.holds_gil = 1 },
		{ .kind = EVENT_CONNECT, .pid = 9, .tid = 10, .conn = { .conn = UINT64_MAX - 1, .flags = CONN_OPENED, .pool = UINT32_MAX } },
		{ .kind = EVENT_ESTABLISHED, .pid = 9, .tid = 10, .conn = { .conn = UINT64_MAX - 1, .flags = CONN_OPENED } },
		{ .kind = EVENT_IO, .pid = 9, .tid = 10, .io = { .conn = UINT64_MAX - 1, .bytes = 31, .direction = WIRE_SENT,
		  .facts = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .requests = 2, .handshake = 1, .library = "a\"b\\c" } } },
		{ .kind = EVENT_CLOSE, .pid = 9, .tid = 10, .conn = { .conn = UINT64_MAX - 1, .flags = CONN_OPENED } },
		{ .kind = EVENT_GONE, .conn = { .conn = UINT64_MAX - 1, .flags = CONN_OPENED | CONN_RESET, .error = 104 } },
		{ .kind = EVENT_LOST, .lost = { .reason = DROP_RING_FULL_IO, .count = 3 } },
		{ .kind = EVENT_OFFCPU, .pid = 9, .tid = 10, .offcpu = { .wait = WAIT_SOCKET, .ns = 5 * MS, .conn = UINT64_MAX - 1,
		  .weight = 3 * WEIGHT_ONE, .left_count = 2, .left_ns = 8 * MS, .holder = 11 } },
		{ .kind = EVENT_EXIT, .pid = 9, .tid = 9 },
	};

	*count = sizeof(events) / sizeof(events[0]);
	events[0].process.comm = strings_add(stream->recording->strings, "name with \"quotes\"");
	events[1].stack = connect_stack(stream, "recommend", 42);
	events[1].thread = strings_add(stream->recording->strings, "worker");
	events[2].stack = events[1].stack;
	events[2].conn.peer = (struct endpoint){ .address = { [15] = 1 }, .family = AF_INET6, .port = 6379 };
	events[5].stack = drop_stack(stream);
	events[8].stack = events[1].stack;
	for (size_t i = 0; i < *count; i++) {
		events[i].time_ns = START_NS + i * MS;
		out[i] = events[i];
	}
	return stream->recording;
}

static void what_was_written_is_read_back_the_same(void **state)
{
	const struct scratch *scratch = *state;
	struct record_writer *writer;
	struct connprof_recording *copy;
	struct connprof_error error = { 0 };
	struct event events[16];
	struct stream s;
	size_t count;
	const struct site_row *here, *there;

	stream_begin(&s);
	s.recording->rate_hz = 99;
	events_of(&s, events, &count);
	assert_int_equal(record_open(scratch->path, s.recording, START_NS, &writer, &error), 0);
	for (size_t i = 0; i < count; i++) {
		s.now_ns = events[i].time_ns;
		feed(&s, &events[i]);
		assert_int_equal(record_event(writer, &events[i]), 0);
	}
	assert_int_equal(record_close(writer, START_NS + 1000 * MS, &error), 0);
	stream_judge(&s, 1, NULL);
	if (replay_load(scratch->path, &copy, &error))
		fail_msg("%s", error.text);
	connprof_recording_judge(copy, NULL, NULL);
	assert_int_equal(copy->rate_hz, 99);
	assert_int_equal(copy->samples, 1);
	assert_string_equal(strings_get(copy->strings, copy->profile[0].thread), "worker");
	assert_string_equal(strings_get(copy->strings, copy->targets[0].comm), "name with \"quotes\"");
	assert_true(copy->targets[0].exited);
	assert_int_equal(copy->drops[DROP_RING_FULL_IO], 3);
	assert_int_equal(copy->profile_count, 2);
	assert_int_equal(copy->profile[1].wait, WAIT_SOCKET);
	assert_int_equal(copy->profile[1].off_ns, 13 * MS);
	assert_int_equal(copy->offcpu.left, 2);
	assert_float_equal(copy->seconds, 1.0, 1e-9);
	assert_int_equal(copy->verdict, s.recording->verdict);
	assert_int_equal(copy->site_count, 1);
	here = &s.recording->sites[0];
	there = &copy->sites[0];
	assert_memory_equal(&there->peer, &here->peer, sizeof(here->peer));
	assert_string_equal(strings_get(copy->strings, there->library), "a\"b\\c");
	assert_string_equal(strings_get(copy->strings, stacks_frame(copy->stacks, there->call_site)->function), "recommend");
	assert_float_equal(there->lifetime_ms.p50, here->lifetime_ms.p50, 1e-12);
	assert_float_equal(there->commands_per_connection, 1.0, 1e-12);
	assert_int_equal(there->pool_connects, 1);
	assert_int_equal(there->pools, 1);
	connprof_recording_free(copy);
	stream_end(&s);
}

/* What debug info tells of a frame is known at the end only, live and in the file. */
static void frames_replaced_at_the_end_are_replaced_in_the_copy(void **state)
{
	const struct scratch *scratch = *state;
	struct connprof_error error = {0};
	struct connprof_recording *copy;
	struct record_writer *writer;
	struct event events[16];
	struct stream s;
	size_t count, depth, copied;
	const uint32_t *frames;

	stream_begin(&s);
	events_of(&s, events, &count);
	assert_int_equal(record_open(scratch->path, s.recording, START_NS, &writer, &error), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(record_event(writer, &events[i]), 0);
	frames = stacks_get(s.recording->stacks, events[1].stack, &depth, NULL);
	{
		struct frame_replacement by_frame[64] = {0};
		struct frame more = *stacks_frame(s.recording->stacks, frames[0]), inlined = more;
		uint32_t ids[2], first = frames[0];

		inlined.function = strings_add(s.recording->strings, "inlined");
		more.line = 77;
		ids[0] = stacks_add_frame(s.recording->stacks, &inlined);
		ids[1] = stacks_add_frame(s.recording->stacks, &more);
		assert_in_range(first, 1, 63);
		by_frame[first - 1] = (struct frame_replacement){0, 2};
		assert_int_equal(record_replaced(writer, by_frame, 64, ids), 0);
	}
	assert_int_equal(record_close(writer, START_NS + 1000 * MS, &error), 0);
	if (replay_load(scratch->path, &copy, &error))
		fail_msg("%s", error.text);
	frames = stacks_get(copy->stacks, copy->profile[0].stack, &copied, NULL);
	assert_int_equal(copied, depth + 1);
	assert_string_equal(strings_get(copy->strings, stacks_frame(copy->stacks, frames[0])->function), "inlined");
	assert_int_equal(stacks_frame(copy->stacks, frames[1])->line, 77);
	connprof_recording_free(copy);
	stream_end(&s);
}

static void bad_streams_are_refused_with_the_line(void **state)
{
	static const char header[] = "{\"connprof_events\":1,\"start_ns\":1,\"collect\":3,\"rate_hz\":99}\n";
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "{\"string\":2,\"text\":\"a\"}\n", "line 2: definitions out of order" },
		{ "{\"string\":1}\n", "line 2: a string without text" },
		{ "{\"event\":\"offcpu\",\"t\":1,\"wait\":\"tea\",\"ns\":3}\n", "line 2: unknown kind of wait" },
		{ "{\"event\":\"sample\",\"t\":1,\"stack\":1}\n", "line 2: refers to what is not defined yet" },
		{ "{\"event\":\"nonsense\",\"t\":1}\n", "line 2: unknown kind of event" },
		{ "{\"event\":\"sample\"}\n", "line 2: an event without a time" },
		{ "{\"event\":\"sample\",\"t\":1,\"pid\":-4}\n", "line 2: " },
		{ "{\"event\":\"sample\",\"t\":1,\"pid\":99999999999}\n", "line 2: number out of range" },
		{ "{\"event\":\"lost\",\"t\":1,\"reason\":999,\"count\":1}\n", "line 2: number out of range" },
		{ "{\"stack\":1,\"end\":0,\"frames\":[1]}\n", "line 2: refers to what is not defined yet" },
		{ "{\"stack\":1,\"end\":0,\"frames\":7}\n", "line 2: a stack without frames" },
		{ "{\"event\":\"connect\",\"t\":1,\"conn\":1,\"peer\":\"no\"}\n", "line 2: not an endpoint" },
		{ "{\"event\":\"connect\",\"t\":1,\"conn\":1,\"pool\":4294967296}\n", "line 2: number out of range" },
		{ "[[[[[[[[[[[[1]]]]]]]]]]]]\n", "line 2: not a JSON object" },
		{ "{\"event\":\n", "line 2: not a JSON object" },
		{ "{\"replace\":1,\"frames\":[1]}\n", "line 2: a replacement of no frame" },
		{ "{\"frame\":1}\n{\"replace\":1,\"frames\":[]}\n", "line 3: a replacement by too many frames, or none" },
		{ "{\"frame\":1}\n{\"replace\":1,\"frames\":[2]}\n", "line 3: refers to what is not defined yet" },
		{ "{\"frame\":1}\n{\"replace\":1,\"frames\":[\"1\"]}\n", "line 3: refers to what is not defined yet" },
		{ "{\"end_ns\":5}\n{\"event\":\"exit\",\"t\":1}\n", "line 3: lines after the end" },
	};
	const struct scratch *scratch = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct connprof_recording *recording;
		struct connprof_error error = { 0 };
		FILE *file = fopen(scratch->path, "w");

		fprintf(file, "%s%s", header, cases[i].text);
		fclose(file);
		assert_int_equal(replay_load(scratch->path, &recording, &error), -EBADMSG);
		if (!strstr(error.text, cases[i].says))
			fail_msg("%s: %s", cases[i].text, error.text);
	}
}

static void a_line_without_end_is_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct connprof_recording *recording;
	struct connprof_error error = { 0 };
	FILE *file = fopen(scratch->path, "w");

	for (size_t i = 0; i < 3 * RECORD_LINE_MAX; i++)
		putc('{', file);
	fclose(file);
	assert_int_equal(replay_load(scratch->path, &recording, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "line too long"));
	file = fopen(scratch->path, "w");
	fclose(file);
	assert_true(replay_load(scratch->path, &recording, &error) < 0);
	assert_true(replay_recognizes("{\"connprof_events\":1,", 21));
	assert_false(replay_recognizes("\x1f\x8b", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read_back_the_same, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(frames_replaced_at_the_end_are_replaced_in_the_copy, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(bad_streams_are_refused_with_the_line, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(a_line_without_end_is_refused, scratch_make, scratch_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

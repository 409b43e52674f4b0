/* SPDX-License-Identifier: BSD-2-Clause */
/* test_series.c - connections over time: every one in its window, for a second as for a day, in the same memory. */
#include "unit/model/stream.h"

#include "model/series.h"

enum { PID = 50 };

static const struct series_row *row_of(const struct connprof_recording *recording, uint16_t port)
{
	for (size_t i = 0; i < recording->series.count; i++)
		if (recording->series.rows[i].peer.port == port)
			return &recording->series.rows[i];
	fail_msg("no row of port %u", port);
	return NULL;
}

static uint64_t opened(const struct connprof_recording *recording, const struct series_row *row)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < recording->series.windows; i++)
		sum += row->opened[i];
	return sum;
}

/* The window that a moment lies in, its times since the first. */
static size_t window_at(const struct connprof_recording *recording, uint64_t after_ns)
{
	return after_ns / recording->series.window_ns;
}

/* A pool of three that stays, and one connection a request that goes again; a failed one is opened and gone. */
static void each_connection_counts_where_it_was_opened_and_closed(void **state)
{
	struct stream s;
	const struct series_row *row;
	uint64_t pool[3], first;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "page", 3);
	s.now_ns += 500 * MS;
	first = s.now_ns;
	for (int i = 0; i < 3; i++)
		pool[i] = redis_connect(&s, PID, PID, stack);
	for (int i = 0; i < 50; i++) {
		uint64_t conn = redis_connect(&s, PID, PID, stack);

		redis_close(&s, conn, PID, PID, 0);
		s.now_ns = first + 10 * MS + (uint64_t)i * 100 * MS;
	}
	conn_event(&s, EVENT_CONNECT, 900, PID, PID, stack, CONN_OPENED, 0);
	conn_event(&s, EVENT_GONE, 900, 0, 0, 0, CONN_OPENED, 111);
	redis_close(&s, pool[0], PID, PID, 0);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->series.count, 1);
	assert_int_equal(s.recording->series.from_ns, 500 * MS);
	assert_int_equal(s.recording->series.peak, 4);
	row = row_of(s.recording, REDIS_PORT);
	assert_int_equal(opened(s.recording, row), s.recording->connections);
	assert_int_equal(s.recording->connections, 54);
	assert_int_equal(row->open[0], 3);
	assert_int_equal(row->open[window_at(s.recording, 2000 * MS)], 3);
	assert_int_equal(row->open[s.recording->series.windows - 1], 2);
	assert_true(row->opened[window_at(s.recording, 3000 * MS)] >= 1);
	assert_int_equal(row->opened[window_at(s.recording, 9000 * MS)], 0);
	assert_true(s.recording->series.windows <= SERIES_WINDOWS && s.recording->series.windows > SERIES_WINDOWS / 2);
	stream_end(&s);
}

/* From 10 ms to a day: the sums stay, the windows become wider, and the last one reaches the end. */
static void windows_widen_and_lose_nothing(void **state)
{
	static const uint64_t spans[] = { 10 * MS, 1000 * MS, 61000 * MS, 3600 * 1000 * MS, 86400 * 1000 * MS };
	const struct endpoint peer = loopback(1);
	(void)state;

	for (size_t k = 0; k < sizeof(spans) / sizeof(spans[0]); k++) {
		struct connprof_recording *recording = recording_new();
		struct series *series = series_new();
		const struct series_table *table = &recording->series;
		uint64_t step = spans[k] / 1000, sum = 0;
		uint32_t row[1000], open = 0;

		assert_non_null(series);
		for (unsigned i = 0; i < 1000; i++) { /* two opened, one closed, and so on */
			row[i] = series_opened(series, &peer, START_NS + i * step);
			if (i % 2)
				series_closed(series, row[i - 1], START_NS + i * step);
		}
		assert_int_equal(series_fill(series, recording, START_NS, START_NS + spans[k]), 0);
		for (size_t w = 0; w < table->windows; w++) {
			sum += table->rows[0].opened[w];
			assert_true(table->rows[0].open[w] >= open); /* it only grows */
			open = table->rows[0].open[w];
		}
		assert_int_equal(sum, 1000);
		assert_int_equal(open, 500);
		assert_true(table->windows * table->window_ns > spans[k] && (table->windows - 1) * table->window_ns <= spans[k]);
		series_free(series);
		connprof_recording_free(recording);
	}
}

/* One that lasts through windows without events is open in each of them; what comes late counts in the window that goes on. */
static void quiet_windows_and_late_events(void **state)
{
	struct connprof_recording *recording = recording_new();
	struct series *series = series_new();
	const struct endpoint peer = loopback(1);
	uint32_t row;
	(void)state;

	row = series_opened(series, &peer, START_NS);
	series_opened(series, &peer, START_NS + 10000 * MS);
	series_opened(series, &peer, START_NS - 5000 * MS);
	series_closed(series, row, START_NS + 3000 * MS);
	series_closed(series, SERIES_NONE, START_NS);
	assert_int_equal(series_fill(series, recording, START_NS, START_NS + 20000 * MS), 0);
	assert_int_equal(recording->series.rows[0].open[window_at(recording, 9000 * MS)], 1);
	assert_int_equal(recording->series.rows[0].open[recording->series.windows - 1], 2);
	assert_int_equal(opened(recording, &recording->series.rows[0]), 3);
	series_free(series);
	connprof_recording_free(recording);
}

/* The thirty-second peer and all after it share a row that names none. */
static void further_peers_are_one_row(void **state)
{
	struct connprof_recording *recording = recording_new();
	struct series *series = series_new();
	const struct series_row *last;
	(void)state;

	for (uint16_t i = 0; i < 100; i++) {
		struct endpoint peer = loopback((uint16_t)(i + 1));

		series_closed(series, series_opened(series, &peer, START_NS + i * MS), START_NS + i * MS);
		series_opened(series, &peer, START_NS + i * MS);
	}
	assert_int_equal(series_fill(series, recording, START_NS, START_NS + 1000 * MS), 0);
	assert_int_equal(recording->series.count, SERIES_PEERS);
	last = &recording->series.rows[SERIES_PEERS - 1];
	assert_int_equal(last->peer.family, 0);
	assert_int_equal(opened(recording, last), 2 * (100 - (SERIES_PEERS - 1)));
	assert_int_equal(last->open[recording->series.windows - 1], 100 - (SERIES_PEERS - 1));
	assert_int_equal(opened(recording, row_of(recording, 7)), 2);
	series_free(series);
	connprof_recording_free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_connection_counts_where_it_was_opened_and_closed),
		cmocka_unit_test(windows_widen_and_lose_nothing),
		cmocka_unit_test(quiet_windows_and_late_events),
		cmocka_unit_test(further_peers_are_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

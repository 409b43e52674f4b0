/* SPDX-License-Identifier: BSD-2-Clause */
/* spent.h - requests whose time is spent on this and that, and the table that says on what. */
#ifndef TESTS_UNIT_MODEL_SPENT_H
#define TESTS_UNIT_MODEL_SPENT_H

#include "unit/model/stream.h"

#include "model/spent.h"

enum { PID = 50 };

static inline void stream_tied(struct stream *s)
{
	stream_begin(s);
	s->recording->collect |= CONNPROF_REQUESTS | CONNPROF_OFFCPU;
	s->recording->rate_hz = 100;
}

static inline void off(struct stream *s, uint32_t tid, uint32_t wait, uint64_t ns)
{
	struct event event = { .kind = EVENT_OFFCPU, .pid = PID, .tid = tid };

	event.offcpu = (struct event_offcpu){ .ns = ns, .weight = WEIGHT_ONE, .wait = wait };
	feed(s, &event);
}

static inline void samples(struct stream *s, uint32_t tid, int count)
{
	struct event event = { .kind = EVENT_SAMPLE, .pid = PID, .tid = tid };

	for (int i = 0; i < count; i++) {
		s->now_ns += 10 * MS;
		feed(s, &event);
	}
}

static inline void ask(struct stream *s, uint64_t conn, uint32_t tid, const char *command, uint32_t count)
{
	struct wire_facts facts = {
		.protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .requests = count, .command = command_by_name(command),
	};

	assert_true(facts.command != 0);
	io(s, conn, PID, tid, WIRE_SENT, facts);
}

static inline void reply(struct stream *s, uint64_t conn, uint32_t tid, uint32_t count)
{
	io(s, conn, PID, tid, WIRE_RECEIVED,
	   (struct wire_facts){ .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .responses = count });
}

static inline const struct spent_row *part(const struct stream *s, unsigned spent, const char *command)
{
	for (size_t i = 0; i < s->recording->spent.count; i++) {
		const struct spent_row *row = &s->recording->spent.rows[i];

		if (row->spent == spent && !strcmp(text_of(s, row->command), command))
			return row;
	}
	fail_msg("no row %s %s", spent_name(spent), command);
	return NULL;
}

static inline double ms(const struct stream *s, unsigned spent, unsigned band)
{
	return part(s, spent, "")->ms[band];
}

/* In each band the parts come to the whole, and the commands to no more than their part. */
static inline void assert_sums(const struct stream *s)
{
	for (unsigned band = 0; band < BAND_COUNT; band++) {
		double sum = 0, commands = 0;

		for (size_t i = 0; i < s->recording->spent.count; i++)
			*(s->recording->spent.rows[i].command ? &commands : &sum) += s->recording->spent.rows[i].ms[band];
		assert_float_equal(sum, s->recording->spent.latency_ms[band], 1e-6);
		assert_true(commands <= ms(s, SPENT_REDIS, band) + 1e-6);
	}
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_million.c - a million requests as events, one in fifty of them bad in some way: counts are exact, and memory does not grow with them.
 *
 * Eight workers take turns: eight heads are read, each worker works, and the answers go out in the opposite order. What each request
 * must have come to is counted beside it.
 */
#include "unit/model/stream.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "model/latency.h"
#include "model/spent.h"

#ifdef __SANITIZE_ADDRESS__ /* ten times as slow, and its memory is not the program's own */
#define REQUESTS 80000u
#else
#define REQUESTS 1000000u
#endif
#define WORKERS 8u
#define KEPT_FOR 10u           /* requests on one accepted connection */
#define LINES_A_REQUEST 3u
#define GROWTH_MAX (1u << 20)  /* bytes of the heap from the first half to the end, but for requests that never end */
#define STUCK_BYTES 2048u      /* of one of these: request, connection, worker, what is held */
#define RESIDENT_MAX_KB (64u << 10)

enum { PID = 50, LONER_TID = 100000 };

/* What becomes of a request. All but the first are bad, the client's or the network's doing. */
enum fate {
	ANSWERED, GIVEN_UP, ANSWERED_EARLY, HALF_CLOSED, NEVER_ANSWERED, GARBLED, CLOCK_BACK, FATES,
};

struct worker_at {
	uint64_t conn, redis, begin_ns;
	enum fate fate;
};

struct million {
	struct stream s;
	uint32_t work, wait, leak, drop, log, place;
	struct worker_at at[WORKERS];
	/* What must have been seen. */
	uint64_t number, latencies[LATENCY_BUCKETS], samples_in[LATENCY_BUCKETS];
	uint64_t accepted, leaks, answered, outside, stuck, uses;
};

static enum fate fate_of(uint64_t number)
{
	static const uint16_t bad[FATES] = { [GIVEN_UP] = 13, [ANSWERED_EARLY] = 21, [HALF_CLOSED] = 34, [NEVER_ANSWERED] = 7,
					     [GARBLED] = 55, [CLOCK_BACK] = 89 };

	for (unsigned fate = 1; fate < FATES; fate++)
		if (number % 300 == bad[fate])
			return (enum fate)fate;
	return ANSWERED;
}

static uint32_t tid_of(unsigned worker)
{
	return PID + worker;
}

static void stack_event(struct million *m, uint32_t kind, uint32_t tid, uint32_t stack)
{
	struct event event = { .kind = kind, .pid = PID, .tid = tid, .stack = stack, .python_end = PYTHON_ROOT };

	if (kind == EVENT_OFFCPU) {
		m->s.now_ns += MS / 4;
		event.offcpu = (struct event_offcpu){ .ns = MS / 4, .wait = WAIT_LOCK, .weight = WEIGHT_ONE };
	} else if (kind == EVENT_LOG) {
		event.call = (struct event_call){ .bytes = 90, .ns = 3000, .lines = LINES_A_REQUEST, .weight = 1, .place = m->place,
						  .mode = S_IFREG };
	}
	feed(&m->s, &event);
}

static void head(struct million *m, uint64_t conn, uint32_t tid, uint16_t flags)
{
	io(&m->s, conn, PID, tid, WIRE_RECEIVED, (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER | flags, .requests = 1 });
	m->number++;
}

static uint64_t accepted(struct million *m, uint32_t tid)
{
	uint64_t conn = m->s.next_conn++;

	conn_event(&m->s, EVENT_ESTABLISHED, conn, PID, tid, 0, 0, 0);
	m->accepted++;
	return conn;
}

static void gone(struct million *m, uint64_t conn)
{
	conn_event(&m->s, EVENT_GONE, conn, 0, 0, 0, 0, 0);
}

/* A request of its own thread that nothing is heard of any more. */
static void never_answered(struct million *m)
{
	uint32_t tid = LONER_TID + (uint32_t)m->stuck++;

	head(m, accepted(m, tid), tid, 0);
}

static void begins(struct million *m, unsigned worker)
{
	struct worker_at *at = &m->at[worker];

	if (!at->conn)
		at->conn = accepted(m, tid_of(worker));
	at->fate = fate_of(m->number);
	if (at->fate == NEVER_ANSWERED) {
		never_answered(m);
		at->fate = ANSWERED;
	}
	m->s.now_ns += MS / 100;
	at->begin_ns = m->s.now_ns;
	head(m, at->conn, tid_of(worker), at->fate == GARBLED ? WIRE_GARBLED : 0);
}

/* A sample, a wait, lines of a log and a Redis command; for some a connection of their own. */
static void works(struct million *m, unsigned worker)
{
	struct worker_at *at = &m->at[worker];
	uint32_t tid = tid_of(worker);

	stack_event(m, EVENT_SAMPLE, tid, m->work);
	stack_event(m, EVENT_OFFCPU, tid, m->wait);
	stack_event(m, EVENT_LOG, tid, m->log);
	redis_command(&m->s, at->redis, PID, tid);
	m->uses++;
	if (m->number % 128 == worker) {
		uint64_t conn = redis_connect(&m->s, PID, tid, m->leak);

		redis_command(&m->s, conn, PID, tid);
		redis_close(&m->s, conn, PID, tid, m->drop);
		m->leaks++;
	}
	m->s.now_ns += MS / 2 * (m->number % 37);
}

static void ends(struct million *m, unsigned worker)
{
	struct worker_at *at = &m->at[worker];
	uint64_t end_ns;
	uint16_t latency;

	m->s.now_ns += MS;
	if (at->fate == CLOCK_BACK) /* an answer that seems to be older than its request */
		m->s.now_ns = at->begin_ns - MS / 1000;
	end_ns = m->s.now_ns > at->begin_ns ? m->s.now_ns : at->begin_ns;
	latency = latency_bucket(end_ns - at->begin_ns);
	if (at->fate == HALF_CLOSED)
		conn_event(&m->s, EVENT_PEER_CLOSED, at->conn, 0, 0, 0, 0, 0);
	if (at->fate == GIVEN_UP) {
		gone(m, at->conn);
	} else {
		request_answer(&m->s, at->conn, PID, tid_of(worker));
		m->answered++;
	}
	if (at->fate == ANSWERED_EARLY) /* the rest of its body */
		io(&m->s, at->conn, PID, tid_of(worker), WIRE_RECEIVED, (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER });
	m->latencies[latency]++;
	if (at->fate == CLOCK_BACK)
		m->outside++;
	else
		m->samples_in[latency]++;
	if (at->fate != GIVEN_UP && at->fate != HALF_CLOSED && m->number % (KEPT_FOR * WORKERS) >= WORKERS)
		return;
	if (at->fate != GIVEN_UP)
		gone(m, at->conn);
	at->conn = 0;
}

static void round_of_requests(struct million *m)
{
	uint64_t latest;

	for (unsigned w = 0; w < WORKERS; w++)
		begins(m, w);
	for (unsigned w = 0; w < WORKERS; w++)
		works(m, w);
	latest = m->s.now_ns;
	for (unsigned w = WORKERS; w-- > 0;) {
		ends(m, w);
		latest = m->s.now_ns > latest ? m->s.now_ns : latest;
		m->s.now_ns = latest;
	}
}

static void begin(struct million *m)
{
	memset(m, 0, sizeof(*m));
	stream_begin(&m->s);
	m->s.recording->collect |= CONNPROF_REQUESTS | CONNPROF_LOGS | CONNPROF_OFFCPU;
	m->s.recording->rate_hz = 99;
	m->work = stack_of(&m->s, "work", "/srv/app/recommend.py", 10u, NULL);
	m->wait = stack_of(&m->s, "wait", "/srv/app/recommend.py", 20u, NULL);
	m->log = stack_of(&m->s, "noisy", "/srv/app/recommend.py", 30u, NULL);
	m->leak = connect_stack(&m->s, "leak", 40);
	m->drop = drop_stack(&m->s);
	m->place = strings_add(m->s.recording->strings, "/var/log/app.log");
	for (unsigned w = 0; w < WORKERS; w++)
		m->at[w].redis = redis_connect(&m->s, PID, tid_of(w), connect_stack(&m->s, "pool", 50));
}

/* ---- what it came to ---- */

static void latencies_are_exact(const struct million *m, uint64_t end_ns)
{
	const struct connprof_recording *recording = m->s.recording;
	uint64_t requests = 0, stuck = 0;

	for (size_t i = 0; i < recording->latency_count; i++) {
		const struct latency_row *row = &recording->latencies[i];

		requests += row->requests;
		assert_true(row->requests >= m->latencies[row->bucket]);
		stuck += row->requests - m->latencies[row->bucket]; /* as old as they have become: any latency */
	}
	assert_int_equal(requests, m->number);
	assert_int_equal(stuck, m->stuck);
	assert_int_equal(recording->requests.observed, m->number);
	assert_true(end_ns > m->s.now_ns);
}

static void samples_lie_where_they_belong(const struct million *m)
{
	const struct connprof_recording *recording = m->s.recording;
	uint64_t outside = 0, waits = 0, wait_ns = 0, inside[LATENCY_BUCKETS] = { 0 };

	for (size_t i = 0; i < recording->profile_count; i++) {
		const struct profile_row *row = &recording->profile[i];

		if (row->wait == WAIT_LOCK) {
			waits += row->waits;
			wait_ns += row->off_ns;
		} else if (row->latency == LATENCY_NONE) {
			outside += row->samples;
		} else {
			inside[row->latency] += row->samples;
		}
	}
	assert_memory_equal(inside, m->samples_in, sizeof(inside));
	assert_int_equal(outside, m->outside);
	assert_int_equal(recording->samples, m->uses);
	assert_int_equal(waits, m->uses);
	assert_int_equal(wait_ns, m->uses * (MS / 4));
}

static void connections_and_calls_are_exact(const struct million *m)
{
	const struct connprof_recording *recording = m->s.recording;
	const struct spent_row *redis = NULL;
	uint64_t leaks = 0;

	assert_int_equal(recording->accepted, m->accepted);
	assert_int_equal(recording->connections, m->leaks + WORKERS);
	for (size_t i = 0; i < recording->site_count; i++)
		if (recording->sites[i].rule == RULE_CONNECTION_PER_REQUEST)
			leaks += recording->sites[i].connects;
	assert_int_equal(leaks, 0); /* one request in 128 opens one: below the limit of the rule */
	for (size_t i = 0; i < recording->site_count; i++)
		leaks += recording->sites[i].connects > WORKERS ? recording->sites[i].connects : 0;
	assert_int_equal(leaks, m->leaks);
	assert_int_equal(recording->log_count, 1);
	assert_float_equal(recording->logs[0].lines, LINES_A_REQUEST * m->uses, 0.5);
	assert_int_equal(recording->log_lines, LINES_A_REQUEST * m->uses);
	for (size_t i = 0; i < recording->spent.count; i++)
		if (recording->spent.rows[i].spent == SPENT_REDIS && recording->spent.rows[i].command)
			redis = &recording->spent.rows[i];
	assert_non_null(redis);
	assert_float_equal(redis->count[BAND_MEAN] * (double)m->number, m->uses + m->leaks, 0.01 * m->uses);
	assert_int_equal(recording->requests_refused, 0);
	assert_int_equal(recording->connections_refused, 0);
	assert_int_equal(recording->unheld, 0);
	assert_int_equal(recording->purposes_refused, 0);
	assert_int_equal(recording->stacks_refused, 0);
}

#ifndef __SANITIZE_ADDRESS__
static uint64_t resident_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss;
}
#endif

static void a_million_requests_are_counted_in_bounded_memory(void **state)
{
	struct million *m = calloc(1, sizeof(*m));
	size_t half = 0, whole;
	uint64_t stuck = 0, end_ns;
	(void)state;

	assert_non_null(m);
	begin(m);
	while (m->number < REQUESTS) {
		if (!half && m->number >= REQUESTS / 2) {
			half = mallinfo2().uordblks;
			stuck = m->stuck;
		}
		round_of_requests(m);
	}
	whole = mallinfo2().uordblks;
	end_ns = m->s.now_ns + 1000 * MS;
	assert_int_equal(model_finish(m->s.model, START_NS, end_ns), 0);
	assert_int_equal(connprof_recording_judge(m->s.recording, NULL, NULL), CONNPROF_OK);
	assert_true(m->number >= REQUESTS && m->stuck > REQUESTS / 400);
	latencies_are_exact(m, end_ns);
	samples_lie_where_they_belong(m);
	connections_and_calls_are_exact(m);
#ifndef __SANITIZE_ADDRESS__
	print_message("%llu requests: %zu KB more on the heap in the second half, %llu KB resident at most\n", (unsigned long long)m->number,
		      (whole - half) / 1024, (unsigned long long)resident_kb());
	assert_true(whole <= half + GROWTH_MAX + STUCK_BYTES * (m->stuck - stuck));
	assert_true(resident_kb() <= RESIDENT_MAX_KB);
#else
	(void)stuck;
	(void)whole;
	(void)half;
#endif
	stream_end(&m->s);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_requests_are_counted_in_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

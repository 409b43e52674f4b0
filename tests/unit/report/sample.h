/* SPDX-License-Identifier: BSD-2-Clause */
/* sample.h - a recording built by hand: the story's leaky service, with every kind of frame and of row in it. */
#ifndef TESTS_UNIT_REPORT_SAMPLE_H
#define TESTS_UNIT_REPORT_SAMPLE_H

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "report/report.h"

#define MASTER 812u
#define WORKER 815u

static inline uint32_t text(struct connprof_recording *r, const char *t)
{
	return strings_add(r->strings, t);
}

static inline uint32_t python(struct connprof_recording *r, const char *function, const char *file, uint32_t line)
{
	struct frame f = {.kind = FRAME_PYTHON, .function = text(r, function), .file = text(r, file), .line = line,
			  .first_line = line - line % 10};

	return stacks_add_frame(r->stacks, &f);
}

static inline uint32_t native(struct connprof_recording *r, const char *function, const char *module, uint64_t address,
			      uint8_t flags)
{
	struct frame f = {.kind = FRAME_NATIVE, .flags = flags, .function = text(r, function), .module = text(r, module),
			  .address = address};

	return stacks_add_frame(r->stacks, &f);
}

static inline uint32_t kernel(struct connprof_recording *r, const char *function)
{
	struct frame f = {.kind = FRAME_KERNEL, .function = text(r, function), .address = 0xffffffff81000000u};

	return stacks_add_frame(r->stacks, &f);
}

/* Innermost first. */
static inline uint32_t stack(struct connprof_recording *r, uint8_t end, size_t count, ...)
{
	uint32_t frames[16];
	va_list args;

	va_start(args, count);
	for (size_t i = 0; i < count; i++)
		frames[i] = va_arg(args, uint32_t);
	va_end(args);
	return stacks_add(r->stacks, frames, count, end);
}

static inline void row(struct connprof_recording *r, uint32_t stack_id, uint32_t pid, uint32_t tid, const char *thread, uint64_t n)
{
	assert_int_equal(array_reserve(&r->profile, &r->profile_capacity, r->profile_count + 1, sizeof(*r->profile), 1000), 0);
	r->profile[r->profile_count++] =
		(struct profile_row){.stack = stack_id, .pid = pid, .tid = tid, .thread = text(r, thread), .samples = n};
	r->samples += n;
	size_t count;
	uint8_t end = END_NO_USER;
	stacks_get(r->stacks, stack_id, &count, &end);
	r->stack_ends[stack_id ? end : END_NO_USER] += n;
}

static inline void target(struct connprof_recording *r, uint32_t pid, uint32_t parent, const char *comm, const char *exe)
{
	assert_int_equal(array_reserve(&r->targets, &r->target_capacity, r->target_count + 1, sizeof(*r->targets), 1000), 0);
	r->targets[r->target_count++] =
		(struct target_row){.pid = pid, .parent = parent, .comm = text(r, comm), .exe = text(r, exe)};
}

static inline struct site_row *site(struct connprof_recording *r)
{
	assert_int_equal(array_reserve(&r->sites, &r->site_capacity, r->site_count + 1, sizeof(*r->sites), 1000), 0);
	memset(&r->sites[r->site_count], 0, sizeof(r->sites[0]));
	return &r->sites[r->site_count++];
}

static inline struct connprof_recording *empty_recording(void)
{
	struct connprof_recording *r = recording_new();

	assert_non_null(r);
	r->collect = CONNPROF_SAMPLES;
	r->rate_hz = 99;
	r->seconds = 30.0;
	r->start_unix_ns = 1700000000123456789u;
	target(r, MASTER, 0, "gunicorn", "/usr/bin/python3.11");
	return r;
}

/* The finding: every request opens a connection in RecommendHandler.__init__. */
static inline void leaky_site(struct connprof_recording *r)
{
	struct site_row *s = site(r);

	s->call_site = python(r, "RecommendHandler.__init__", "/srv/app/recommend.py", 42);
	s->stack = stack(r, END_ROOT, 5, native(r, "__connect", "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x1000, 0),
			 python(r, "Connection.connect", "/usr/lib/python3/dist-packages/redis/connection.py", 263), s->call_site,
			 python(r, "serve", "/srv/app/wsgi.py", 10), native(r, "_start", "/usr/bin/python3.11", 0x20, FRAME_INTERPRETER));
	s->rule = RULE_CONNECTION_PER_REQUEST;
	s->attribution = ATTRIBUTION_THREAD;
	s->cause = CAUSE_THROW_AWAY_CLIENT;
	s->decides = true;
	s->protocol = PROTOCOL_REDIS;
	s->protocol_confirmed = true;
	s->peer.family = AF_INET;
	s->peer.port = 6379;
	inet_pton(AF_INET, "127.0.0.1", s->peer.address);
	s->library = text(r, "redis-py 5.0.1");
	s->connects = 4812;
	s->requests = s->using_requests = s->opening_requests = 4812;
	s->peer_closed_open = UNKNOWN_COUNT;
	s->connects_per_request = s->connects_per_using_request = 1;
	s->requests_per_connection = 1;
	s->commands_per_connection = 23;
	s->lifetime_ms = (struct quantiles){2.4, 30.2, 101.5};
	s->setup_ms = (struct quantiles){0.6, 9, 1.0 / 3};
	s->connect_ms = (struct quantiles){0.1, 1, 2};
	s->tls_ms = (struct quantiles){NAN, NAN, NAN};
	s->handshake_ms = (struct quantiles){0.4, 8, 9};
	s->handshake_trips = 3;
	s->setup_ms_per_request = 0.9;
	s->cpu_percent = 31;
	s->pool_connects = 600;
	s->pools = 590;
	s->pooling = POOLING_OWN;
	s->bytes_sent = 1000;
	s->bytes_received = 2000;
	s->explanation = text(r, "every request opened its own connection and threw it away");
	s->remedy = text(r, "build the ConnectionPool once, at module level");
}

/* Another one, of which next to nothing is known. */
static inline void dark_site(struct connprof_recording *r)
{
	struct site_row *s = site(r);

	s->peer.family = AF_INET6;
	s->peer.port = 443;
	inet_pton(AF_INET6, "2001:db8::1", s->peer.address);
	s->tls = true;
	s->connects = 3;
	s->failed_connects = s->requests = s->using_requests = s->opening_requests = UNKNOWN_COUNT;
	s->open_at_end = 2;
	s->connects_per_request = s->connects_per_using_request = s->requests_per_connection = NAN;
	s->commands_per_connection = s->setup_ms_per_request = s->cpu_percent = s->handshake_trips = NAN;
	s->lifetime_ms = s->setup_ms = s->connect_ms = s->tls_ms = s->handshake_ms = (struct quantiles){NAN, NAN, NAN};
}

static inline void verdict(struct connprof_recording *r)
{
	r->collect |= CONNPROF_CONNECTIONS;
	r->verdict = VERDICT_FINDINGS;
	r->requests = (struct requests_summary){.observed = 4812, .protocol = PROTOCOL_HTTP, .latency_ms = {3.1, 41.0, 912.4},
						.over_500ms = 12, .over_1s = 3};
	r->connections = 4815;
	r->preexisting = 2;
	r->accepted = 40;
	leaky_site(r);
	dark_site(r);
}

/* Three windows of ten seconds: a leak, and a peer that was only tried; its name is the target's. */
static inline void series(struct connprof_recording *r)
{
	struct series_table *t = &r->series;

	assert_int_equal(array_reserve(&t->rows, &t->capacity, 2, sizeof(*t->rows), SERIES_PEERS), 0);
	t->rows[0] = (struct series_row){.peer = {.family = AF_UNIX, .name = text(r, "/run/<b>.sock")}, .opened = {1, 0, 2}, .open = {0, 0, 1}};
	t->rows[1] = (struct series_row){.peer = {.family = AF_INET, .port = 6379, .address = {127, 0, 0, 1}}, .opened = {1000, 2000, 1812},
					 .open = {400, 900, 1500}};
	t->from_ns = 500000000;
	t->window_ns = 10000000000;
	t->windows = 3;
	t->peak = 1502;
	t->count = 2;
}

/* 100 samples in two processes: interpreted, native only, kernel, cut, and without a stack. */
static inline struct connprof_recording *sample_recording(void)
{
	struct connprof_recording *r = empty_recording();
	uint32_t eval = native(r, "_PyEval_EvalFrameDefault", "/usr/bin/python3.11", 0x5000, FRAME_INTERPRETER);
	uint32_t serve = python(r, "serve", "/srv/app/wsgi.py", 10);
	uint32_t sends = python(r, "Connection.send", "/usr/lib/python3/dist-packages/redis/connection.py", 300);
	uint32_t sends2 = python(r, "Connection.send", "/usr/lib/python3/dist-packages/redis/connection.py", 301);

	target(r, WORKER, MASTER, "gunicorn", "/usr/bin/python3.11");
	row(r, stack(r, END_ROOT, 6, kernel(r, "tcp_sendmsg"), native(r, "send", "/usr/lib/libc.so.6", 0x700, 0), eval, sends, eval, serve),
	    WORKER, WORKER, "MainThread", 41);
	row(r, stack(r, END_ROOT, 6, kernel(r, "tcp_sendmsg"), native(r, "send", "/usr/lib/libc.so.6", 0x700, 0), eval, sends2, eval, serve),
	    WORKER, 816, "worker", 9);
	row(r, stack(r, END_FRAME_POINTER, 2, native(r, "[libz.so.1+0x1234]", "/usr/lib/libz.so.1", 0x1234, 0),
		     native(r, "main", "/usr/sbin/helper", 0x10, FRAME_MAIN_OBJECT)), MASTER, MASTER, "gunicorn", 30);
	row(r, stack(r, END_FAULT, 1, python(r, "deep", "/srv/app/deep.py", 7)), WORKER, WORKER, "MainThread", 19);
	row(r, 0, MASTER, MASTER, "gunicorn", 1);
	r->python_ends[PYTHON_ROOT] = 69;
	r->python_ends[PYTHON_FAULT] = 2;
	r->drops[DROP_RING_FULL_SAMPLE] = 5;
	r->cost = (struct cost_row){.own_cpu_seconds = 0.25, .kernel_seconds = 0.0008, .target_cpu_seconds = 1.01,
				    .own_rss_bytes = 21000000, .first_sample_seconds = 0.031, .real_rate_hz = 98.7};
	recording_note(r, "unknown CPython 3.16: native frames only");
	return r;
}

/* A format's output as a string; to be freed. */
static inline char *render(const struct connprof_recording *r, enum connprof_view view, const struct connprof_report_options *options,
			   size_t *size)
{
	struct connprof_error error = {0};
	char *out = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&out, &length);
	int code;

	assert_non_null(stream);
	code = connprof_report_write(r, view, options, stream, &error);
	fclose(stream);
	if (code)
		fail_msg("%s: %s", options->format, error.text);
	if (size)
		*size = length;
	return out;
}

static inline char *render_as(const struct connprof_recording *r, enum connprof_view view, const char *format)
{
	struct connprof_report_options options = {.format = format};

	return render(r, view, &options, NULL);
}

static inline void assert_has(const char *haystack, const char *needle)
{
	if (!strstr(haystack, needle))
		fail_msg("'%s' is not in:\n%s", needle, haystack);
}

static inline void assert_has_not(const char *haystack, const char *needle)
{
	if (strstr(haystack, needle))
		fail_msg("'%s' is in:\n%s", needle, haystack);
}

/* A file of these bytes under a fresh name, written to path (32 bytes). */
static inline void temporary(char path[32], const char *bytes, size_t size)
{
	int fd;

	snprintf(path, 32, "/tmp/connprof-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/* What a shell command prints, and its exit status in *status. To be freed. */
static inline char *command(const char *line, int *status)
{
	const size_t limit = 1 << 20;
	char *out = calloc(1, limit);
	size_t length = 0;
	ssize_t got;
	int ends[2];
	pid_t pid;

	assert_non_null(out);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (length < limit - 1 && (got = read(ends[0], out + length, limit - 1 - length)) > 0)
		length += (size_t)got;
	close(ends[0]);
	assert_int_equal(waitpid(pid, status, 0), pid);
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
	return out;
}

#endif

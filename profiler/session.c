/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.c - wires the stages: kernel side -> decode -> model -> recording. The only file that knows them all.
 *
 * Order at the start: check the processes, size and load the kernel side, attach it (from here on it follows forks by itself),
 * read the processes' images into its tables, put the clocks on, and only then let anything count.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "session_parts.h"

#define DEFAULT_RATE_HZ 99
#define ROWS_LEAST (512u << 10)
#define ROWS_MOST (8u << 20)
#define MAPPING_TABLE_ROWS 65536u
#define RING_SAMPLES (2u << 20)
#define RING_CONNECTIONS (8u << 20)
#define WALKS_PER_SECOND 500        /* of waits, on each CPU: at 20 us one percent of it */
#define WALK_SHARE_WITH_MORE 200    /* where connections are followed too, which tell what most waits are for: half a percent of the targets */
#define HOUSEKEEPING_NS 1000000000ull
#define SCHEDULER_TICK_SECONDS 0.004 /* CONFIG_HZ=250, the distributions' usual; 1000 makes it less */
#define SWEEP_NS 5000000000ull      /* UNIX connections whose end the kernel did not tell are looked for */
#define HASTEN_NS 1000000000ull     /* how long short-lived code is reckoned with, once it was seen or a program began */
#define STEP_NS 200000000ull        /* one step takes records for no longer */

/* ---- open ---- */

static int check_targets(struct connprof_session *session, const struct connprof_config *config,
			 struct connprof_error *error)
{
	session->targets = calloc(config->pid_count + 1, sizeof(*session->targets));
	if (!session->targets)
		return error_memory(error);
	for (size_t i = 0; i < config->pid_count; i++) {
		int code = process_check_target(config->pids[i], &session->targets[i].identity, error);

		if (code)
			return code;
		session->target_count++;
	}
	return 0;
}

/* Table space for what is mapped now, and as much again for what comes by dlopen, exec and children. */
static uint32_t rows_wanted(const struct connprof_session *session)
{
	size_t rows = 0;

	for (size_t i = 0; i < session->target_count; i++)
		rows += objects_guess_rows(session->targets[i].identity.pid);
	rows = rows * 2 + ROWS_LEAST / 2;
	return rows < ROWS_LEAST ? ROWS_LEAST : rows > ROWS_MOST ? ROWS_MOST : rows;
}

static int build(struct connprof_session *session, struct connprof_error *error)
{
	const struct connprof_config *config = &session->config;
	bool connections = config->collect & CONNPROF_CONNECTIONS;
	uint32_t rows = rows_wanted(session);
	bool waits = config->collect & CONNPROF_OFFCPU;
	struct probe_config probe = {
		.waits = waits, .wakers = config->wakers, .min_block_ns = config->min_block_ns,
		.walks_per_second = WALKS_PER_SECOND, .walk_share = connections ? WALK_SHARE_WITH_MORE : 0,
		.samples = config->collect & CONNPROF_SAMPLES, .connections = connections,
		.tls = connections && !config->no_tls, .children = !config->no_children, .kernel_frames = config->kernel_frames,
		.gil = config->gil_only ? GIL_ONLY : config->collect & CONNPROF_GIL ? GIL_NOTED : GIL_IGNORED,
		.logs = config->collect & CONNPROF_LOGS, .sends = config->collect & CONNPROF_ROUND_TRIPS,
		.rows = rows, .mappings = MAPPING_TABLE_ROWS,
		.ring_bytes = connections || waits ? RING_CONNECTIONS : RING_SAMPLES,
	};
	int code = probe_new(&probe, &session->probe, error);

	if (code)
		return code;
	session->recording = recording_new();
	if (!session->recording)
		return error_memory(error);
	session->recording->collect = config->collect;
	session->recording->rate_hz = config->rate_hz;
	session->recording->offcpu.min_block_ns = config->min_block_ns;
	if (probe.sends && !probe_has_socket_hooks()) {
		session->recording->collect &= ~(unsigned)CONNPROF_ROUND_TRIPS;
		recording_note(session->recording, "this kernel does not tell by which code Redis is asked (Linux 6.3 and later do)");
	}
	session->model = model_new(session->recording);
	session->tables = tables_new(probe_rows(session->probe), rows, probe_mappings(session->probe), MAPPING_TABLE_ROWS);
	session->objects = session->tables ? objects_new(session->tables) : NULL;
	if (session->objects)
		session->follow = follow_new(session->probe, session->tables, session->objects, session->recording);
	if (session->follow && probe.tls && !(session->tls = tls_new(session->probe, session->objects, session->recording)))
		return error_memory(error);
	if (session->follow)
		session->decode = decode_new(session->follow, session->tls, session->recording);
	return session->model && session->decode ? 0 : error_memory(error);
}

int connprof_session_open(const struct connprof_config *config, struct connprof_session **out,
			  struct connprof_error *error)
{
	struct connprof_session *session = calloc(1, sizeof(*session));
	int code;

	if (!session)
		return error_memory(error);
	session->open_ns = clock_now_ns();
	session->real_rate_hz = NAN;
	session->config = *config;
	session->config.pids = NULL;
	if (!session->config.rate_hz)
		session->config.rate_hz = DEFAULT_RATE_HZ;
	if (config->events_path && !(session->events_path = strdup(config->events_path))) {
		free(session);
		return error_memory(error);
	}
	code = check_targets(session, config, error);
	if (!code)
		code = build(session, error);
	if (code) {
		connprof_session_free(session);
		return code;
	}
	*out = session;
	return 0;
}

int connprof_session_journal(struct connprof_session *session, const char *path, const struct connprof_report_options *options,
			     const struct connprof_rules *rules, struct connprof_error *error)
{
	return journal_open(path, session->recording, options, rules, false, &session->journal, error);
}

/* ---- start ---- */

static int gone(pid_t pid, int code, struct connprof_error *error)
{
	if (code == -ESRCH)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "cannot attach to %d: the process ended while attaching (give a PID that stays)", pid);
	return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot attach to %d: %s (see connprof doctor)", pid,
			 strerror(-code));
}

static int start_one(struct connprof_session *session, pid_t pid, bool named, struct connprof_error *error)
{
	struct followed *process = NULL;
	int code = follow_add(session->follow, pid, &process);

	if (code == -ESRCH && !named)
		return 0;
	if (code)
		return gone(pid, code, error);
	if (session->config.collect & CONNPROF_CONNECTIONS)
		decode_preexisting_of(session->decode, pid);
	decode_process(session->decode, process, 0, clock_now_ns());
	return 0;
}

static int start_children(struct connprof_session *session, pid_t pid, struct connprof_error *error)
{
	pid_t *children = NULL;
	int count = process_descendants(pid, TARGETS_MAX, &children), code = 0;

	for (int i = 0; i < count && !code; i++)
		if (children[i] != getpid()) /* a service started from the shell we run in has us for a cousin */
			code = start_one(session, children[i], false, error);
	free(children);
	return code;
}

int connprof_session_start(struct connprof_session *session, struct connprof_error *error)
{
	struct timespec now;
	int code = 0;

	code = probe_attach(session->probe, error);
	for (size_t i = 0; i < session->target_count && !code; i++) {
		pid_t pid = session->targets[i].identity.pid;

		if (!process_same(&session->targets[i].identity))
			return gone(pid, -ESRCH, error);
		code = start_one(session, pid, true, error);
		if (!code && !session->config.no_children)
			code = start_children(session, pid, error);
	}
	if (!code && session->config.collect & CONNPROF_SAMPLES)
		code = sampler_new(session->probe, session->config.rate_hz, &session->sampler, error);
	if (!code)
		decode_preexisting(session->decode); /* last: what is opened between this and the start is nobody's that is known */
	clock_gettime(CLOCK_REALTIME, &now);
	session->start_ns = session->end_ns = session->recording->start_ns = clock_now_ns();
	session->recording->start_unix_ns = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
	if (!code && session->events_path)
		code = record_open(session->events_path, session->recording, session->start_ns, &session->writer, error);
	if (code)
		return code;
	if (session->target_count && session->targets[0].identity.parent == getpid()) { /* a command that is about to begin */
		session->hasten_ns = session->start_ns + HASTEN_NS;
		probe_hasten(session->probe, true);
	}
	probe_activate(session->probe);
	if (session->config.collect & CONNPROF_OFFCPU && decode_waits_begin(session->decode, session->probe) < 0)
		recording_note(session->recording, "waits that began before the recording are not seen: threads cannot be listed");
	log_say(1, "attached %.0f ms after opening", (clock_now_ns() - session->open_ns) / 1e6);
	return 0;
}

/* ---- step ---- */

static void take_record(void *context, const struct record *record)
{
	decode_record(context, record);
}

/* What the kernel side could not deliver since the last look. */
static void look_for_losses(struct connprof_session *session, uint64_t now_ns)
{
	uint64_t drops[DROP_COUNT], tallies[TALLY_COUNT];

	probe_counters(session->probe, drops, tallies);
	drops[DROP_NO_MEMORY] = decode_unkept(session->decode);
	session->recording->samples_without_gil = tallies[TALLY_WITHOUT_GIL];
	for (uint32_t i = 0; i < DROP_COUNT; i++)
		if (drops[i] > session->recording->drops[i])
			decode_lost(session->decode, i, drops[i] - session->recording->drops[i], now_ns);
}

int session_feed(struct connprof_session *session)
{
	const struct event *events;
	size_t count = decode_take(session->decode, &events);
	int code = 0;

	for (size_t i = 0; i < count && !code; i++) {
		code = model_feed(session->model, &events[i]);
		if (!code && session->writer)
			code = record_event(session->writer, &events[i]);
	}
	return code ? code : (int)count;
}

/* The kernel's account of a process that ends is short by up to a scheduler tick: where that weighs, the samples say how much
 * CPU time there was, and whether they came at the rate asked for cannot be told. */
void session_look_at_cpu_time(struct connprof_session *session)
{
	uint64_t ticks = session->recording->samples + session->recording->samples_without_gil;
	double sampled = (double)ticks / session->config.rate_hz;
	double unsure = follow_exits(session->follow) * SCHEDULER_TICK_SECONDS;

	session->cpu_seconds = follow_cpu_ns(session->follow) / 1e9;
	session->real_rate_hz = NAN;
	if (unsure <= session->cpu_seconds * 0.05) {
		if (ticks)
			session->real_rate_hz = ticks / session->cpu_seconds;
	} else if (sampled > session->cpu_seconds) {
		session->cpu_seconds = sampled;
	}
}

static void housekeeping(struct connprof_session *session, uint64_t now_ns)
{
	if (now_ns - session->housekeeping_ns < HOUSEKEEPING_NS)
		return;
	session->housekeeping_ns = now_ns;
	session_look_at_cpu_time(session);
	if (now_ns - session->sweep_ns < SWEEP_NS && follow_exits(session->follow) == session->exits_swept)
		return;
	session->sweep_ns = now_ns;
	session->exits_swept = follow_exits(session->follow);
	decode_sweep(session->decode, now_ns, false);
}

/* Who closes UNIX connections, which connect() fails, and what goes to the system's log, is seen from the first of them on. */
static void look_for_calls(struct connprof_session *session)
{
	if (decode_unix_seen(session->decode) && probe_attach_unix(session->probe))
		recording_note(session->recording,
			       "who closes UNIX connections and which of them fail cannot be seen here (see connprof doctor)");
	if (probe_attach_log_sockets(session->probe))
		recording_note(session->recording, "what is written to the system's log cannot be seen here (see connprof doctor)");
}

/* Code that is gone before it is named (compiled for one use) is named in time if each sample wakes us. That costs the target,
 * so it is done only where it has been seen lately, and where a program has just begun: with code that runs once, that of the modules
 * it imports. */
static void look_for_short_lived_code(struct connprof_session *session, uint64_t now_ns)
{
	if (session->recording->unreadable_frames != session->unreadable || follow_execs(session->follow) != session->execs)
		session->hasten_ns = now_ns + HASTEN_NS;
	session->unreadable = session->recording->unreadable_frames;
	session->execs = follow_execs(session->follow);
	if (probe_hasten(session->probe, now_ns < session->hasten_ns))
		log_say(1, "code that does not live long: each sample is %s", now_ns < session->hasten_ns ? "read at once" : "read as usual again");
}

int session_drain(struct connprof_session *session, struct connprof_error *error)
{
	uint64_t now = clock_now_ns(), bad = 0;
	int code;

	follow_batch(session->follow, now);
	session->behind = probe_consume(session->probe, STEP_NS, take_record, session->decode, &bad);
	session->malformed += bad;
	look_for_losses(session, now);
	look_for_calls(session);
	look_for_short_lived_code(session, now);
	housekeeping(session, now);
	code = session_feed(session);
	return code < 0 ? error_memory(error) : code;
}

int connprof_session_fd(const struct connprof_session *session)
{
	return probe_fd(session->probe);
}

int connprof_session_step(struct connprof_session *session, struct connprof_error *error)
{
	int taken, code;

	if (session->stopped)
		return 0;
	session->end_ns = clock_now_ns();
	taken = session_drain(session, error);
	code = taken >= 0 && session->journal ? journal_push(session->journal, error) : 0;
	return code ? code : taken;
}

bool connprof_session_alive(const struct connprof_session *session)
{
	return !session->stopped && follow_alive(session->follow) > 0;
}

/* ---- looking ---- */

void connprof_session_progress(const struct connprof_session *session, struct connprof_progress *out)
{
	const struct connprof_recording *recording = session->recording;

	memset(out, 0, sizeof(*out));
	out->seconds = (session->end_ns - session->start_ns) / 1e9;
	out->samples = recording->samples;
	for (int i = 0; i < DROP_COUNT; i++)
		if (i != DROP_PAYLOAD_FAULT && i != DROP_PAYLOAD_NO_REGS)
			out->lost += recording->drops[i];
	out->connections = recording->connections;
	out->requests = recording->requests.observed;
	out->rate_hz = session->real_rate_hz;
	out->processes = follow_alive(session->follow);
}

struct connprof_recording *connprof_session_recording(struct connprof_session *session)
{
	if (!session->stopped)
		model_refresh(session->model, session->start_ns, session->end_ns);
	return session->recording;
}

void connprof_session_free(struct connprof_session *session)
{
	if (!session)
		return;
	sampler_free(session->sampler);
	journal_abort(session->journal);
	record_abort(session->writer);
	decode_free(session->decode);
	tls_free(session->tls);
	follow_free(session->follow);
	objects_free(session->objects);
	tables_free(session->tables);
	probe_free(session->probe);
	connprof_recording_free(session->recording);
	free(session->targets);
	free(session->events_path);
	free(session);
}

int connprof_parse_duration(const char *text, uint64_t *ns)
{
	return text_duration(text, ns);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* recording.c - the recording's own life, its notes, and the names of the small numbers in it. */
#include "model/recording.h"

#include <math.h>
#include <stdlib.h>

#include "base/array.h"
#include "model/model.h"

#define NOTES_MAX 1000

static const char *const wait_names[WAIT_KIND_COUNT] = {
	[WAIT_SOCKET] = "socket",
	[WAIT_ACCEPT] = "accept",
	[WAIT_POLL] = "poll",
	[WAIT_PIPE] = "pipe",
	[WAIT_FILE] = "file",
	[WAIT_DISK] = "disk",
	[WAIT_PAGE] = "page fault",
	[WAIT_LOCK] = "lock",
	[WAIT_GIL] = "GIL",
	[WAIT_SLEEP] = "sleep",
	[WAIT_CHILD] = "child",
	[WAIT_SIGNAL] = "signal",
	[WAIT_STOPPED] = "stopped",
	[WAIT_KERNEL] = "kernel",
	[WAIT_RUNQUEUE] = "run queue",
	[WAIT_UNKNOWN] = "not walked",
};

static const char *const spent_names[SPENT_COUNT] = {
	[SPENT_CPU] = "on CPU",
	[SPENT_RUNQUEUE] = "run queue",
	[SPENT_GIL] = "GIL",
	[SPENT_SETUP] = "connection set-up",
	[SPENT_REDIS] = "Redis",
	[SPENT_PEERS] = "other peers",
	[SPENT_NETWORK] = "other sockets",
	[SPENT_FILES] = "pipes and files",
	[SPENT_DISK] = "disk",
	[SPENT_LOCKS] = "locks",
	[SPENT_SLEEP] = "sleep",
	[SPENT_ELSE] = "everything else",
};

static const char *const stack_end_names[STACK_END_COUNT] = {
	[END_ROOT] = "root",
	[END_FRAME_POINTER] = "frame-pointer root",
	[END_NO_USER] = "no user registers",
	[END_UNMAPPED] = "unknown mapping",
	[END_NO_RULE] = "no unwind rule",
	[END_EXPRESSION] = "unsupported unwind expression",
	[END_FAULT] = "stack memory not readable",
	[END_TOO_DEEP] = "too deep",
	[END_NO_PROGRESS] = "broken frame chain",
	[END_BUSY] = "walker busy",
	[END_GREENLET] = "greenlet root",
	[END_NOT_WALKED] = "not walked",
	[END_COPY_ENDS] = "longer than what was copied of it",
};

static const char *const python_end_names[PYTHON_END_COUNT] = {
	[PYTHON_NONE] = "no interpreter",
	[PYTHON_ROOT] = "root",
	[PYTHON_NO_STATE] = "no thread state",
	[PYTHON_FAULT] = "interpreter memory not readable",
	[PYTHON_TOO_DEEP] = "too deep",
	[PYTHON_BROKEN] = "caught in the middle of a change",
	[PYTHON_TOO_MANY] = "too many thread states",
};

static const char *const drop_reason_names[DROP_COUNT] = {
	[DROP_RING_FULL_SAMPLE] = "ring full: samples",
	[DROP_RING_FULL_CONNECTION] = "ring full: connections",
	[DROP_RING_FULL_IO] = "ring full: traffic",
	[DROP_RING_FULL_LIFE] = "ring full: processes",
	[DROP_SCRATCH_BUSY] = "scratch busy",
	[DROP_CONNECTIONS_FULL] = "connection table full",
	[DROP_TARGETS_FULL] = "process table full",
	[DROP_RING_FULL_WAIT] = "ring full: waits",
	[DROP_WAITS_FULL] = "thread table full",
	[DROP_NO_MEMORY] = "no memory for events",
	[DROP_CONNECTS] = "whole connections",
	[DROP_PAYLOAD_FAULT] = "payload not readable",
	[DROP_CALLS] = "ring full: log writes and stacks of sends",
	[DROP_LOG_CALLS_FULL] = "table of writes full",
	[DROP_CHANGES] = "changes of TCP states",
	[DROP_LOG_SOCKETS] = "first writes to the system's log",
	[DROP_PAYLOAD_NO_REGS] = "payload of kernel work",
};

static const char *const rule_names[RULE_COUNT] = {
	[RULE_CONNECTION_PER_REQUEST] = "connection-per-request",
	[RULE_CONNECTION_LEAK] = "connection-leak",
	[RULE_CONNECTION_CHURN] = "connection-churn",
	[RULE_ROUND_TRIPS] = "round-trips",
};

static const char *const attribution_names[] = {
	[ATTRIBUTION_TASK] = "task",
	[ATTRIBUTION_THREAD] = "thread",
	[ATTRIBUTION_PROCESS] = "process",
	[ATTRIBUTION_RATE] = "rate",
};

static const char *const cause_names[] = {
	[CAUSE_THROW_AWAY_CLIENT] = "throw-away-client",
	[CAUSE_POOL_DROPPED_IT] = "pool-dropped-it",
	[CAUSE_LOOP_PER_REQUEST] = "loop-per-request",
	[CAUSE_THREAD_PER_REQUEST] = "thread-per-request",
	[CAUSE_PROCESS_PER_REQUEST] = "process-per-request",
	[CAUSE_UNCLOSED] = "unclosed",
};

static const char *const pooling_names[] = {
	[POOLING_OWN] = "own",
	[POOLING_SHARED] = "shared",
};

static const char *const verdict_names[] = {
	[VERDICT_CLEAN] = "clean",
	[VERDICT_FINDINGS] = "findings",
	[VERDICT_INCONCLUSIVE] = "inconclusive",
};

#define NAME_OF(table, id) ((id) < sizeof(table) / sizeof((table)[0]) ? (table)[id] : NULL)

struct connprof_recording *recording_new(void)
{
	struct connprof_recording *recording = calloc(1, sizeof(*recording));

	if (!recording)
		return NULL;
	recording->strings = strings_new();
	recording->stacks = stacks_new();
	if (!recording->strings || !recording->stacks) {
		connprof_recording_free(recording);
		return NULL;
	}
	recording->requests.latency_ms = (struct quantiles){ NAN, NAN, NAN };
	recording->server.connections_received = UNKNOWN_COUNT;
	recording->server.connections_seen = UNKNOWN_COUNT;
	recording->server.clients_listed = UNKNOWN_COUNT;
	recording->server.clients_matched = UNKNOWN_COUNT;
	recording->server.unix_listed = UNKNOWN_COUNT;
	recording->server.unix_open = UNKNOWN_COUNT;
	recording->cost.kernel_seconds = NAN;
	recording->cost.target_cpu_seconds = NAN;
	recording->cost.first_sample_seconds = NAN;
	recording->cost.real_rate_hz = NAN;
	return recording;
}

void connprof_recording_free(struct connprof_recording *recording)
{
	if (!recording)
		return;
	model_free(recording->model);
	free(recording->targets);
	free(recording->profile);
	free(recording->holders);
	free(recording->latencies);
	free(recording->spent.rows);
	free(recording->series.rows);
	free(recording->trips);
	free(recording->logs);
	free(recording->sites);
	free(recording->notes);
	free(recording->open_ends);
	free(recording->dump);
	stacks_free(recording->stacks);
	strings_free(recording->strings);
	free(recording);
}

void recording_note(struct connprof_recording *recording, const char *text)
{
	uint32_t id = strings_add(recording->strings, text);

	for (size_t i = 0; i < recording->note_count; i++)
		if (recording->notes[i] == id)
			return;
	if (!array_reserve(&recording->notes, &recording->note_capacity, recording->note_count + 1,
			   sizeof(*recording->notes), NOTES_MAX))
		recording->notes[recording->note_count++] = id;
}

const char *spent_name(unsigned id)
{
	return NAME_OF(spent_names, id);
}

const char *wait_name(unsigned wait)
{
	return NAME_OF(wait_names, wait);
}

const char *stack_end_name(unsigned end)
{
	const char *name = NAME_OF(stack_end_names, end);

	return name ? name : "unknown";
}

const char *python_end_name(unsigned end)
{
	const char *name = NAME_OF(python_end_names, end);

	return name ? name : "unknown";
}

const char *drop_reason_name(unsigned reason)
{
	const char *name = NAME_OF(drop_reason_names, reason);

	return name ? name : "unknown";
}

bool stack_end_complete(unsigned end)
{
	return end == END_ROOT || end == END_FRAME_POINTER || end == END_GREENLET;
}

const char *rule_name(unsigned rule)
{
	return NAME_OF(rule_names, rule);
}

const char *attribution_name(unsigned id)
{
	return NAME_OF(attribution_names, id);
}

const char *cause_name(unsigned id)
{
	return NAME_OF(cause_names, id);
}

const char *pooling_name(unsigned id)
{
	return NAME_OF(pooling_names, id);
}

const char *verdict_name(unsigned id)
{
	const char *name = NAME_OF(verdict_names, id);

	return name ? name : "not judged";
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connprof.h - libconnprof's only public header.
 *
 * A *session* attaches to live processes and collects what it is asked to; what it has seen at any moment is a
 * *recording*; a *report* renders a recording. The library never prints, exits or installs signal handlers: the caller
 * owns the loop.
 *
 *   struct connprof_session *session;
 *   connprof_session_open(&config, &session, &error);     nothing is attached yet
 *   connprof_session_start(session, &error);              attached and counting from here
 *   while (...) { poll(connprof_session_fd(session), ...); connprof_session_step(session, &error); }
 *   connprof_session_stop(session, &error);               detached, drained
 *   connprof_report_write(connprof_session_recording(session), &options, stream, &error);
 *   connprof_session_free(session);
 *
 * Functions return 0 or a count on success and a negative errno on failure, with one line for a person in *error
 * (which may be NULL). Out-parameters are written only on success. One thread at a time per session.
 */
#ifndef CONNPROF_H
#define CONNPROF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define CONNPROF_VERSION "0.1.0"

/* Exit statuses of the command, and so the kinds of outcome. */
enum connprof_exit {
	CONNPROF_OK = 0,
	CONNPROF_FINDINGS = 1,
	CONNPROF_USAGE = 2,
	CONNPROF_CANNOT_OBSERVE = 3,
	CONNPROF_INCONCLUSIVE = 4,
	CONNPROF_COMMAND_FAILED = 5,
};

struct connprof_error {
	enum connprof_exit status;
	char text[1024]; /* one line, no newline, no "connprof:" in front */
};

/* Where -v lines go: level 1 decisions, 2 steps. NULL: nowhere (the default). */
typedef void (*connprof_log_function)(int level, const char *line);
void connprof_log_to(connprof_log_function function, int level);

/* ---- session --------------------------------------------------------------- */

enum connprof_collect {
	CONNPROF_SAMPLES = 1,     /* CPU samples with stacks */
	CONNPROF_CONNECTIONS = 2, /* connections, what they carry, requests */
	CONNPROF_OFFCPU = 4,      /* time off the CPU: how long, where, for what */
	CONNPROF_GIL = 8,         /* who holds the GIL while others wait for it: with samples and OFFCPU */
	CONNPROF_LOGS = 32,       /* writes to logs, by which code; costs every system call of the host 0.1 µs */
	CONNPROF_ROUND_TRIPS = 64, /* by which code Redis is asked again and again; with CONNPROF_REQUESTS */
	CONNPROF_REQUESTS = 16,   /* what happens inside a request is tied to it: with the two above */
};

struct connprof_config {
	const pid_t *pids;          /* borrowed during connprof_session_open */
	size_t pid_count;
	unsigned collect;           /* enum connprof_collect, or-ed */
	unsigned rate_hz;           /* samples per second of CPU time; 0: 99 */
	bool no_children;           /* do not follow children */
	bool no_tls;                /* do not read what is said inside TLS: nothing is put into the targets' memory */
	bool kernel_frames;
	bool wakers;                /* CONNPROF_OFFCPU: who woke each thread, behind what it waited for */
	uint64_t min_block_ns;      /* CONNPROF_OFFCPU: waits shorter than this are only counted */
	bool gil_only;              /* leave out samples of threads that do not hold the interpreter's lock */
	const char *events_path;    /* write the decoded event stream here too (for replay); NULL: no */
};

struct connprof_session;
struct connprof_recording;

int connprof_session_open(const struct connprof_config *config, struct connprof_session **out,
			  struct connprof_error *error);
int connprof_session_start(struct connprof_session *session, struct connprof_error *error);

/* Readable when a step is due. Owned by the session. A step is due at least every 100 ms in any case. */
int connprof_session_fd(const struct connprof_session *session);

/* Takes what has arrived. Returns the number of events taken, or a negative errno. */
int connprof_session_step(struct connprof_session *session, struct connprof_error *error);

/* Is any followed process still there? */
bool connprof_session_alive(const struct connprof_session *session);

/* Detaches, drains, and closes the recording's window. Once; later calls do nothing. */
int connprof_session_stop(struct connprof_session *session, struct connprof_error *error);

struct connprof_progress {
	double seconds;      /* since start */
	uint64_t samples, lost, connections, requests;
	double rate_hz;      /* samples a second of the target's CPU time; NAN: not known (yet) */
	unsigned processes;  /* followed now */
};
void connprof_session_progress(const struct connprof_session *session, struct connprof_progress *out);

/* Each connection when it begins and when it has ended, a line of JSON each while it happens, and a summary as the last
 * (connprof.trace-line/1, docs/formats.md): what the formats do that connprof_format_streams says yes to. Between open and start; path as
 * for connprof_report_save; what options and rules point to is borrowed until the end. A step fails when nobody reads any more. */
struct connprof_report_options;
struct connprof_rules;
int connprof_session_journal(struct connprof_session *session, const char *path, const struct connprof_report_options *options,
			     const struct connprof_rules *rules, struct connprof_error *error);
/* After connprof_session_stop: what is still open, and the summary. Waits for the reader, where a step does not. */
int connprof_session_journal_end(struct connprof_session *session, struct connprof_error *error);

/* What was seen so far: borrowed, changes with each step, valid until connprof_session_free. */
struct connprof_recording *connprof_session_recording(struct connprof_session *session);
void connprof_session_free(struct connprof_session *session);

/* ---- recordings --------------------------------------------------------------- */

/* Reads a pprof recording (.pb.gz) that connprof wrote, or an event stream (.events.jsonl, replayed through the same
 * models). Owned by the caller. */
int connprof_recording_load(const char *path, struct connprof_recording **out, struct connprof_error *error);
void connprof_recording_free(struct connprof_recording *recording);

/* Writes to path what connprof_session_journal would have written of a recorded event stream. */
int connprof_journal_replay(const char *events_path, const char *path, const struct connprof_report_options *options,
			    const struct connprof_rules *rules, struct connprof_error *error);

/* Every thread's stack now. The recording holds threads instead of samples; render it with the format "dump". */
int connprof_dump(const struct connprof_config *config, struct connprof_recording **out, struct connprof_error *error);

/* ---- the verdict --------------------------------------------------------------- */

/* Findings to live with: they are shown, but count neither for the verdict nor for the exit status. */
struct connprof_accepted;

/* Reads a baseline that connprof_baseline_save wrote and a file of suppressions (a line each: conn:RULE:PATTERN); either may
 * be NULL. Owned by the caller. */
int connprof_accepted_load(const char *baseline_path, const char *suppress_path, struct connprof_accepted **out,
			   struct connprof_error *error);
void connprof_accepted_free(struct connprof_accepted *accepted);

struct connprof_rules {
	unsigned min_requests;             /* default 20 */
	double max_connects_per_request;   /* default 0.05 */
	double max_churn_per_second;       /* default 2 */
	const char *const *protocols;      /* names that decide, NULL-ended; NULL: redis. "any" means each */
	const char *const *redis_peers;    /* HOST:PORT, or a UNIX socket's path, taken for Redis unread, NULL-ended; NULL: none */
	bool round_trips;                  /* Redis commands sent one by one are findings too (recorded with CONNPROF_ROUND_TRIPS) */
	const char *const *app_patterns;   /* file patterns that are the application's own; NULL: none */
	const char *const *library_patterns;
	const struct connprof_accepted *accepted; /* NULL: every finding counts */
};

/* Judges what the recording holds, replacing an earlier judgement. Returns the exit status INTERFACE gives
 * (CONNPROF_OK, CONNPROF_FINDINGS, CONNPROF_INCONCLUSIVE), or a negative errno. NULL rules: the defaults. */
int connprof_recording_judge(struct connprof_recording *recording, const struct connprof_rules *rules,
			     struct connprof_error *error);

/* Writes the findings of a judged recording, suppressed ones left out, as a baseline: whole or not at all. */
int connprof_baseline_save(const struct connprof_recording *recording, const char *path, struct connprof_error *error);

/* Asks the Redis at url (redis://[user:password@]host:port[/db]) for its own view. `begin` before the window opens;
 * `end` compares, adding the differences to the recording. The one connection it makes itself is subtracted. */
struct connprof_server_view;
int connprof_server_view_begin(const char *url, struct connprof_server_view **out, struct connprof_error *error);
int connprof_server_view_end(struct connprof_server_view *view, struct connprof_recording *recording,
			     struct connprof_error *error);
void connprof_server_view_free(struct connprof_server_view *view);

/* ---- reports --------------------------------------------------------------- */

/* Which part of a recording that has both. */
enum connprof_mode { CONNPROF_MODE_ALL = 0, CONNPROF_MODE_CPU, CONNPROF_MODE_OFFCPU };

/* What a picture of connections shows: how many were opened, how many are still open, or the time to set them up. */
enum connprof_weight { CONNPROF_WEIGHT_NONE = 0, CONNPROF_WEIGHT_OPENED, CONNPROF_WEIGHT_OPEN, CONNPROF_WEIGHT_SETUP };

struct connprof_report_options {
	const char *format;      /* a name connprof_format_find gave */
	const char *title;       /* NULL: made from the targets */
	bool threads;            /* thread as the root frame */
	bool functions;          /* aggregate by function: no line numbers in the merge */
	bool nolineno;           /* no line numbers in names */
	bool native;             /* the interpreter's own C frames too */
	bool color;
	enum connprof_mode mode; /* profiles: what is shown */
	const char *wait;        /* and of time off the CPU only this kind: "socket", "GIL", "run-queue"; NULL: each */
	/* Only what lies inside requests slower than this, or inside the slowest so many percent of them; 0: all. */
	uint64_t slower_than_ns;
	double slowest_percent;
	enum connprof_weight weight; /* of connections; NONE: opened */
	bool stacks;             /* call sites: with the chain of calls down to connect() */
	bool against_normal;     /* and that compared with what lies inside the other requests */
	const struct connprof_recording *base; /* what the recording is compared with (borrowed); NULL: with nothing */
};

/* What a format can show. */
enum connprof_view {
	CONNPROF_VIEW_PROFILE = 1,  /* record, report */
	CONNPROF_VIEW_VERDICT = 2,  /* check */
	CONNPROF_VIEW_SITES = 4,    /* trace */
	CONNPROF_VIEW_THREADS = 8,  /* dump */
	CONNPROF_VIEW_DIAGNOSIS = 16, /* diagnose */
	CONNPROF_VIEW_REQUESTS = 32, /* where the time of requests went */
	CONNPROF_VIEW_DIFF = 64,      /* diff: what changed since options->base */
};

/* The canonical name of a format (static): by name or alias, or, when name is NULL, by path's extension (*by default the
 * first of the view*). NULL: no such format for this view. */
const char *connprof_format_find(enum connprof_view view, const char *name, const char *path);
/* Can it show the difference between two recordings, or two parts of one? */
bool connprof_format_compares(enum connprof_view view, const char *name);
/* Is it written while things happen (connprof_session_journal), and not from a recording? */
bool connprof_format_streams(enum connprof_view view, const char *name);
/* The names for a view, separated by ", ". */
#define CONNPROF_NAMES_BYTES 128
void connprof_format_names(enum connprof_view view, char *out, size_t size);
/* What a file of that format is called by (".pb.gz"); "": nothing. */
void connprof_format_extension(enum connprof_view view, const char *name, char *out, size_t size);

/* Renders to stream. View and format must fit. */
int connprof_report_write(const struct connprof_recording *recording, enum connprof_view view,
			  const struct connprof_report_options *options, FILE *stream, struct connprof_error *error);

/* The same into path ("-": standard output), whole or not at all. */
int connprof_report_save(const struct connprof_recording *recording, enum connprof_view view,
			 const struct connprof_report_options *options, const char *path, struct connprof_error *error);

/* The lines for a person after `record`: samples, asked and real rate, complete stacks, what was lost or cut and why, the
 * tool's own cost. */
int connprof_report_summary(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error);

/* ---- lists ------------------------------------------------------------------ */

/* What a live view shows, as plain values. */
enum connprof_list {
	CONNPROF_LIST_FUNCTIONS = 1, /* by their own samples: self, total (samples) */
	CONNPROF_LIST_SITES,         /* call sites: connects, failed, open, connects per request, set-up p50 and lifetime p50 (ms) */
	CONNPROF_LIST_LATENCIES,     /* a histogram, fastest first: from, to (ms), requests */
};

#define CONNPROF_ITEM_VALUES 6

struct connprof_item {
	char text[192];              /* one line, printable UTF-8; its identity from list to list of a session */
	char mark[32];               /* a rule that a call site breaks, "" none */
	double values[CONNPROF_ITEM_VALUES]; /* as above; NAN: not known */
};

/* The first `limit` items. Returns how many, or a negative errno. Call sites have names once the recording was judged. */
int connprof_list(const struct connprof_recording *recording, enum connprof_list list, struct connprof_item *items, size_t limit);

struct connprof_requests {
	uint64_t observed, over_500ms, over_1s;
	double p50_ms, p99_ms, max_ms;   /* NAN: none was complete */
};
void connprof_requests(const struct connprof_recording *recording, struct connprof_requests *out);

/* ---- doctor --------------------------------------------------------------- */

struct connprof_finding {
	char name[48];     /* "BTF", "profiling", "payload", … */
	bool works;
	bool needed;       /* without it connprof cannot do its main job */
	char detail[200];  /* what was found */
	char remedy[200];  /* what to do; empty when it works */
};

/* Tries what this host, kernel and user permit, by doing it. Fills at most count findings; returns how many. */
int connprof_doctor(struct connprof_finding *findings, size_t count);

/* "500ms" "2s" "1m" "30": nanoseconds. 0, or -EINVAL. */
int connprof_parse_duration(const char *text, uint64_t *ns);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recording.h - everything a session has seen, as reports read it: the struct connprof_recording behind connprof.h.
 *
 * Filled by the models (profile.c, conns.c, requests.c, sites.c, verdict.c) or by loading a file; reports only read it.
 * Counts not known are UNKNOWN_COUNT, numbers not known are NAN: both become null in JSON, never 0.
 */
#ifndef CONNPROF_MODEL_RECORDING_H
#define CONNPROF_MODEL_RECORDING_H

#include "base/strings.h"
#include "connprof.h"
#include "event.h"
#include "model/stacks.h"

#define UNKNOWN_COUNT UINT64_MAX

/* One line of the profile: samples with the same stack in the same thread, inside requests of the same latency, or its waits
 * of one kind there. */
struct profile_row {
	uint32_t stack;
	uint32_t pid, tid;
	uint32_t thread;       /* string id */
	uint16_t latency;      /* bucket of the request it lies in, model/latency.h; LATENCY_NONE: in none */
	uint32_t wait;         /* enum wait_kind; WAIT_NONE: on the CPU */
	uint64_t samples;      /* on the CPU; else 0 */
	uint64_t waits;        /* off the CPU: how many were looked at */
	uint64_t off_ns;       /* off the CPU: how long, with the share of what was left out */
};

/* Waits for the GIL by the thread that held it when they began. */
struct holder_row {
	uint32_t pid, tid;     /* tid 0: not known */
	uint64_t waits, ns, longest_ns;
};

/* What went into the off-CPU rows. Sums over all kinds are off_ns of the rows. */
struct offcpu_row {
	uint64_t walked, walked_ns;   /* waits with a stack, and their own time */
	uint64_t left, left_ns;       /* too many to walk: their time is spread over the walked ones of their thread */
	uint64_t unplaced_ns;         /* of that: in threads none of whose waits was walked */
	uint64_t brief, brief_ns;     /* shorter than asked for: in no row */
	uint64_t ns[WAIT_KIND_COUNT]; /* by kind */
	uint64_t min_block_ns;        /* asked */
};

/* Requests of one latency. */
struct latency_row {
	uint16_t bucket;       /* model/latency.h */
	uint64_t requests;     /* that ended, or had lasted so long at the end of the window */
};

/* Where the time inside requests went; docs/formats.md says what each holds. */
enum spent_id {
	SPENT_CPU = 0, SPENT_RUNQUEUE, SPENT_GIL, SPENT_SETUP, SPENT_REDIS, SPENT_PEERS, SPENT_NETWORK, SPENT_FILES, SPENT_DISK,
	SPENT_LOCKS, SPENT_SLEEP, SPENT_ELSE, SPENT_COUNT,
};
#define SPENT_COMMANDS 16 /* Redis commands told apart; the time of further ones is in SPENT_REDIS only */

/* Requests of about that rank, by latency: the bands p45-p55, p88-p92 and p98.5-p99.5, at least one request each; the slowest;
 * all of them. */
enum spent_band { BAND_P50 = 0, BAND_P90, BAND_P99, BAND_MAX, BAND_MEAN, BAND_COUNT };

struct spent_row {
	uint8_t spent;           /* enum spent_id */
	uint32_t command;        /* string id: SPENT_REDIS by command; 0: the row is the whole of its kind */
	double ms[BAND_COUNT];   /* a request; those of the whole kinds add up to latency_ms */
	double count[BAND_COUNT]; /* of a command: round trips a request; else NAN */
};

struct spent_table {
	uint64_t requests[BAND_COUNT];   /* in the band; the fill's rounding apart */
	double latency_ms[BAND_COUNT];   /* mean of these */
	double queued_ms[BAND_COUNT];    /* before that: how long their heads had lain unread, to within a tick of the kernel (1 to 10 ms) */
	struct spent_row *rows; size_t count, capacity; /* in the order of enum spent_id, commands behind their kind, the longest first */
};

/* A call site that sends Redis commands one by one, each waiting for the answer to the last: by command. */
struct trip_row {
	uint32_t call_site;      /* frame id; 0: none of the frames is the application's own */
	uint32_t stack;          /* of a typical send; 0: not known (any more) */
	uint32_t command;        /* string id */
	uint64_t requests;       /* that did so, of those in which a stack was walked for */
	double trips, ms;        /* in these: round trips, and time waited */
};

#define LOG_ROWS_MAX 1000
/* A statement that writes to a log. Where only some writes' stacks were walked for, estimates that add up to the exact sums. */
struct log_row {
	uint32_t call_site;      /* frame id; 0: none of the frames is the application's own */
	uint32_t stack;          /* of a typical write; 0: not known (any more) */
	uint32_t place;          /* string id: what is written to */
	double writes, lines, bytes;
	double ms, blocked_ms;   /* inside the calls, and of those that had to wait */
	double inside_lines, inside_ms, inside_blocked_ms; /* the same of writes inside requests */
	double cpu_percent;      /* of all CPU samples, in this statement; NAN: not known */
};

#define SERIES_WINDOWS 60
#define SERIES_PEERS 32 /* told apart; the last row is of all others */
/* The connections opened here to one peer, over time. */
struct series_row {
	struct endpoint peer;            /* family 0: all that are not told apart */
	uint32_t opened[SERIES_WINDOWS]; /* begun in that window, failed ones too */
	uint32_t open[SERIES_WINDOWS];   /* at its end */
};

struct series_table {
	uint64_t from_ns, window_ns;     /* of the first window, since the start; of each. The last one ends with the recording */
	size_t windows;                  /* 0: no connection was opened, or it is not known */
	uint32_t peak;                   /* most open at the same time */
	struct series_row *rows; size_t count, capacity; /* in order of their first connection */
};

/* Which part of a recording this is, model/cut.h. All zero: all of it. */
struct cut_row {
	uint64_t slower_than_ns;   /* 0: not cut */
	bool normal;               /* the requests that are not slower, instead of those that are */
	uint64_t requests;         /* in this part */
};

struct target_row {
	uint32_t pid;
	uint32_t parent;       /* 0: named by the user */
	uint32_t comm, exe;    /* string ids */
	bool exited;
};

/* Median and tails of a set of durations, milliseconds; NAN: none. */
struct quantiles {
	double p50, p99, max;
};

enum rule_id { RULE_NONE = 0, RULE_CONNECTION_PER_REQUEST, RULE_CONNECTION_LEAK, RULE_CONNECTION_CHURN,
	       RULE_ROUND_TRIPS, RULE_COUNT };
enum attribution_id { ATTRIBUTION_NONE = 0, ATTRIBUTION_TASK, ATTRIBUTION_THREAD, ATTRIBUTION_PROCESS, ATTRIBUTION_RATE };
enum cause_id {
	CAUSE_NONE = 0, CAUSE_THROW_AWAY_CLIENT, CAUSE_POOL_DROPPED_IT, CAUSE_LOOP_PER_REQUEST, CAUSE_THREAD_PER_REQUEST,
	CAUSE_PROCESS_PER_REQUEST, CAUSE_UNCLOSED,
};
/* Of a site's connections: nearly each was opened by a pool of its own, or most by one that several requests shared. */
enum pooling_id { POOLING_UNKNOWN = 0, POOLING_OWN, POOLING_SHARED };

/* A call site: the application frames of the stack at connect(), and the peer. Numbers as INTERFACE.md's JSON has them. */
struct site_row {
	uint8_t rule, attribution, cause; /* enum rule_id, attribution_id, cause_id */
	bool decides;
	bool tls;
	uint8_t protocol;                 /* enum protocol_id */
	bool protocol_confirmed;          /* both directions were read */
	struct endpoint peer;
	uint32_t library;                 /* string id, "" unknown */
	uint32_t stack;                   /* stack id of a typical connect(); 0: none */
	uint32_t call_site;               /* frame id; 0: none of the frames is the application's own */
	uint64_t connects, failed_connects; /* the first: those that were established */
	uint64_t requests;                /* all requests of the target in the window */
	uint64_t using_requests;          /* distinct requests that used this peer, through whichever connection */
	uint64_t opening_requests;        /* distinct requests that opened at least one */
	uint64_t open_at_end, peer_closed_open; /* the second: left in CLOSE_WAIT */
	uint64_t returned_later;          /* outlived the idle limit, then closed after all */
	double connects_per_request, connects_per_using_request; /* NAN: no requests */
	double requests_per_connection, commands_per_connection; /* NAN: not known */
	struct quantiles lifetime_ms, setup_ms;
	struct quantiles connect_ms, tls_ms, handshake_ms; /* the parts of setup_ms: the socket's, TLS's, the protocol's own */
	double handshake_trips;           /* replies waited for in the last, per connection; NAN: not known */
	double setup_ms_per_request;      /* NAN: no requests */
	double cpu_percent;               /* share of samples inside this site's set-up; NAN: no samples taken */
	uint64_t bytes_sent, bytes_received;
	uint64_t pool_connects, pools;    /* those whose pool is known (all zero: of too few), and how many different pools these were at least */
	uint8_t pooling;                  /* enum pooling_id: what that proves */
	uint32_t explanation;             /* string id: the finding in words, for text output; "" for none */
	uint32_t remedy;                  /* string id: what to change, in this client library's terms */
	uint8_t accepted;                 /* enum acceptance: a finding that does not count */
	uint64_t fingerprint;             /* model/fingerprint.h; 0: not judged */
};

enum acceptance { ACCEPTED_NOT = 0, ACCEPTED_BASELINE, ACCEPTED_SUPPRESSED };

/* What --baseline and --suppress came to. */
struct acceptance_row {
	bool asked;
	uint64_t in_baseline, suppressed; /* call sites */
	uint64_t resolved;                /* findings of the baseline that were not seen this time */
};

enum verdict_id { VERDICT_NONE = 0, VERDICT_CLEAN, VERDICT_FINDINGS, VERDICT_INCONCLUSIVE };

struct requests_summary {
	uint64_t observed;
	uint8_t protocol;          /* enum protocol_id; UNKNOWN when none */
	struct quantiles latency_ms;
	uint64_t over_500ms, over_1s;
};

/* What the tool itself cost, and how the sampling went. */
struct cost_row {
	double own_cpu_seconds;      /* user + system time of connprof since start */
	double kernel_seconds;       /* run time of our BPF programs; NAN: not measured */
	double target_cpu_seconds;   /* of the followed processes in the window; NAN: not known */
	uint64_t own_rss_bytes;      /* peak */
	double first_sample_seconds; /* start to first sample; NAN: none */
	double real_rate_hz;         /* samples a second of the target's CPU time; NAN: not known well enough */
};

/* What the Redis server itself says, see peer/redis.h. */
struct server_row {
	bool asked;
	uint32_t address;                   /* string id, without credentials */
	uint64_t connections_received;      /* delta of total_connections_received in the window, our own subtracted */
	uint64_t connections_seen;          /* established to this server, as traced */
	uint64_t clients_listed, clients_matched; /* CLIENT LIST at the end; of those, ours by local address and port, or by number */
	uint64_t unix_listed, unix_open;    /* of those listed: over its UNIX socket; and how many of ours are open to that */
	uint32_t note;                      /* string id: the difference in words; "" none */
};

struct connprof_recording {
	struct strings *strings;            /* owned, like everything here */
	struct stacks *stacks;

	unsigned collect;                   /* enum connprof_collect: what was looked for */
	uint64_t start_unix_ns;             /* wall clock at start */
	uint64_t start_ns;                  /* CLOCK_MONOTONIC at that moment; 0: not known (a pprof file) */
	double seconds;                     /* window */
	unsigned rate_hz;                   /* asked */

	struct target_row *targets; size_t target_count, target_capacity;
	struct profile_row *profile; size_t profile_count, profile_capacity;
	uint64_t samples;                   /* sum over profile */
	uint64_t samples_without_gil;       /* left out as asked, not among these */
	struct offcpu_row offcpu;
	struct holder_row *holders; size_t holder_count, holder_capacity;
	uint64_t stack_ends[STACK_END_COUNT];   /* samples by how the native part ended */
	uint64_t python_ends[PYTHON_END_COUNT]; /* samples by how the Python part ended */
	uint64_t unreadable_frames;         /* Python frames whose code was gone, or could not be read, when they were to be named */
	uint64_t merge_misses;              /* samples whose Python frames found no native frame to belong to */
	uint64_t drops[DROP_COUNT];
	uint64_t stacks_refused;            /* stacks not kept: table full */
	uint64_t missed_runs;               /* BPF programs that did not run (recursion), from the kernel */

	struct site_row *sites; size_t site_count, site_capacity;
	struct requests_summary requests;
	struct latency_row *latencies; size_t latency_count, latency_capacity; /* ascending; empty without CONNPROF_REQUESTS */
	struct spent_table spent;           /* empty without CONNPROF_REQUESTS */
	struct trip_row *trips; size_t trip_count, trip_capacity; /* the most time first */
	struct log_row *logs; size_t log_count, log_capacity;     /* likewise */
	uint64_t log_writes, log_lines;     /* exact, to logs in all */
	uint64_t purposes_refused;          /* intervals not kept: their time is in SPENT_ELSE */
	uint64_t trips_untied;              /* round trips to Redis of tasks that answered none of the requests open then: likewise */
	uint64_t connections_refused, requests_refused; /* not followed: a table was full */
	uint64_t deeds_refused;             /* of tasks, not kept until it was known whose they were */
	uint64_t unheld;                    /* samples inside requests that could not be held until these ended */
	struct cut_row cut;
	struct series_table series;
	uint64_t connections, preexisting, accepted; /* seen in all */
	uint8_t verdict;                    /* enum verdict_id; NONE: not judged */
	uint32_t verdict_note;              /* string id: why inconclusive; "" */

	struct acceptance_row acceptance;
	struct server_row server;
	/* Local ends of the target's outgoing connections open at the end (of UNIX ones, which have none, the peer's), for peer/redis.c; NULL: not known. A pprof file does
	 * not carry them: what the server's list came to is in `server`. */
	struct endpoint *open_ends; size_t open_end_count, open_end_capacity;
	struct cost_row cost;

	uint32_t *notes; size_t note_count, note_capacity; /* string ids: things to tell the user ("unknown CPython 3.16: native frames only") */

	struct dump_thread *dump; size_t dump_count, dump_capacity;
	void *model;                        /* struct model *: the live models behind this, NULL when loaded. Freed by recording_free through model_free */
};

enum thread_state { THREAD_RUNNING, THREAD_SLEEPING, THREAD_DISK, THREAD_STOPPED, THREAD_ZOMBIE, THREAD_UNKNOWN };
struct dump_thread {
	uint32_t pid, tid, thread; /* thread: string id of its name */
	uint32_t stack;
	uint8_t state;             /* enum thread_state */
	bool holds_gil;
	uint8_t python_end;
	bool torn;                 /* it ran while being read: frames may belong to different moments */
};

/* NULL when out of memory. */
struct connprof_recording *recording_new(void);
/* Notes each text once. */
void recording_note(struct connprof_recording *recording, const char *text);

const char *spent_name(unsigned id);        /* static: "on CPU", …; NULL: none of that number */
const char *wait_name(unsigned wait);       /* static: "socket", "GIL", …; NULL for WAIT_NONE */
const char *stack_end_name(unsigned end);   /* static: "root", "fault", … as printed */
const char *python_end_name(unsigned end);
const char *drop_reason_name(unsigned reason);
bool stack_end_complete(unsigned end);
const char *rule_name(unsigned rule);       /* "connection-per-request", …; NULL for RULE_NONE */
const char *attribution_name(unsigned id);  /* NULL for NONE */
const char *cause_name(unsigned id);        /* NULL for NONE */
const char *pooling_name(unsigned id);      /* NULL for UNKNOWN */
const char *verdict_name(unsigned id);

#endif

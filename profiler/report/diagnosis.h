/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diagnosis.h - what a recording shows to be wrong, in words, dearest first: the first lines of `connprof diagnose`.
 *
 * Each kind of finding is one row of the table in diagnosis_kinds.c: where its candidates are in the recording, which of them
 * are findings, what they cost, and how they are told. The renderers (diagnosis_text.c, _json.c, _html.c) know no kind.
 */
#ifndef CONNPROF_REPORT_DIAGNOSIS_H
#define CONNPROF_REPORT_DIAGNOSIS_H

#include "report/report.h"

#define DIAGNOSIS_TEXT 400
#define DIAGNOSIS_MAX 64 /* findings shown; the rest is counted */

/* One finding, ready to be shown. Strings that are not arrays are borrowed from the recording, or static. */
struct diagnosis_finding {
	const char *kind;              /* "connection-per-request", "noisy-log", … */
	char subject[DIAGNOSIS_TEXT];  /* what it is about: "redis 127.0.0.1:6379, redis-py 5.0.1" */
	char what[DIAGNOSIS_TEXT];     /* a sentence; "" none */
	const char *cause;             /* why, a sentence's end; "" not known */
	const char *remedy;            /* what to do; "" not known */
	uint32_t frame;                /* frame id of the application's line; 0: not known */
	uint32_t stack;                /* stack id of a typical case; 0: none */
	double ms_per_request;         /* NAN: not known */
	double cpu_percent;            /* NAN: not known */
	double weight;                 /* what it is ranked by: the larger of its share of the requests' time and of the CPU, percent */
};

struct diagnosis {
	struct diagnosis_finding findings[DIAGNOSIS_MAX]; /* dearest first */
	size_t count, total;           /* shown, found */
};

/* One kind: candidate `index` of the recording as a finding, but for its weight. False: it is none. */
struct diagnosis_kind {
	size_t (*candidates)(const struct connprof_recording *recording);
	bool (*tell)(const struct connprof_recording *recording, size_t index, struct diagnosis_finding *out);
};
extern const struct diagnosis_kind diagnosis_kinds[];
extern const size_t diagnosis_kind_count;

/* A judged recording's findings. *out is owned by the caller (free); 0 or -ENOMEM. */
int diagnosis_make(const struct connprof_recording *recording, struct diagnosis **out);

/* "0.81 ms of each request, 16.0 % of the CPU samples"; "" where neither is known. Returns out. */
const char *diagnosis_cost(const struct diagnosis_finding *finding, char out[DIAGNOSIS_TEXT]);
/* "RecommendHandler.history (/srv/app/recommend.py:29)"; "" where the frame is not known. Returns out. */
const char *diagnosis_where(const struct connprof_recording *recording, const struct diagnosis_finding *finding,
			    char out[DIAGNOSIS_TEXT]);
/* "connections, requests, waits": what a diagnosis would look at and this recording does not hold; "" nothing. Returns out. */
const char *diagnosis_missing(const struct connprof_recording *recording, char out[DIAGNOSIS_TEXT]);
/* The same one by one: the name of the first that is missing from `*index` on, which is moved behind it; NULL: no more. */
const char *diagnosis_next_missing(const struct connprof_recording *recording, size_t *index);
#define DIAGNOSIS_ADVICE "connprof diagnose records what this kernel tells"

/* "gunicorn 812 and 3 more, 30.0 s, 4812 HTTP requests". Returns out. */
const char *diagnosis_seen(const struct connprof_recording *recording, char out[DIAGNOSIS_TEXT]);

#endif

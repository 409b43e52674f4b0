/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_facts.h - what of a recording has no place in pprof's own messages, as JSON texts, and back. They are the labels of
 * one sample that counts nothing: one with the key "connprof.recording/1", then one "connprof.site/1" for each call site, in
 * order. A target cannot forge them: what it names becomes labels of other keys only.
 */
#ifndef CONNPROF_REPORT_PPROF_FACTS_H
#define CONNPROF_REPORT_PPROF_FACTS_H

#include <json-c/json.h>

#include "model/recording.h"

#define FACTS_RECORDING "connprof.recording/1"
#define FACTS_SITE "connprof.site/1"
#define FACTS_ANY "connprof."
#define FACTS_WAIT "wait" /* label of a row off the CPU: its kind */
#define FACTS_BYTES_MAX (8u << 20) /* of one text */
#define FACTS_SITES_MAX 65536u
#define FACTS_MAPPINGS_MAX (1u << 20)

/* What a mapping's frames are. */
struct facts_mapping {
	uint8_t kind, flags;   /* enum frame_kind, enum frame_flag */
	uint32_t module;       /* string id */
	uint32_t next;         /* for the writer: the next one of the same module, + 1; 0: none */
};

struct facts_mappings {
	struct facts_mapping *items; /* owned; mapping id is index + 1 */
	size_t count, capacity;
};

/* A member that is an array, and its length. Borrowed; NULL and 0: there is none. */
struct json_object *facts_array(struct json_object *from, const char *key, size_t *count);

/* The texts: owned by the caller (free); NULL when out of memory. call_site: the site's as a location id, 0 none. */
char *facts_write_recording(const struct connprof_recording *recording, const struct facts_mappings *mappings);
char *facts_write_site(const struct connprof_recording *recording, const struct site_row *site, uint64_t call_site);

/* The other way, into a fresh recording. 0, -EINVAL (not what we write) or -ENOMEM. */
int facts_read_recording(struct connprof_recording *recording, const char *text, struct facts_mappings *mappings);
int facts_read_site(struct connprof_recording *recording, const char *text, uint64_t *call_site);

/* ---- pprof_requests.c ---- */

struct json_build;
/* Members of the recording's text: its latencies and where the time of its requests went. Back: 0, -EINVAL or -ENOMEM. */
void facts_put_requests(struct json_build *build, const struct connprof_recording *recording, struct json_object *into);
int facts_get_requests(struct connprof_recording *recording, struct json_object *from);

/* ---- pprof_calls.c ---- */

/* The same for round trips and log sites. */
void facts_put_calls(struct json_build *build, const struct connprof_recording *recording, struct json_object *into);
int facts_get_calls(struct connprof_recording *recording, struct json_object *from);

/* ---- pprof_series.c ---- */

/* The same for connections over time. */
void facts_put_series(struct json_build *build, const struct connprof_recording *recording, struct json_object *into);
int facts_get_series(struct connprof_recording *recording, struct json_object *from);

/* ---- pprof_file.c ---- */

/* The unpacked bytes of a file, at most PPROF_BYTES_MAX: *bytes is owned by the caller (free). 0 or -errno with its message. */
int pprof_read_file(const char *path, uint8_t **bytes, size_t *size, struct connprof_error *error);

#endif

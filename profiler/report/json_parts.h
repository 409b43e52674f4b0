/* SPDX-License-Identifier: BSD-2-Clause */
/* json_parts.h - what is a part of several documents. */
#ifndef CONNPROF_REPORT_JSON_PARTS_H
#define CONNPROF_REPORT_JSON_PARTS_H

#include "report/json_build.h"
#include "report/report.h"

/* The members of a connprof.check/1 document. */
void check_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording,
		    const struct connprof_report_options *options);

/* A member with p50 and p99, and max where asked for. */
void quantiles_json_put(struct json_build *build, struct json_object *into, const char *key, const struct quantiles *values,
			bool with_max);

/* A member with function, file and line of a frame; null where there is none. A native frame without source shows the object it
 * is in. */
void place_json_put(struct json_build *build, struct json_object *into, const char *key, const struct connprof_recording *recording,
		    uint32_t frame);
/* A member with a stack's frames, innermost first: function, file, line, kind. */
void stack_json_put(struct json_build *build, struct json_object *into, const char *key, const struct connprof_recording *recording,
		    const struct connprof_report_options *options, uint32_t stack);

/* The members "targets", "requests", "lost" (returned, for more of its own) and, where there are any, "notes". */
void targets_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);
void requests_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);
struct json_object *lost_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);
void notes_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);

/* A protocol's name (static), a string's text; NULL: not known. */
const char *protocol_or_null(uint8_t protocol);
const char *text_or_null(const struct connprof_recording *recording, uint32_t id);

#endif

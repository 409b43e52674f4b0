/* SPDX-License-Identifier: BSD-2-Clause */
/* calls.h - statements that write logs, and that ask Redis again and again: as tables and as members of a document. */
#ifndef CONNPROF_REPORT_CALLS_H
#define CONNPROF_REPORT_CALLS_H

#include "report/json_build.h"
#include "report/report.h"

#define CALL_PLACE_TEXT 512
/* "rank (app/rank.py:57)"; "(no application frame)" for 0. Returns out. */
const char *call_place(const struct connprof_recording *recording, uint32_t call_site, char out[CALL_PLACE_TEXT]);

/* Nothing where they were not looked for. */
void trips_table_text(const struct connprof_recording *recording, FILE *stream);
void logs_table_text(const struct connprof_recording *recording, FILE *stream);
/* Members "round_trips" and "logs"; null where they were not looked for. */
void calls_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);

#endif

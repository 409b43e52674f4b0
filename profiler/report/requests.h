/* SPDX-License-Identifier: BSD-2-Clause */
/* requests.h - what requests spent their time on: parts of the view "requests" that other documents have too. */
#ifndef CONNPROF_REPORT_REQUESTS_H
#define CONNPROF_REPORT_REQUESTS_H

#include "report/json_build.h"
#include "report/report.h"

/* Where their time went, a line each part that took any; nothing if it is not known. */
void spent_table_text(const struct connprof_recording *recording, FILE *stream);
/* Member "spent" of a document; null if it is not known. */
void spent_table_json(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);

/* Does any band of the row show more than 0.00 ms? */
bool spent_took_any(const struct spent_row *row);

extern const char *const band_names[BAND_COUNT]; /* "p50", … */

#endif

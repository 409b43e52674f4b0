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

#endif

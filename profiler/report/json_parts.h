/* SPDX-License-Identifier: BSD-2-Clause */
/* json_parts.h - documents that are also a part of another one. */
#ifndef CONNPROF_REPORT_JSON_PARTS_H
#define CONNPROF_REPORT_JSON_PARTS_H

#include "report/json_build.h"
#include "report/report.h"

/* The members of a connprof.check/1 document. */
void check_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording,
		    const struct connprof_report_options *options);

#endif

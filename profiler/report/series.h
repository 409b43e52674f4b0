/* SPDX-License-Identifier: BSD-2-Clause */
/* series.h - connections over time (model/series.h), as reports show them. */
#ifndef CONNPROF_REPORT_SERIES_H
#define CONNPROF_REPORT_SERIES_H

#include "report/json_build.h"
#include "report/report.h"

struct series_sums {
	uint64_t opened;
	uint32_t most_opened;      /* in one window */
	uint32_t most_open, at_end; /* at the end of a window; of the last */
};
struct series_sums series_sums(const struct series_table *table, const struct series_row *row);

/* When window `index` begins, seconds since the start. */
double series_from_seconds(const struct series_table *table, size_t index);
/* "127.0.0.1:6379", or "other peers". Returns out, or static. */
const char *series_peer(const struct connprof_recording *recording, const struct series_row *row, char out[ENDPOINT_TEXT]);
/* The table's rows, those to which most were opened first. Returns how many. */
size_t series_by_opened(const struct series_table *table, const struct series_row *rows[SERIES_PEERS]);

/* Member "connections_over_time" of a document; null where connections were not recorded. */
void series_json(struct json_build *build, struct json_object *document, const struct connprof_recording *recording);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* hot.h - functions by their share of the samples: the table beside a flame graph. */
#ifndef CONNPROF_REPORT_HOT_H
#define CONNPROF_REPORT_HOT_H

#include "report/report.h"

struct hot_row {
	uint32_t name;          /* as lines_name gives it, merged by function */
	uint64_t self, total;   /* samples in which it is the innermost frame; in which it is anywhere, counted once each */
};

/* The rows with the most samples of their own first, at most `limit`; *rows is owned by the caller. Returns how many, or
 * -ENOMEM. */
int hot_functions(const struct connprof_recording *recording, struct lines *lines, size_t limit, struct hot_row **rows);

#endif

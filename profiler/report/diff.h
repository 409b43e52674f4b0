/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.h - what changed between two recordings: functions by their share, call sites by what they open, requests by where their
 * time goes. Shares and figures per request are compared, so that the windows need not be equally long.
 */
#ifndef CONNPROF_REPORT_DIFF_H
#define CONNPROF_REPORT_DIFF_H

#include "report/report.h"
#include "report/sites.h"

#define DIFF_FUNCTIONS 40   /* shown: those that changed most */
#define DIFF_SITES 200
#define DIFF_NAME 320

enum diff_side { BEFORE, AFTER, DIFF_SIDES };

struct diff_function {
	char name[DIFF_NAME];             /* as flame graphs show it, without lines */
	double self[DIFF_SIDES], total[DIFF_SIDES]; /* percent of all samples (or time) */
};

struct diff_site {
	const struct site_row *row[DIFF_SIDES]; /* NULL: not there. Borrowed from the recordings */
	char place[PLACE_TEXT], peer[ENDPOINT_TEXT];
};

struct diff {
	const struct connprof_recording *recording[DIFF_SIDES]; /* borrowed */
	struct diff_function functions[DIFF_FUNCTIONS];
	size_t function_count, function_total; /* shown, that differ */
	struct diff_site sites[DIFF_SITES];
	size_t site_count, site_total;
};

/* *out is owned by the caller (free). 0 or -ENOMEM. */
int diff_make(const struct connprof_recording *before, const struct connprof_recording *after,
	      const struct connprof_report_options *options, struct diff **out);

#endif

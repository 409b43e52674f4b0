/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram.h - request latencies as a few bars. */
#ifndef CONNPROF_REPORT_HISTOGRAM_H
#define CONNPROF_REPORT_HISTOGRAM_H

#include "model/recording.h"

#define HISTOGRAM_BARS 20

struct histogram_bar {
	double low_ms, high_ms; /* from, up to but not including */
	uint64_t requests;
};

/* Bars from the fastest to the slowest request, each wider than the one before by the same factor. Returns how many: 0 where
 * the recording knows no requests. */
size_t histogram_make(const struct connprof_recording *recording, struct histogram_bar bars[HISTOGRAM_BARS]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram.c - the recording's latency buckets, gathered into bars. */
#include "report/histogram.h"

#include <math.h>

#include "model/latency.h"

#define LAST_INSIDE 1.01 /* the last bar ends behind the slowest bucket, whose own width is 0.8 % */

static double bucket_ms(const struct latency_row *row)
{
	return (double)latency_floor_ns(row->bucket) / 1e6;
}

size_t histogram_make(const struct connprof_recording *recording, struct histogram_bar bars[HISTOGRAM_BARS])
{
	double least = INFINITY, most = 0, factor;

	for (size_t i = 0; i < recording->latency_count; i++) {
		double ms = bucket_ms(&recording->latencies[i]);

		if (ms <= 0 || !recording->latencies[i].requests)
			continue;
		least = fmin(least, ms);
		most = fmax(most, ms);
	}
	if (most <= 0)
		return 0;
	factor = pow(most / least * LAST_INSIDE, 1.0 / HISTOGRAM_BARS);
	for (size_t b = 0; b < HISTOGRAM_BARS; b++)
		bars[b] = (struct histogram_bar){least * pow(factor, (double)b), least * pow(factor, (double)b + 1), 0};
	for (size_t i = 0; i < recording->latency_count; i++) {
		double ms = bucket_ms(&recording->latencies[i]);
		size_t b = 0;

		if (ms <= 0)
			continue;
		while (b + 1 < HISTOGRAM_BARS && ms >= bars[b].high_ms)
			b++;
		bars[b].requests += recording->latencies[i].requests;
	}
	return HISTOGRAM_BARS;
}

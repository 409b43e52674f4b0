/* SPDX-License-Identifier: BSD-2-Clause */
/* part.c - any format of a part of the recording: what lies inside its slow requests, alone or against the normal ones. */
#include <errno.h>

#include "base/error.h"
#include "model/cut.h"
#include "model/latency.h"
#include "report/report.h"

bool report_wants_part(const struct connprof_report_options *options)
{
	return options->slower_than_ns || options->slowest_percent > 0;
}

static int wanted_from(const struct connprof_recording *recording, const struct connprof_report_options *options,
		       uint16_t *from, struct connprof_error *error)
{
	int code = cut_from(recording, options->slower_than_ns, options->slowest_percent, from);

	if (code != -ENODATA)
		return code;
	if (!(recording->collect & CONNPROF_REQUESTS))
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "the recording does not know which requests its samples lie in (record it with --requests)");
	*from = LATENCY_BUCKETS; /* no request was seen: none was slow */
	return 0;
}

int report_write_part(const struct report_format *format, const struct connprof_recording *recording,
		      const struct connprof_report_options *options, FILE *stream, struct connprof_error *error)
{
	struct connprof_report_options plain = *options;
	struct connprof_recording slow = {0}, normal = {0};
	uint16_t from = LATENCY_BUCKETS;
	int code = wanted_from(recording, options, &from, error);

	if (code)
		return code;
	if (cut_make(recording, from, false, &slow))
		return error_memory(error);
	if (options->slower_than_ns)
		slow.cut.slower_than_ns = options->slower_than_ns;
	plain.slower_than_ns = 0;
	plain.slowest_percent = 0;
	plain.against_normal = false;
	if (options->against_normal) {
		if (cut_make(recording, from, true, &normal))
			code = error_memory(error);
		normal.cut.slower_than_ns = slow.cut.slower_than_ns;
		plain.base = &normal;
	}
	if (!code)
		code = format->write(&slow, &plain, stream, error);
	cut_done(&slow);
	cut_done(&normal);
	return code;
}

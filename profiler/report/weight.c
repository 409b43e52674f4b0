/* SPDX-License-Identifier: BSD-2-Clause */
/* weight.c - what a row counts for: samples, or, once time off the CPU was looked at, time, the same unit for all of it. */
#include "report/report.h"

bool weight_is_time(const struct connprof_recording *recording)
{
	return recording->collect & CONNPROF_OFFCPU;
}

uint64_t row_ns(const struct connprof_recording *recording, const struct profile_row *row)
{
	if (row->wait != WAIT_NONE)
		return row->off_ns;
	return recording->rate_hz ? row->samples * (1000000000u / recording->rate_hz) : 0;
}

/* Is this the kind that was asked for? A name on the command line has no space in it. */
static bool kind_is(uint32_t wait, const char *wanted)
{
	const char *name = wait_name(wait);

	for (; name && *name && *wanted; name++, wanted++)
		if (*name != *wanted && !(*name == ' ' && *wanted == '-'))
			return false;
	return name && !*name && !*wanted;
}

uint64_t row_weight(const struct connprof_recording *recording, const struct connprof_report_options *options,
		    const struct profile_row *row)
{
	if ((options->mode == CONNPROF_MODE_CPU && row->wait != WAIT_NONE) ||
	    (options->mode == CONNPROF_MODE_OFFCPU && row->wait == WAIT_NONE))
		return 0;
	if (options->wait && !kind_is(row->wait, options->wait))
		return 0;
	return weight_is_time(recording) ? row_ns(recording, row) : row->samples;
}

uint64_t weight_shown(const struct connprof_recording *recording, uint64_t weight)
{
	return weight_is_time(recording) ? (weight + 500) / 1000 : weight;
}

const char *weight_unit(const struct connprof_recording *recording)
{
	return weight_is_time(recording) ? "us" : "samples";
}

bool weight_off_only(const struct connprof_recording *recording, const struct connprof_report_options *options)
{
	return options->mode == CONNPROF_MODE_OFFCPU || options->wait ||
	       (options->mode == CONNPROF_MODE_ALL && weight_is_time(recording) && !(recording->collect & CONNPROF_SAMPLES));
}

bool weight_any(const struct connprof_recording *recording, const struct connprof_report_options *options)
{
	for (size_t i = 0; i < recording->profile_count; i++)
		if (weight_shown(recording, row_weight(recording, options, &recording->profile[i])))
			return true;
	return false;
}

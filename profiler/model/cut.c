/* SPDX-License-Identifier: BSD-2-Clause */
/* cut.c - rows of the profile chosen by the latency they carry. */
#include "model/cut.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/latency.h"

static uint64_t all_requests(const struct connprof_recording *recording)
{
	uint64_t all = 0;

	for (size_t i = 0; i < recording->latency_count; i++)
		all += recording->latencies[i].requests;
	return all;
}

int cut_from(const struct connprof_recording *recording, uint64_t slower_than_ns, double slowest_percent, uint16_t *from)
{
	double wanted = ceil((double)all_requests(recording) * slowest_percent / 100), have = 0;

	if (!recording->latency_count)
		return -ENODATA;
	if (slower_than_ns) {
		*from = latency_bucket(slower_than_ns);
		return 0;
	}
	for (size_t i = recording->latency_count; i-- > 0 && have < (wanted > 1 ? wanted : 1);) {
		*from = recording->latencies[i].bucket;
		have += (double)recording->latencies[i].requests;
	}
	return 0;
}

static bool inside(uint16_t bucket, uint16_t from, bool normal)
{
	return bucket != LATENCY_NONE && bucket != LATENCY_UNHELD && (bucket < from) == normal;
}

int cut_make(const struct connprof_recording *recording, uint16_t from, bool normal, struct connprof_recording *out)
{
	struct profile_row *rows = calloc(recording->profile_count + 1, sizeof(*rows));
	size_t count = 0;
	uint8_t end;

	if (!rows)
		return -ENOMEM;
	*out = *recording;
	out->model = NULL;
	out->samples = 0;
	out->cut = (struct cut_row){ .slower_than_ns = latency_floor_ns(from), .normal = normal };
	memset(out->offcpu.ns, 0, sizeof(out->offcpu.ns));
	memset(out->stack_ends, 0, sizeof(out->stack_ends));
	for (size_t i = 0; i < recording->profile_count; i++) {
		const struct profile_row *row = &recording->profile[i];

		if (!inside(row->latency, from, normal))
			continue;
		rows[count++] = *row;
		out->samples += row->samples;
		out->offcpu.ns[row->wait < WAIT_KIND_COUNT ? row->wait : WAIT_UNKNOWN] += row->off_ns;
		stacks_get(recording->stacks, row->stack, NULL, &end);
		if (row->stack && end < STACK_END_COUNT)
			out->stack_ends[end] += row->samples + row->waits;
	}
	for (size_t i = 0; i < recording->latency_count; i++)
		if (inside(recording->latencies[i].bucket, from, normal))
			out->cut.requests += recording->latencies[i].requests;
	out->profile = rows;
	out->profile_count = count;
	out->profile_capacity = recording->profile_count + 1;
	return 0;
}

void cut_done(struct connprof_recording *out)
{
	free(out->profile);
	out->profile = NULL;
	out->profile_count = 0;
}

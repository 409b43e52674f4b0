/* SPDX-License-Identifier: BSD-2-Clause */
/* summary.c - the lines for a person after `record`: what was seen, what was lost or cut and why, what it cost. */
#include <math.h>
#include <stdlib.h>

#include "model/latency.h"
#include "report/report.h"
#include "report/sites.h"

#define NOTES_SHOWN 4
#define HOLDERS_SHOWN 5

/* "a 3, b 1" of the counters that are not zero. */
struct list {
	FILE *stream;
	const char *head;
	unsigned shown;
};

static void item(struct list *list, const char *name, uint64_t count)
{
	if (!count)
		return;
	fprintf(list->stream, "%s%s %llu", list->shown++ ? ", " : list->head, name, (unsigned long long)count);
}

static void end_line(const struct list *list)
{
	if (list->shown)
		fputc('\n', list->stream);
}

static void put_samples(const struct connprof_recording *recording, FILE *stream)
{
	double rate = recording->cost.real_rate_hz, complete = complete_percent(recording);

	fprintf(stream, "%llu samples in %.1f s", (unsigned long long)recording->samples, recording->seconds);
	if (recording->rate_hz)
		fprintf(stream, ", %u Hz asked", recording->rate_hz);
	if (!isnan(rate))
		fprintf(stream, ", %.1f Hz of the CPU time used", rate);
	if (!isnan(complete))
		fprintf(stream, ", %.1f %% complete stacks", complete);
	fputc('\n', stream);
	if (recording->samples_without_gil)
		fprintf(stream, "left out as asked: %llu samples of threads that did not hold the GIL\n",
			(unsigned long long)recording->samples_without_gil);
	else if (!recording->samples)
		fputs("no samples: nothing that was followed used the CPU while being watched\n", stream);
}

void offcpu_text(const struct connprof_recording *recording, FILE *stream)
{
	const struct offcpu_row *off = &recording->offcpu;
	const char *next = ": ";
	uint64_t all = 0;

	if (!(recording->collect & CONNPROF_OFFCPU))
		return;
	for (unsigned i = 0; i < WAIT_KIND_COUNT; i++)
		all += off->ns[i];
	fprintf(stream, "%.3f s off the CPU in all threads", (double)all / 1e9);
	for (unsigned i = WAIT_NONE + 1; i < WAIT_KIND_COUNT; i++)
		if (off->ns[i]) {
			fprintf(stream, "%s%s %.3f s", next, wait_name(i), (double)off->ns[i] / 1e9);
			next = ", ";
		}
	fprintf(stream, "\n%s%llu waits walked (%.3f s)", recording->cut.slower_than_ns ? "in the whole recording " : "",
		(unsigned long long)off->walked, (double)off->walked_ns / 1e9);
	if (off->left)
		fprintf(stream, "; %llu more (%.3f s) were too many to walk: their time is spread over those of their thread",
			(unsigned long long)off->left, (double)off->left_ns / 1e9);
	if (off->unplaced_ns)
		fprintf(stream, ", but for %.3f s", (double)off->unplaced_ns / 1e9);
	if (off->min_block_ns)
		fprintf(stream, "; left out as shorter than %.3f ms: %llu (%.3f s)", (double)off->min_block_ns / 1e6,
			(unsigned long long)off->brief, (double)off->brief_ns / 1e9);
	fputc('\n', stream);
}

/* Only where samples were tied to them. */
static void put_requests(const struct connprof_recording *recording, FILE *stream)
{
	const struct requests_summary *requests = &recording->requests;
	uint64_t inside = 0, off_ns = 0;

	if (!(recording->collect & CONNPROF_REQUESTS))
		return;
	if (!recording->latency_count) {
		fputs("no requests were seen\n", stream);
		return;
	}
	for (size_t i = 0; i < recording->profile_count; i++) {
		const struct profile_row *row = &recording->profile[i];

		inside += row->latency == LATENCY_NONE ? 0 : row->samples;
		off_ns += row->latency == LATENCY_NONE ? 0 : row->off_ns;
	}
	if (recording->cut.slower_than_ns)
		fprintf(stream, "%llu of %llu requests, those slower than %.4g ms", (unsigned long long)recording->cut.requests,
			(unsigned long long)requests->observed, (double)recording->cut.slower_than_ns / 1e6);
	else
		fprintf(stream, "%llu requests", (unsigned long long)requests->observed);
	if (!recording->cut.slower_than_ns && !isnan(requests->latency_ms.max))
		fprintf(stream, ", p50 %.1f ms, p99 %.1f ms, max %.1f ms", requests->latency_ms.p50, requests->latency_ms.p99,
			requests->latency_ms.max);
	fprintf(stream, "; %llu samples", (unsigned long long)inside);
	if (recording->collect & CONNPROF_OFFCPU)
		fprintf(stream, " and %.3f s off the CPU", (double)off_ns / 1e9);
	fputs(" lie inside them\n", stream);
}

static int by_time(const void *a, const void *b)
{
	const struct holder_row *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

/* "GIL: 812 waits, 4.120 s, longest 81.2 ms, held by thread 815 (worker-1) in 98 % of it" for each holder. */
static void put_holders(const struct connprof_recording *recording, FILE *stream)
{
	struct holder_row rows[HOLDERS_SHOWN + 1];
	size_t count = 0;

	for (size_t i = 0; i < recording->holder_count; i++) {
		if (count <= HOLDERS_SHOWN)
			count++;
		else if (rows[count - 1].ns >= recording->holders[i].ns)
			continue;
		rows[count - 1] = recording->holders[i];
		qsort(rows, count, sizeof(*rows), by_time);
	}
	for (size_t i = 0; i < count && i < HOLDERS_SHOWN; i++) {
		fprintf(stream, "GIL held by ");
		if (rows[i].tid)
			fprintf(stream, "thread %u of %u", rows[i].tid, rows[i].pid);
		else
			fprintf(stream, "a thread not known of %u", rows[i].pid);
		fprintf(stream, " when %llu waits began: %.3f s, the longest %.1f ms\n", (unsigned long long)rows[i].waits,
			(double)rows[i].ns / 1e9, (double)rows[i].longest_ns / 1e6);
	}
	if (recording->holder_count > HOLDERS_SHOWN)
		fprintf(stream, "GIL held by %zu more threads\n", recording->holder_count - HOLDERS_SHOWN);
}

static void put_cut(const struct connprof_recording *recording, FILE *stream)
{
	struct list list = {.stream = stream, .head = "cut: "};

	for (unsigned i = 0; i < STACK_END_COUNT; i++)
		if (!stack_end_complete(i))
			item(&list, stack_end_name(i), recording->stack_ends[i]);
	end_line(&list);
	list = (struct list){.stream = stream, .head = "Python frames cut: "};
	for (unsigned i = PYTHON_NO_STATE; i < PYTHON_END_COUNT; i++)
		item(&list, python_end_name(i), recording->python_ends[i]);
	item(&list, "placed by order", recording->merge_misses);
	item(&list, "frames whose code was gone", recording->unreadable_frames);
	end_line(&list);
}

static void put_cost(const struct connprof_recording *recording, FILE *stream)
{
	const struct cost_row *cost = &recording->cost;
	const char *next = "connprof itself: ";

	if (cost->own_cpu_seconds > 0) {
		fprintf(stream, "%s%.2f s CPU", next, cost->own_cpu_seconds);
		next = ", ";
	}
	if (cost->own_rss_bytes) {
		fprintf(stream, "%s%.1f MB", next, (double)cost->own_rss_bytes / 1e6);
		next = ", ";
	}
	if (!isnan(cost->kernel_seconds) && cost->kernel_seconds > 0) {
		fprintf(stream, "%s%.3f s in the kernel", next, cost->kernel_seconds);
		next = ", ";
		if (recording->samples && !(recording->collect & (CONNPROF_CONNECTIONS | CONNPROF_OFFCPU)))
			fprintf(stream, " (%.1f us a sample)", 1e6 * cost->kernel_seconds / (double)recording->samples);
		if (cost->target_cpu_seconds > 0)
			fprintf(stream, ", %.2f %% of the target's CPU time",
				100 * cost->kernel_seconds / cost->target_cpu_seconds);
	}
	if (!isnan(cost->first_sample_seconds) && cost->first_sample_seconds > 0) {
		fprintf(stream, "%sfirst sample after %.0f ms", next, 1e3 * cost->first_sample_seconds);
		next = ", ";
	}
	if (*next == ',')
		fputc('\n', stream);
}

int connprof_report_summary(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error)
{
	(void)error;
	if (recording->collect & CONNPROF_SAMPLES || !(recording->collect & CONNPROF_OFFCPU))
		put_samples(recording, stream);
	offcpu_text(recording, stream);
	put_holders(recording, stream);
	put_requests(recording, stream);
	put_cut(recording, stream);
	losses_line(recording, stream);
	for (size_t i = 0; i < recording->note_count && i < NOTES_SHOWN; i++)
		fprintf(stream, "note: %s\n", strings_get(recording->strings, recording->notes[i]));
	if (recording->note_count > NOTES_SHOWN)
		fprintf(stream, "note: and %zu more\n", recording->note_count - NOTES_SHOWN);
	put_cost(recording, stream);
	return 0;
}

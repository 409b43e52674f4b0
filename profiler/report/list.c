/* SPDX-License-Identifier: BSD-2-Clause */
/* list.c - the lists of connprof.h, one function each. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/histogram.h"
#include "report/hot.h"
#include "report/sites.h"

static void item_init(struct connprof_item *item, const char *text)
{
	memset(item, 0, sizeof(*item));
	text_clean(item->text, sizeof(item->text), text, strlen(text));
	for (size_t i = 0; i < CONNPROF_ITEM_VALUES; i++)
		item->values[i] = NAN;
}

static int list_functions(const struct connprof_recording *recording, struct connprof_item *items, size_t limit)
{
	struct connprof_report_options by_function = {.functions = true};
	struct lines *lines = lines_new(recording, &by_function);
	struct hot_row *rows = NULL;
	int count = lines ? hot_functions(recording, lines, limit, &rows) : -ENOMEM;

	for (int i = 0; i < count; i++) {
		item_init(&items[i], lines_name(lines, rows[i].name));
		items[i].values[0] = (double)rows[i].self;
		items[i].values[1] = (double)rows[i].total;
	}
	free(rows);
	lines_free(lines);
	return count;
}

static double known(uint64_t count)
{
	return count == UNKNOWN_COUNT ? NAN : (double)count;
}

static int list_sites(const struct connprof_recording *recording, struct connprof_item *items, size_t limit)
{
	size_t count = recording->site_count < limit ? recording->site_count : limit;

	for (size_t i = 0; i < count; i++) {
		const struct site_row *site = &recording->sites[i];
		char place[PLACE_TEXT], peer[ENDPOINT_TEXT], protocol[32], text[PLACE_TEXT + ENDPOINT_TEXT + 40];

		snprintf(text, sizeof(text), "%s %s  %s", site_protocol(site, protocol), endpoint_text(&site->peer, recording->strings, peer),
			 site_place(recording, site, place));
		item_init(&items[i], text);
		snprintf(items[i].mark, sizeof(items[i].mark), "%s", site->rule ? rule_name(site->rule) : "");
		items[i].values[0] = known(site->connects);
		items[i].values[1] = known(site->failed_connects);
		items[i].values[2] = known(site->open_at_end);
		items[i].values[3] = site->connects_per_request;
		items[i].values[4] = site->setup_ms.p50;
		items[i].values[5] = site->lifetime_ms.p50;
	}
	return (int)count;
}

static int list_latencies(const struct connprof_recording *recording, struct connprof_item *items, size_t limit)
{
	struct histogram_bar bars[HISTOGRAM_BARS];
	size_t count = histogram_make(recording, bars);

	count = count < limit ? count : limit;
	for (size_t i = 0; i < count; i++) {
		item_init(&items[i], "");
		items[i].values[0] = bars[i].low_ms;
		items[i].values[1] = bars[i].high_ms;
		items[i].values[2] = (double)bars[i].requests;
	}
	return (int)count;
}

int connprof_list(const struct connprof_recording *recording, enum connprof_list list, struct connprof_item *items, size_t limit)
{
	switch (list) {
	case CONNPROF_LIST_FUNCTIONS:
		return list_functions(recording, items, limit);
	case CONNPROF_LIST_SITES:
		return list_sites(recording, items, limit);
	case CONNPROF_LIST_LATENCIES:
		return list_latencies(recording, items, limit);
	}
	return -EINVAL;
}

void connprof_requests(const struct connprof_recording *recording, struct connprof_requests *out)
{
	const struct requests_summary *requests = &recording->requests;

	*out = (struct connprof_requests){
		.observed = requests->observed, .over_500ms = requests->over_500ms, .over_1s = requests->over_1s,
		.p50_ms = requests->latency_ms.p50, .p99_ms = requests->latency_ms.p99, .max_ms = requests->latency_ms.max,
	};
}

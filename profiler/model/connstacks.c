/* SPDX-License-Identifier: BSD-2-Clause */
/* connstacks.c - the groups of connections that are gone, and those that still exist added to theirs. */
#include "model/connstacks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "model/conns.h"
#include "model/groups.h"
#include "model/state.h"

struct listing {
	struct conn_stack *items;
	size_t count;
	int code;
};

static void add(struct conn_stack *to, const struct counts *counts)
{
	to->opened += counts->connects;
	to->open += counts->open;
	to->setup_ns += (uint64_t)counts->setup.sum_ns;
}

static void add_existing(const struct conn *conn, void *context)
{
	struct listing *listing = context;
	struct counts counts = { 0 };

	if (conn->group >= listing->count || !conn->opened || (!conn->established_ns && !conn->last_io_ns))
		return;
	if (conn_count(conn, &counts))
		listing->code = -ENOMEM;
	add(&listing->items[conn->group], &counts);
	counts_done(&counts);
}

static int from_model(const struct model *model, struct listing *listing)
{
	struct model_parts parts;

	model_parts(model, &parts);
	listing->count = groups_count(parts.groups);
	listing->items = calloc(listing->count + 1, sizeof(*listing->items));
	if (!listing->items)
		return -ENOMEM;
	for (size_t i = 0; i < listing->count; i++) {
		const struct group *group = groups_at(parts.groups, i);

		listing->items[i].stack = group->stack;
		if (group->opened)
			add(&listing->items[i], &group->counts);
	}
	conns_each(parts.conns, add_existing, listing);
	return listing->code;
}

static int from_sites(const struct connprof_recording *recording, struct listing *listing)
{
	listing->items = calloc(recording->site_count + 1, sizeof(*listing->items));
	if (!listing->items)
		return -ENOMEM;
	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *site = &recording->sites[i];
		double setup_ns = isnan(site->setup_ms.p50) ? 0 : site->setup_ms.p50 * 1e6 * (double)site->connects;

		listing->items[listing->count++] = (struct conn_stack){
			.stack = site->stack, .opened = site->connects, .open = site->open_at_end, .setup_ns = (uint64_t)setup_ns,
		};
	}
	return 0;
}

int connstacks_list(const struct connprof_recording *recording, struct conn_stack **out, size_t *count)
{
	struct listing listing = { 0 };
	int code = recording->model ? from_model(recording->model, &listing) : from_sites(recording, &listing);

	if (code) {
		free(listing.items);
		return code;
	}
	*out = listing.items;
	*count = listing.count;
	return 0;
}

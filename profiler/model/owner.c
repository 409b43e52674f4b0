/* SPDX-License-Identifier: BSD-2-Clause */
/* owner.c - what waits to be told whose it is lies in numbered places, the free ones linked. */
#include "model/owner.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

#define PLACES_MAX ((1u << 17) + 1) /* as many as deeds can wait, and the one asked about: past that the oldest gives way */

enum what { A_HELD, A_PURPOSE, A_LOG };

struct place {
	bool used;
	bool waits;        /* was not told at once: a task of a loop, while requests were open */
	uint8_t what;      /* enum what */
	uint32_t next;     /* free ones: + 1; 0: the last */
	union {
		struct held held;
		struct purpose purpose;
		struct { struct log_mark mark; uint64_t time_ns; } log;
	};
};

struct owner {
	struct requests *requests;
	struct tied *tied;
	struct logsites *logs;
	struct place *places;
	size_t count, capacity;
	uint32_t first_free; /* + 1; 0: none */
	int failed;
};

struct owner *owner_new(struct requests *requests, struct tied *tied, struct logsites *logs)
{
	struct owner *owner = calloc(1, sizeof(*owner));

	if (owner) {
		owner->requests = requests;
		owner->tied = tied;
		owner->logs = logs;
	}
	return owner;
}

void owner_free(struct owner *owner)
{
	if (!owner)
		return;
	free(owner->places);
	free(owner);
}

/* NULL: no room. */
static struct place *place_take(struct owner *owner)
{
	struct place *place;

	if (!owner->first_free) {
		if (array_reserve(&owner->places, &owner->capacity, owner->count + 1, sizeof(*owner->places), PLACES_MAX))
			return NULL;
		owner->places[owner->count] = (struct place){ 0 };
		owner->first_free = (uint32_t)++owner->count;
	}
	place = &owner->places[owner->first_free - 1];
	owner->first_free = place->next;
	place->used = true;
	return place;
}

static void give(struct owner *owner, struct place *place, struct work *work)
{
	int code = 0;

	if (place->what == A_HELD)
		code = tied_put(owner->tied, work, &place->held);
	else if (work && place->what == A_PURPOSE)
		tied_purpose(owner->tied, work, &place->purpose);
	else if (work && place->log.time_ns >= work->begin_ns && (!work->end_ns || place->log.time_ns <= work->end_ns))
		logsites_inside(owner->logs, &place->log.mark);
	owner->failed = owner->failed ? owner->failed : code;
	place->used = false;
	place->next = owner->first_free;
	owner->first_free = (uint32_t)(place - owner->places) + 1;
}

static void told(const struct deed *deed, struct request *request, enum tie tie)
{
	struct owner *owner = deed->context;
	struct place *place = &owner->places[deed->subject];

	bool tied = request && (tie == TIE_THREAD || tie == TIE_TASK);

	if (!place->used) /* the window has ended meanwhile */
		return;
	if (!tied && place->waits && place->what == A_PURPOSE && place->purpose.spent == SPENT_REDIS)
		tied_missed_trip(owner->tied);
	give(owner, place, tied ? request_work(request) : NULL);
}

static void ask(struct owner *owner, const struct event *event, struct place *place)
{
	const struct deed deed = { .told = told, .context = owner, .subject = (uint64_t)(place - owner->places) };

	place->waits = false;
	requests_whose(owner->requests, event, &deed);
	place->waits = place->used;
}

int owner_feed(struct owner *owner, const struct event *event)
{
	struct held held = tied_take(owner->tied, event);
	struct place *place = tied_asked(owner->tied) ? place_take(owner) : NULL;

	if (!place)
		return tied_put(owner->tied, NULL, &held);
	place->what = A_HELD;
	place->held = held;
	ask(owner, event, place);
	return owner->failed;
}

int owner_log(struct owner *owner, const struct event *event)
{
	struct log_mark mark;
	int code = logsites_add(owner->logs, event, &mark);
	struct place *place = !code && mark.place && tied_asked(owner->tied) ? place_take(owner) : NULL;

	if (!place)
		return code;
	place->what = A_LOG;
	place->log.mark = mark;
	place->log.time_ns = event->time_ns;
	ask(owner, event, place);
	return 0;
}

void owner_purpose(struct owner *owner, const struct event *asker, const struct purpose *purpose)
{
	struct place *place = tied_asked(owner->tied) ? place_take(owner) : NULL;

	if (!place)
		return;
	place->what = A_PURPOSE;
	place->purpose = *purpose;
	ask(owner, asker, place);
}

int owner_window_ends(struct owner *owner)
{
	for (size_t i = 0; i < owner->count; i++)
		if (owner->places[i].used)
			give(owner, &owner->places[i], NULL);
	return owner->failed;
}

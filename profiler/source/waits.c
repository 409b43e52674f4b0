/* SPDX-License-Identifier: BSD-2-Clause */
/* waits.c - one entry a thread for what it waits for now, and one a place for what it waited for there last. */
#include "source/waits.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "model/chain.h"
#include "source/wait_kind.h"

#define PLACES_MAX 65536u
#define THREADS_MAX (2u * WAITS_MAX)

/* What a wait shows. */
struct shown {
	uint32_t stack, queue_stack; /* with the note of what it waits for, and of the run queue, innermost; 0: none */
	uint32_t python_end, unit;
	uint32_t kind;               /* enum wait_kind */
	uint64_t conn;
	uint32_t holder;             /* of the GIL: its thread; 0: not known */
	uint32_t waker;              /* a stack: who let it go on; 0: not known, or not asked for */
};

/* Which thread an interpreter's thread state is. Forked workers have theirs at the same addresses. */
struct owner_key {
	uint64_t tstate, pid;
};

struct owner {
	UT_hash_handle hh;
	struct owner_key key;
	uint32_t tid;
};

struct thread {
	UT_hash_handle hh;
	uint32_t tid;
	uint64_t seq;
	struct shown shown;
};

struct place {
	UT_hash_handle hh;
	uint64_t number; /* as in struct back_body */
	struct shown shown;
};

struct waits {
	struct connprof_recording *recording;
	struct thread *threads;
	struct place *places;
	struct owner *owners;
	uint32_t ids[STACK_FRAMES_MAX];
};

struct waits *waits_new(struct connprof_recording *recording)
{
	struct waits *waits = calloc(1, sizeof(*waits));

	if (!waits)
		return NULL;
	waits->recording = recording;
	return waits;
}

static void places_forget(struct waits *waits)
{
	struct place *place, *next;

	HASH_ITER(hh, waits->places, place, next) {
		HASH_DEL(waits->places, place);
		free(place);
	}
}

static void owners_forget(struct waits *waits)
{
	struct owner *owner, *next;

	HASH_ITER(hh, waits->owners, owner, next) {
		HASH_DEL(waits->owners, owner);
		free(owner);
	}
}

void waits_free(struct waits *waits)
{
	struct thread *thread, *next;

	if (!waits)
		return;
	places_forget(waits);
	owners_forget(waits);
	HASH_ITER(hh, waits->threads, thread, next) {
		HASH_DEL(waits->threads, thread);
		free(thread);
	}
	free(waits);
}

/* ---- thread states ---- */

static struct owner *owner_of(const struct waits *waits, uint32_t pid, uint64_t tstate)
{
	struct owner_key key = {.tstate = tstate, .pid = pid};
	struct owner *owner;

	HASH_FIND(hh, waits->owners, &key, sizeof(key), owner);
	return owner;
}

static void owner_set(struct waits *waits, uint32_t pid, uint64_t tstate, uint32_t tid)
{
	struct owner *owner = tstate ? owner_of(waits, pid, tstate) : NULL;

	if (!tstate)
		return;
	if (!owner) {
		if (HASH_COUNT(waits->owners) >= PLACES_MAX)
			owners_forget(waits);
		owner = calloc(1, sizeof(*owner));
		if (!owner)
			return;
		owner->key = (struct owner_key){.tstate = tstate, .pid = pid};
		HASH_ADD(hh, waits->owners, key, sizeof(owner->key), owner);
		if (!owner->hh.tbl) {
			free(owner);
			return;
		}
	}
	owner->tid = tid;
}

/* ---- what is shown ---- */

/* A stack with a note as its innermost frame. */
static uint32_t noted(struct waits *waits, uint32_t stack, const char *note)
{
	struct frame frame = {.kind = FRAME_NOTE, .function = strings_add(waits->recording->strings, note)};
	size_t count = 0;
	uint8_t end;
	const uint32_t *ids = stacks_get(waits->recording->stacks, stack, &count, &end);

	if (!stack)
		end = END_NOT_WALKED;
	if (count > STACK_FRAMES_MAX - 1)
		count = STACK_FRAMES_MAX - 1;
	waits->ids[0] = stacks_add_frame(waits->recording->stacks, &frame);
	if (ids)
		memcpy(waits->ids + 1, ids, count * sizeof(*ids));
	return stacks_add(waits->recording->stacks, waits->ids, count + 1, end);
}

static struct shown shown_of(struct waits *waits, const struct wait_facts *facts, const struct wait_stack *where)
{
	struct shown shown = {.python_end = where->python_end, .unit = where->unit, .conn = facts->conn};
	char text[WAIT_TEXT];

	shown.kind = wait_kind_of(facts, text);
	shown.queue_stack = noted(waits, where->stack, "[run queue]");
	shown.stack = shown.kind == WAIT_RUNQUEUE ? shown.queue_stack : noted(waits, where->stack, text);
	return shown;
}

static struct place *place_of(const struct waits *waits, const struct back_body *back)
{
	struct place *place;

	HASH_FIND(hh, waits->places, &back->place, sizeof(back->place), place);
	return place;
}

/* Remembers what a walked wait showed. */
static void place_set(struct waits *waits, const struct back_body *back, const struct shown *shown)
{
	struct place *place = place_of(waits, back);

	if (!back->place)
		return;
	if (!place) {
		if (HASH_COUNT(waits->places) >= PLACES_MAX)
			places_forget(waits);
		place = calloc(1, sizeof(*place));
		if (!place)
			return;
		place->number = back->place;
		HASH_ADD(hh, waits->places, number, sizeof(place->number), place);
		if (!place->hh.tbl) {
			free(place);
			return;
		}
	}
	place->shown = *shown;
}

/* ---- threads ---- */

static struct thread *thread_of(const struct waits *waits, uint32_t tid)
{
	struct thread *thread;

	HASH_FIND(hh, waits->threads, &tid, sizeof(tid), thread);
	return thread;
}

static void thread_set(struct waits *waits, uint32_t tid, uint64_t seq, const struct shown *shown)
{
	struct thread *thread = thread_of(waits, tid);

	if (!thread) {
		if (HASH_COUNT(waits->threads) >= THREADS_MAX) { /* the one that came first: most have ended long ago */
			thread = waits->threads;
			HASH_DEL(waits->threads, thread);
		} else if (!(thread = calloc(1, sizeof(*thread)))) {
			return;
		}
		memset(thread, 0, sizeof(*thread));
		thread->tid = tid;
		HASH_ADD(hh, waits->threads, tid, sizeof(thread->tid), thread);
		if (!thread->hh.tbl) {
			free(thread);
			return;
		}
	}
	thread->seq = seq;
	thread->shown = *shown;
}

void waits_block(struct waits *waits, uint32_t tid, uint64_t seq, const struct wait_facts *facts, const struct wait_stack *where)
{
	struct shown shown = shown_of(waits, facts, where);
	const struct owner *holder = shown.kind == WAIT_GIL ? owner_of(waits, where->pid, facts->gil_holder) : NULL;

	owner_set(waits, where->pid, facts->tstate, tid);
	if (holder && holder->tid != tid)
		shown.holder = holder->tid;
	thread_set(waits, tid, seq, &shown);
}

void waits_waker(struct waits *waits, uint32_t tid, uint64_t seq, uint32_t waker)
{
	struct thread *thread = thread_of(waits, tid);

	if (thread && thread->seq == seq)
		thread->shown.waker = waker;
}

/* ---- back ---- */

bool waits_known(const struct waits *waits, uint32_t tid, const struct back_body *back)
{
	const struct thread *thread = thread_of(waits, tid);

	return (thread && back->seq && thread->seq == back->seq) || place_of(waits, back);
}

/* What this wait shows: as it was walked, else as the last one at this place, else what its call alone says. */
static struct shown shown_now(struct waits *waits, uint32_t tid, const struct back_body *back)
{
	const struct thread *thread = thread_of(waits, tid);
	struct wait_facts facts = {.number = back->number, .args[0] = back->arg, .state = back->state};
	const struct place *place;
	struct shown shown;

	if (thread && back->seq && thread->seq == back->seq) {
		place_set(waits, back, &thread->shown);
		return thread->shown;
	}
	place = place_of(waits, back);
	if (!place)
		return shown_of(waits, &facts, &(struct wait_stack){0});
	shown = place->shown;
	/* The same place, but whose work it was there now is not known. */
	shown.unit = shown.unit ? UNIT_UNKNOWN : 0;
	shown.holder = shown.waker = 0;
	return shown;
}

static struct event *event_put(struct event *event, const struct shown *shown, bool queued, uint64_t begin_ns, uint64_t end_ns)
{
	memset(event, 0, sizeof(*event));
	event->kind = EVENT_OFFCPU;
	event->time_ns = end_ns;
	event->stack = queued ? shown->queue_stack : shown->stack;
	event->python_end = shown->python_end;
	event->unit = shown->unit;
	event->offcpu.ns = end_ns - begin_ns;
	event->offcpu.weight = WEIGHT_ONE;
	event->offcpu.wait = queued ? WAIT_RUNQUEUE : shown->kind;
	event->offcpu.conn = queued ? 0 : shown->conn;
	event->offcpu.holder = queued ? 0 : shown->holder;
	return event;
}

/* What was left out goes with an event of its class; where there is none, with one of its own. */
static size_t left_put(const struct back_body *back, int class, struct event *event, struct event *spare, uint64_t now_ns)
{
	static const struct shown nothing = {.kind = WAIT_UNKNOWN};
	size_t made = 0;

	if (!back->left_count[class])
		return 0;
	if (!event) {
		event = event_put(spare, &nothing, class == LEFT_QUEUED, now_ns, now_ns);
		made = 1;
	}
	event->offcpu.left_count = back->left_count[class];
	event->offcpu.left_ns = back->left_ns[class];
	return made;
}

size_t waits_back(struct waits *waits, uint32_t tid, const struct back_body *told, uint64_t now_ns,
		  struct event out[WAITS_EVENTS])
{
	struct back_body copy = *told, *back = &copy;
	struct event *blocked = NULL, *queued = NULL;
	uint64_t free_ns = back->waking_ns; /* from here on it waits for a CPU only */
	size_t count = 0;

	if (!back->state && back->out_ns && back->out_ns < now_ns && !waits_known(waits, tid, back)) {
		back->left_count[LEFT_QUEUED]++;
		back->left_ns[LEFT_QUEUED] += now_ns - back->out_ns;
		back->out_ns = 0;
	}
	if (back->out_ns && back->out_ns < now_ns) {
		struct shown shown = shown_now(waits, tid, back);

		if (!back->state || (free_ns && free_ns < back->out_ns)) /* or while it left */
			free_ns = back->out_ns;
		else if (!free_ns || free_ns > now_ns)
			free_ns = now_ns;
		if (shown.waker && shown.stack)
			shown.stack = chain_make(waits->recording->stacks, waits->recording->strings, shown.stack, shown.waker);
		if (free_ns > back->out_ns)
			blocked = event_put(&out[count++], &shown, false, back->out_ns, free_ns);
		if (now_ns > free_ns)
			queued = event_put(&out[count++], &shown, true, free_ns, now_ns);
		for (size_t i = 0; i < count; i++)
			out[i].offcpu.weight = back->weight;
	}
	count += left_put(back, LEFT_BLOCKED, blocked, &out[count], now_ns);
	count += left_put(back, LEFT_QUEUED, queued, &out[count], now_ns);
	return count;
}

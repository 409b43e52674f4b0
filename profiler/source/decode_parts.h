/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_parts.h - what the files of decode.h share. */
#ifndef CONNPROF_SOURCE_DECODE_PARTS_H
#define CONNPROF_SOURCE_DECODE_PARTS_H

#include <stdbool.h>

#include "source/decode.h"
#include "source/frames.h"
#include "source/log_places.h"
#include "source/preexisting.h"
#include "source/still.h"
#include "source/thread_names.h"
#include "source/units.h"
#include "source/unixes.h"
#include "source/waits.h"
#include "source/wires.h"

struct decode {
	struct follow *follow;
	struct tls *tls;               /* NULL: TLS is left alone */
	struct connprof_recording *recording;
	struct frames *frames;
	struct event *events;
	size_t count, capacity;
	size_t taken;                  /* events handed out by the last take: dropped at the next call */
	struct wires *wires;
	struct thread_names *threads;
	struct units *units;
	struct preexisting *preexisting;
	bool unlisted;                 /* not all of what was open before is in it */
	struct unixes *unixes;         /* open UNIX connections */
	struct log_places *places;
	bool unix_seen;                /* one that the target opened */
	struct waits *waits;
	struct still *still;           /* made when first needed */
	uint64_t malformed, unkept, first_sample_ns;
	uint64_t late;                 /* UNIX connections opened here that only their first byte told of */
};

/* A new event of this kind, with the record's process, thread and time; NULL: no room (counted). */
struct event *event_add(struct decode *decode, uint32_t kind, const struct record *record);

/* A record's stack, resolved; what it shows of units of work is told to the kernel side. */
uint32_t stack_of(struct decode *decode, const struct record *record, const struct raw_stack *raw);

/* Whose time it was: a unit can only be told of a chain of Python frames that was read to its end. */
uint32_t unit_of(struct decode *decode, const struct raw_stack *raw);

/* ---- decode_waits.c ---- */

void block_record(struct decode *decode, const struct record *record);
void back_record(struct decode *decode, const struct record *record);
void waker_record(struct decode *decode, const struct record *record);

/* ---- decode_calls.c ---- */

void call_record(struct decode *decode, const struct record *record);

#endif

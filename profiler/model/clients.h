/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clients.h - what is known of client libraries: which one a stack shows, what the stack at close() says about why, and
 * what to change. Tables: a new library is new rows.
 */
#ifndef CONNPROF_MODEL_CLIENTS_H
#define CONNPROF_MODEL_CLIENTS_H

#include "model/appframes.h"
#include "model/recording.h"

/* The library whose frames are in the stack ("redis-py"); NULL: none of those known (static). */
const char *client_of_stack(const struct connprof_recording *recording, uint32_t stack);

/* Is the frame (on a connecting stack) a method of the pool that opens the connection for itself? */
bool client_pool_method(const struct connprof_recording *recording, uint32_t frame);

/* CAUSE_THROW_AWAY_CLIENT or CAUSE_POOL_DROPPED_IT as a closing stack shows it, CAUSE_NONE where it does not say. *hint: what it
 * shows would look the same for the other of the two. */
enum cause_id client_close_cause(const struct connprof_recording *recording, uint32_t stack, bool *hint);

/* Does the connecting stack run an event loop made for the request (asyncio.run inside a synchronous server's handler)? */
bool client_loop_per_request(const struct connprof_recording *recording, uint32_t stack);

/* What to change about a site that breaks a rule, in a sentence or two (static): in the framework that holds the client, else
 * in the library. */
const char *client_remedy(const struct connprof_recording *recording, const struct site_row *row);

#endif

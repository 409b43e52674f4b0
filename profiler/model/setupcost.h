/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * setupcost.h - how much of the CPU goes into setting connections up, by call site.
 *
 * A site's set-up is the outermost library frame between its call site and the system call that is named for connecting
 * (redis-py's Connection.connect, hiredis' redisConnect, …): what is below it is socket, name look-up, TLS and handshake.
 * A sample belongs to the site when the same frame lies inside the same call site.
 */
#ifndef CONNPROF_MODEL_SETUPCOST_H
#define CONNPROF_MODEL_SETUPCOST_H

#include "model/appframes.h"
#include "model/recording.h"

/* Fills cpu_percent of every row; NAN stays where there are no samples or no such frame. 0 or -ENOMEM. */
int setupcost_fill(struct connprof_recording *recording, struct appframes *appframes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* served.h - what the C services share: an HTTP server of a few threads that stay, each answering one connection's requests after
 * the other by answer(). Linked from served.c. */
#ifndef CORPUS_SERVED_H
#define CORPUS_SERVED_H

/* The service's: the number to answer with. */
long answer(void);

int served_redis_port(void);
int served_run(void); /* never returns but on failure */

#endif

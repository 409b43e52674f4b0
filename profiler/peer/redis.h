/* SPDX-License-Identifier: BSD-2-Clause */
/* redis.h - the Redis server's own view: INFO and CLIENT LIST over one connection of our own. The only user of hiredis.
 * The functions are those of connprof.h (connprof_server_view_*); this header adds what tests need. */
#ifndef CONNPROF_PEER_REDIS_H
#define CONNPROF_PEER_REDIS_H

#include "connprof.h"
#include "model/recording.h"

/* One field of an INFO reply: 0 and the number, or -ENOENT. */
int redis_info_number(const char *info, size_t length, const char *field, uint64_t *out);
/* The same as text, made printable. size >= 4. */
int redis_info_text(const char *info, size_t length, const char *field, char *out, size_t size);
/* addr= of each CLIENT LIST line, of family AF_UNIX and otherwise empty for a client over the server's UNIX socket: calls each(context, endpoint, libname) for those that parse; returns how many lines there were. */
int redis_client_list(const char *text, size_t length,
		      void (*each)(void *context, const struct endpoint *address, const char *library), void *context);

#endif

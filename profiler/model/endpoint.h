/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.h - one end of a connection as text, and in the one form in which ends are compared. */
#ifndef CONNPROF_MODEL_ENDPOINT_H
#define CONNPROF_MODEL_ENDPOINT_H

#include <stddef.h>

#include "base/strings.h"
#include "bpf/events.h"

#define ENDPOINT_TEXT 160

/* "127.0.0.1:6379", "[::1]:6379"; for a UNIX socket its path ("/run/redis.sock", "@abstract", "unix:relative/path", "unix:?" for
 * one without a name); "?" where the family is unknown. Returns out. */
const char *endpoint_text(const struct endpoint *endpoint, const struct strings *strings, char out[ENDPOINT_TEXT]);
/* Back again: 0 or -EINVAL. */
int endpoint_parse(const char *text, struct strings *strings, struct endpoint *out);
/* The string id of a UNIX socket's name as the kernel has it; 0: it has none. */
uint32_t endpoint_unix_name(const char *path, size_t length, struct strings *strings);
/* IPv4-mapped IPv6 addresses as IPv4; no inode. */
struct endpoint endpoint_plain(const struct endpoint *endpoint);

#endif

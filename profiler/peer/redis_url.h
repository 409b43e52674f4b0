/* SPDX-License-Identifier: BSD-2-Clause */
/* redis_url.h - where a Redis server is and how to log in: redis://[user:password@]host:port[/db] or
 * unix://[user:password@]path. */
#ifndef CONNPROF_PEER_REDIS_URL_H
#define CONNPROF_PEER_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

struct redis_url {
	char host[256];       /* "" with a path */
	char path[108];       /* of a UNIX socket, as sun_path is long; "" with a host */
	uint16_t port;
	bool has_password;
	char user[128];       /* "" for the default user */
	char password[512];
	char shown[300];      /* the URL without credentials, printable: for messages */
};

/* 0, or -EINVAL with *why (static) saying what is wrong with it. Percent-encoding is undone. */
int redis_url_parse(const char *text, struct redis_url *out, const char **why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* redis_url.c - parses the URL of a Redis server; the password goes into struct redis_url and nowhere else. */
#include "peer/redis_url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PORT_DEFAULT 6379

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copies length bytes of text, %XX undone: 0, or -1 if it does not fit, is badly encoded, or holds a NUL. */
static int decode(char *out, size_t size, const char *text, size_t length)
{
	size_t at = 0;

	for (size_t i = 0; i < length; i++, at++) {
		int byte = (unsigned char)text[i];

		if (at + 1 >= size)
			return -1;
		if (byte == '%') {
			if (i + 2 >= length || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
				return -1;
			byte = hex(text[i + 1]) * 16 + hex(text[i + 2]);
			i += 2;
		}
		if (!byte)
			return -1;
		out[at] = (char)byte;
	}
	out[at] = '\0';
	return 0;
}

static const char *parse_login(struct redis_url *url, const char *text, size_t length)
{
	const char *colon = memchr(text, ':', length);

	if (!colon)
		return "user without a password";
	if (decode(url->user, sizeof(url->user), text, (size_t)(colon - text)) ||
	    decode(url->password, sizeof(url->password), colon + 1, length - (size_t)(colon + 1 - text)))
		return "user or password too long or badly encoded";
	url->has_password = url->password[0] != '\0';
	return url->has_password || !url->user[0] ? NULL : "user without a password";
}

static const char *parse_place(struct redis_url *url, const char *text, size_t length)
{
	const char *end = text + length, *host = text, *close = NULL, *colon;
	char digits[8];
	size_t host_length;
	uint64_t port = PORT_DEFAULT;

	if (length && *text == '[') { /* an IPv6 address */
		host++;
		close = memchr(text, ']', length);
		if (!close)
			return "'[' without ']'";
	}
	colon = memchr(close ? close : text, ':', (size_t)(end - (close ? close : text)));
	host_length = (size_t)((close ? close : colon ? colon : end) - host);
	if (host_length == 0 || host_length >= sizeof(url->host))
		return "no host";
	if (close && close + 1 != (colon ? colon : end))
		return "something between ']' and the port";
	if (colon) {
		snprintf(digits, sizeof(digits), "%.*s", (int)(end - colon - 1 < 7 ? end - colon - 1 : 7), colon + 1);
		if (text_number(digits, 1, 65535, &port))
			return "the port is not a number from 1 to 65535";
	}
	memcpy(url->host, host, host_length);
	url->host[host_length] = '\0';
	url->port = (uint16_t)port;
	return NULL;
}

static const char *parse_redis(struct redis_url *url, const char *text)
{
	size_t length = strcspn(text, "?#");
	const char *at = memrchr(text, '@', length), *place = at ? at + 1 : text, *slash;
	const char *why = at ? parse_login(url, text, (size_t)(at - text)) : NULL;
	size_t place_length = length - (size_t)(place - text);
	uint64_t db;

	slash = memchr(place, '/', place_length);
	if (slash && !why) { /* INFO and CLIENT LIST are the same in every database */
		char digits[8];
		size_t n = place_length - (size_t)(slash + 1 - place);

		snprintf(digits, sizeof(digits), "%.*s", (int)(n < 7 ? n : 7), slash + 1);
		if (n && text_number(digits, 0, 999999, &db))
			return "the database is not a number";
	}
	return why ? why : parse_place(url, place, slash ? (size_t)(slash - place) : place_length);
}

static const char *parse(struct redis_url *url, const char *text)
{
	char raw[sizeof(url->shown)];
	const char *why;

	if (!strncmp(text, "unix://", 7)) {
		const char *path = text + 7, *at = *path != '/' ? memrchr(path, '@', strcspn(path, "?#")) : NULL;

		/* What may be a login is read as one or refused, never taken for a path, which is shown. */
		if (*path != '/' && strchr(path, '@') && (!at || at[1] != '/'))
			return "a login stands before a whole path (unix://:password@/run/redis.sock, the password %-encoded)";
		why = at ? parse_login(url, path, (size_t)(at - path)) : NULL;
		if (why)
			return why;
		path = at ? at + 1 : path;
		if (decode(url->path, sizeof(url->path), path, strcspn(path, "?#")) || !url->path[0])
			return "no path, or one too long for a UNIX socket";
		snprintf(raw, sizeof(raw), "unix://%s", url->path);
		text_clean(url->shown, sizeof(url->shown), raw, strlen(raw));
		return NULL;
	}
	if (!strncmp(text, "rediss://", 9))
		return "TLS is not supported here: name a plain port";
	if (strncmp(text, "redis://", 8))
		return "it does not begin with redis:// or unix://";
	why = parse_redis(url, text + 8);
	if (why)
		return why;
	snprintf(raw, sizeof(raw), strchr(url->host, ':') ? "redis://[%s]:%u" : "redis://%s:%u", url->host, url->port);
	text_clean(url->shown, sizeof(url->shown), raw, strlen(raw));
	return NULL;
}

int redis_url_parse(const char *text, struct redis_url *out, const char **why)
{
	struct redis_url url = {0};

	*why = parse(&url, text);
	if (!*why)
		*out = url;
	explicit_bzero(&url, sizeof(url));
	return *why ? -EINVAL : 0;
}

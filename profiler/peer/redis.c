/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis.c - asks a Redis server what it saw in the window, and says in words where that differs from what was traced.
 *
 * One connection is made before the window and kept to its end, so it is in both readings of total_connections_received
 * and takes no part in the difference; one made anew (the server dropped the idle one) is subtracted.
 */
#include "peer/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/text.h"
#include "peer/redis_compare.h"
#include "peer/redis_url.h"

#define TIMEOUT_SECONDS 2
#define USAGE "--redis-server wants redis://[user:password@]host:port[/db] or unix://[user:password@]path"

struct connprof_server_view {
	struct redis_url url;
	redisContext *context;
	struct redis_place place;
	struct redis_reading before;
	unsigned reconnects;         /* our own connections made after the first reading */
};

/* ---- talking ---- */

static int cannot_ask(const struct connprof_server_view *view, struct connprof_error *err, int code, const char *why,
		      const char *remedy)
{
	char clean[200];

	text_clean(clean, sizeof(clean), why, strlen(why));
	return error_set(err, code, CONNPROF_CANNOT_OBSERVE, "cannot ask %s: %s (%s)", view->url.shown, clean, remedy);
}

static int connection_failed(const struct connprof_server_view *view, struct connprof_error *err)
{
	const redisContext *context = view->context;

	if (!context)
		return error_memory(err);
	return cannot_ask(view, err, -ECONNREFUSED, context->errstr[0] ? context->errstr : "no answer",
			  "is it running? " USAGE);
}

static redisReply *run(struct connprof_server_view *view, int count, const char **words)
{
	return redisCommandArgv(view->context, count, words, NULL);
}

/* A server may repeat a command it refuses, password and all: only the error's first word is passed on. */
static int login_refused(const struct connprof_server_view *view, const char *text, struct connprof_error *err)
{
	char why[80];

	snprintf(why, sizeof(why), "it refused the login (%.*s)", (int)strcspn(text, " \r\n") % 24, text);
	return cannot_ask(view, err, -EACCES, why, "check user and password; " USAGE);
}

static int login(struct connprof_server_view *view, struct connprof_error *err)
{
	const char *both[] = {"AUTH", view->url.user, view->url.password}, *one[] = {"AUTH", view->url.password};
	redisReply *reply;
	int code = 0;

	if (!view->url.has_password)
		return 0;
	reply = view->url.user[0] ? run(view, 3, both) : run(view, 2, one);
	if (!reply)
		return connection_failed(view, err);
	if (reply->type == REDIS_REPLY_ERROR)
		code = login_refused(view, reply->str, err);
	freeReplyObject(reply);
	return code;
}

static int connect_to(struct connprof_server_view *view, struct connprof_error *err)
{
	struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (view->context)
		redisFree(view->context);
	view->context = view->url.path[0] ? redisConnectUnixWithTimeout(view->url.path, timeout)
					  : redisConnectWithTimeout(view->url.host, view->url.port, timeout);
	if (!view->context || view->context->err || redisSetTimeout(view->context, timeout) != REDIS_OK)
		return connection_failed(view, err);
	memset(&address, 0, sizeof(address));
	if (getpeername(view->context->fd, (struct sockaddr *)&address, &size) == 0)
		redis_endpoint(&address, &view->place.server);
	memset(&address, 0, sizeof(address));
	size = sizeof(address);
	if (getsockname(view->context->fd, (struct sockaddr *)&address, &size) == 0)
		redis_endpoint(&address, &view->place.own);
	return login(view, err);
}

/* Writing to a connection the server has closed could raise SIGPIPE: ask the socket first. */
static bool still_open(const struct connprof_server_view *view)
{
	char byte;
	ssize_t n = recv(view->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return !view->context->err && n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int read_info(struct connprof_server_view *view, struct redis_reading *out, struct connprof_error *err)
{
	const char *words[] = {"INFO"};
	redisReply *reply = run(view, 1, words);
	struct redis_reading reading = {0};
	int code = 0;

	if (!reply)
		return connection_failed(view, err);
	if (reply->type == REDIS_REPLY_ERROR) {
		code = cannot_ask(view, err, -EACCES, reply->str, "INFO must be allowed; " USAGE);
	} else if (reply->type != REDIS_REPLY_STRING ||
		   redis_info_number(reply->str, reply->len, "total_connections_received", &reading.received)) {
		code = cannot_ask(view, err, -EPROTO, "its INFO has no total_connections_received", "is it a Redis server?");
	} else {
		redis_info_number(reply->str, reply->len, "rejected_connections", &reading.rejected);
		redis_info_number(reply->str, reply->len, "maxclients", &reading.max_clients);
		redis_info_number(reply->str, reply->len, "tcp_port", &reading.port);
		redis_info_text(reply->str, reply->len, "run_id", reading.run_id, sizeof(reading.run_id));
		*out = reading;
	}
	freeReplyObject(reply);
	return code;
}

/* Its UNIX socket's name as it was bound, which a URL may put another way. Not told (not permitted, or it has none): "". */
static void ask_unix_path(struct connprof_server_view *view)
{
	const char *words[] = {"CONFIG", "GET", "unixsocket"};
	redisReply *reply = run(view, 3, words);

	snprintf(view->place.paths[0], sizeof(view->place.paths[0]), "%s", view->url.path);
	if (!reply)
		return;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING)
		snprintf(view->place.paths[1], sizeof(view->place.paths[1]), "%s", reply->element[1]->str);
	freeReplyObject(reply);
}

/* Leaves the counts unknown where the server does not permit CLIENT LIST. */
static void read_clients(struct connprof_server_view *view, const struct connprof_recording *recording, struct server_row *row)
{
	const char *words[] = {"CLIENT", "LIST"};
	redisReply *reply = run(view, 2, words);

	if (!reply)
		return;
	if (reply->type == REDIS_REPLY_STRING)
		redis_compare_clients(&view->place, recording, reply->str, reply->len, row);
	freeReplyObject(reply);
}

/* ---- the public functions ---- */

int connprof_server_view_begin(const char *url, struct connprof_server_view **out, struct connprof_error *err)
{
	struct connprof_server_view *view = calloc(1, sizeof(*view));
	const char *why = NULL;
	int code;

	if (!view)
		return error_memory(err);
	code = redis_url_parse(url, &view->url, &why);
	if (code) /* the text itself may hold a password: it is not repeated */
		error_set(err, code, CONNPROF_USAGE, "cannot read the URL of the Redis server: %s (%s)", why, USAGE);
	if (!code)
		code = connect_to(view, err);
	if (!code)
		code = read_info(view, &view->before, err);
	if (code) {
		connprof_server_view_free(view);
		return code;
	}
	ask_unix_path(view);
	if (!view->place.server.family && view->before.port && view->before.port <= 65535) /* asked over its UNIX socket */
		view->place.server = (struct endpoint){
			.family = AF_INET, .port = (uint16_t)view->before.port, .address = {127, 0, 0, 1}};
	*out = view;
	return 0;
}

int connprof_server_view_end(struct connprof_server_view *view, struct connprof_recording *recording,
			     struct connprof_error *err)
{
	struct server_row row = {.asked = true, .connections_received = UNKNOWN_COUNT, .clients_listed = UNKNOWN_COUNT,
				 .clients_matched = UNKNOWN_COUNT, .unix_listed = UNKNOWN_COUNT, .unix_open = UNKNOWN_COUNT};
	struct endpoint server = view->place.server;
	struct redis_reading after;
	char note[1000];
	int code;

	if (!still_open(view)) {
		code = connect_to(view, err);
		if (code)
			return code;
		view->reconnects++;
		view->place.server = server;
	}
	code = read_info(view, &after, err);
	if (code)
		return code;
	if (!strcmp(after.run_id, view->before.run_id) && after.received >= view->before.received + view->reconnects)
		row.connections_received = after.received - view->before.received - view->reconnects;
	read_clients(view, recording, &row);
	row.connections_seen = redis_connections_seen(&view->place, recording);
	redis_explain(&view->before, &after, &row, note, sizeof(note));
	row.address = strings_add(recording->strings, view->url.shown);
	row.note = strings_add(recording->strings, note);
	recording->server = row;
	return 0;
}

void connprof_server_view_free(struct connprof_server_view *view)
{
	if (!view)
		return;
	if (view->context)
		redisFree(view->context);
	explicit_bzero(&view->url, sizeof(view->url));
	free(view);
}

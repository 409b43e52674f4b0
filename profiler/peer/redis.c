/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis.c - asks a Redis server what it saw in the window, and says in words where that differs from what was traced.
 *
 * One connection is made before the window and kept to its end, so it is in both readings of total_connections_received
 * and takes no part in the difference; one made anew (the server dropped the idle one) is subtracted.
 */
#include "peer/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/text.h"
#include "peer/redis_url.h"

#define TIMEOUT_SECONDS 2
#define USAGE "--redis-server wants redis://[user:password@]host:port[/db] or unix://path"

/* What one INFO says. */
struct reading {
	uint64_t received, rejected, max_clients, port;
	char run_id[48];             /* a restarted server has another */
};

struct connprof_server_view {
	struct redis_url url;
	redisContext *context;
	struct endpoint own, server; /* of our connection; server.family 0: not reachable by TCP */
	struct reading before;
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

static void endpoint_of(const struct sockaddr_storage *address, struct endpoint *out)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	memset(out, 0, sizeof(*out));
	if (address->ss_family == AF_INET) {
		out->family = AF_INET;
		out->port = ntohs(v4->sin_port);
		memcpy(out->address, &v4->sin_addr, 4);
	} else if (address->ss_family == AF_INET6) {
		bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);

		out->family = mapped ? AF_INET : AF_INET6;
		out->port = ntohs(v6->sin6_port);
		memcpy(out->address, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
	}
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
		endpoint_of(&address, &view->server);
	memset(&address, 0, sizeof(address));
	size = sizeof(address);
	if (getsockname(view->context->fd, (struct sockaddr *)&address, &size) == 0)
		endpoint_of(&address, &view->own);
	return login(view, err);
}

/* Writing to a connection the server has closed could raise SIGPIPE: ask the socket first. */
static bool still_open(const struct connprof_server_view *view)
{
	char byte;
	ssize_t n = recv(view->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return !view->context->err && n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int read_info(struct connprof_server_view *view, struct reading *out, struct connprof_error *err)
{
	const char *words[] = {"INFO"};
	redisReply *reply = run(view, 1, words);
	struct reading reading = {0};
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

/* ---- which server is it? ---- */

static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && !memcmp(a->address, b->address, a->family == AF_INET ? 4 : 16);
}

/* A traced socket of family AF_INET6 may carry an IPv4 address. */
static struct endpoint unmapped(const struct endpoint *endpoint)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct endpoint plain = *endpoint;

	if (endpoint->family == AF_INET6 && !memcmp(endpoint->address, prefix, 12)) {
		plain.family = AF_INET;
		memset(plain.address, 0, sizeof(plain.address));
		memcpy(plain.address, endpoint->address + 12, 4);
	}
	return plain;
}

/* Is it an address of this host? */
static bool is_local(const struct endpoint *endpoint)
{
	struct ifaddrs *list = NULL;
	bool found = endpoint->family == AF_INET && endpoint->address[0] == 127;

	if (found || getifaddrs(&list))
		return found;
	for (struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		struct sockaddr_storage address = {0};
		struct endpoint own;

		if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		memcpy(&address, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
										: sizeof(struct sockaddr_in6));
		endpoint_of(&address, &own);
		found = same_address(&own, endpoint);
	}
	freeifaddrs(list);
	return found;
}

static uint64_t connections_seen(const struct connprof_server_view *view, const struct connprof_recording *recording)
{
	bool local = is_local(&view->server);
	uint64_t seen = 0;

	if (!view->server.family)
		return UNKNOWN_COUNT;
	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *site = &recording->sites[i];
		struct endpoint peer = unmapped(&site->peer);

		if (peer.port != view->server.port ||
		    !(same_address(&peer, &view->server) || (local && is_local(&peer))))
			continue;
		if (site->connects > site->failed_connects)
			seen += site->connects - site->failed_connects;
	}
	return seen;
}

/* ---- comparing ---- */

struct listing {
	const struct connprof_server_view *view;
	const struct connprof_recording *recording;
	uint64_t own, matched;
};

static void count_client(void *context, const struct endpoint *address, const char *library)
{
	struct listing *listing = context;
	struct endpoint client = unmapped(address);

	(void)library;
	if (client.port == listing->view->own.port && same_address(&client, &listing->view->own)) {
		listing->own++;
		return;
	}
	for (size_t i = 0; i < listing->recording->open_end_count; i++) {
		struct endpoint local = unmapped(&listing->recording->open_ends[i]);

		if (client.port == local.port && same_address(&client, &local)) {
			listing->matched++;
			return;
		}
	}
}

/* Leaves the counts unknown where the server does not permit CLIENT LIST. */
static void read_clients(struct connprof_server_view *view, const struct connprof_recording *recording,
			 struct server_row *row)
{
	const char *words[] = {"CLIENT", "LIST"};
	struct listing listing = {view, recording, view->own.family ? 0 : 1, 0};
	redisReply *reply = run(view, 2, words);
	uint64_t lines;

	if (!reply)
		return;
	if (reply->type == REDIS_REPLY_STRING) {
		lines = (uint64_t)redis_client_list(reply->str, reply->len, count_client, &listing);
		row->clients_listed = lines > listing.own ? lines - listing.own : 0;
		row->clients_matched = recording->open_ends ? listing.matched : UNKNOWN_COUNT;
	}
	freeReplyObject(reply);
}

static void explain(const struct reading *before, const struct reading *after, const struct server_row *row, char *out,
		    size_t size)
{
	uint64_t received = row->connections_received, seen = row->connections_seen;
	uint64_t rejected = after->rejected >= before->rejected ? after->rejected - before->rejected : 0;
	size_t at = 0;

	*out = '\0';
	if (received == UNKNOWN_COUNT) {
		snprintf(out, size, "the server was restarted in the window, so its counts cannot be compared");
		return;
	}
	if (rejected)
		at = (size_t)snprintf(out, size, "the server refused %" PRIu64 " connections at its limit of %" PRIu64
				      " clients; ", rejected, after->max_clients);
	if (seen == UNKNOWN_COUNT)
		snprintf(out + at, size - at, "the server has no TCP port, and connections over UNIX sockets were not "
			 "compared");
	else if (received > seen)
		snprintf(out + at, size - at, "the server accepted %" PRIu64 " connections, %" PRIu64 " more than the target "
			 "was seen to open: other clients of the same server, or connections opened while connprof was "
			 "starting or ending", received, received - seen);
	else if (received + rejected < seen)
		snprintf(out + at, size - at, "the server accepted %" PRIu64 " connections, %" PRIu64 " fewer than the target "
			 "was seen to open: another server or a proxy answers at this address, or this is a fault of "
			 "connprof", received, seen - received);
	else if (at)
		out[at - 2] = '\0'; /* the refused ones are the whole difference */
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
	if (!view->server.family && view->before.port && view->before.port <= 65535) /* asked over its UNIX socket */
		view->server = (struct endpoint){
			.family = AF_INET, .port = (uint16_t)view->before.port, .address = {127, 0, 0, 1}};
	*out = view;
	return 0;
}

int connprof_server_view_end(struct connprof_server_view *view, struct connprof_recording *recording,
			     struct connprof_error *err)
{
	struct server_row row = {.asked = true, .connections_received = UNKNOWN_COUNT,
				 .clients_listed = UNKNOWN_COUNT, .clients_matched = UNKNOWN_COUNT};
	struct endpoint server = view->server;
	struct reading after;
	char note[400];
	int code;

	if (!still_open(view)) {
		code = connect_to(view, err);
		if (code)
			return code;
		view->reconnects++;
		view->server = server;
	}
	code = read_info(view, &after, err);
	if (code)
		return code;
	if (!strcmp(after.run_id, view->before.run_id) && after.received >= view->before.received + view->reconnects)
		row.connections_received = after.received - view->before.received - view->reconnects;
	row.connections_seen = connections_seen(view, recording);
	read_clients(view, recording, &row);
	explain(&view->before, &after, &row, note, sizeof(note));
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

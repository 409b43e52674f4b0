/* SPDX-License-Identifier: BSD-2-Clause */
/* redis_compare.c - which of the traced connections lead to this server, and how its counts differ from theirs. */
#include "peer/redis_compare.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/endpoint.h"
#include "peer/redis.h"

void redis_endpoint(const struct sockaddr_storage *address, struct endpoint *out)
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
		redis_endpoint(&address, &own);
		found = same_address(&own, endpoint);
	}
	freeifaddrs(list);
	return found;
}

/* Is it this server's UNIX socket? */
static bool is_path(const struct redis_place *place, const struct connprof_recording *recording, const struct endpoint *peer)
{
	const char *name = peer->family == AF_UNIX ? strings_get(recording->strings, peer->name) : "";

	return *name && (!strcmp(name, place->paths[0]) || !strcmp(name, place->paths[1]));
}

static bool is_server(const struct redis_place *place, const struct connprof_recording *recording, const struct endpoint *endpoint)
{
	struct endpoint peer = unmapped(endpoint);

	if (peer.family == AF_UNIX)
		return is_path(place, recording, &peer);
	return place->server.family && peer.port == place->server.port &&
	       (same_address(&peer, &place->server) || (is_local(&place->server) && is_local(&peer)));
}

uint64_t redis_connections_seen(const struct redis_place *place, const struct connprof_recording *recording)
{
	uint64_t seen = 0;

	if (!place->server.family && !place->paths[0][0] && !place->paths[1][0])
		return UNKNOWN_COUNT;
	for (size_t i = 0; i < recording->site_count; i++)
		if (is_server(place, recording, &recording->sites[i].peer))
			seen += recording->sites[i].connects;
	return seen;
}

/* ---- clients ---- */

struct listing {
	const struct redis_place *place;
	const struct connprof_recording *recording;
	uint64_t own, matched, unix_listed;
};

static void count_client(void *context, const struct endpoint *address, const char *library)
{
	struct listing *listing = context;
	struct endpoint client = unmapped(address);

	(void)library;
	if (client.family == AF_UNIX) {
		listing->unix_listed++;
		return;
	}
	if (client.port == listing->place->own.port && same_address(&client, &listing->place->own)) {
		listing->own++;
		return;
	}
	for (size_t i = 0; i < listing->recording->open_end_count; i++) {
		struct endpoint local = unmapped(&listing->recording->open_ends[i]);

		if (local.family != AF_UNIX && client.port == local.port && same_address(&client, &local)) {
			listing->matched++;
			return;
		}
	}
}

void redis_compare_clients(const struct redis_place *place, const struct connprof_recording *recording, const char *list, size_t length,
			   struct server_row *row)
{
	struct listing listing = {.place = place, .recording = recording};
	uint64_t lines = (uint64_t)redis_client_list(list, length, count_client, &listing);

	if (!place->own.family && listing.unix_listed) { /* one of these is ours */
		listing.own++;
		listing.unix_listed--;
	}
	row->clients_listed = lines > listing.own ? lines - listing.own : 0;
	row->unix_listed = listing.unix_listed;
	if (!recording->open_ends)
		return;
	row->clients_matched = listing.matched;
	if (!place->paths[0][0] && !place->paths[1][0]) /* where it listens is not known */
		return;
	row->unix_open = 0;
	for (size_t i = 0; i < recording->open_end_count; i++)
		row->unix_open += is_path(place, recording, &recording->open_ends[i]);
	row->clients_matched = listing.matched + (row->unix_open < row->unix_listed ? row->unix_open : row->unix_listed);
}

/* ---- in words ---- */

struct words {
	char *out;
	size_t size, at;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	va_list args;
	int wrote;

	if (words->at)
		words->at += (size_t)snprintf(words->out + words->at, words->size - words->at, "; ");
	va_start(args, format);
	wrote = vsnprintf(words->out + words->at, words->size - words->at, format, args);
	va_end(args);
	words->at = wrote > 0 && (size_t)wrote < words->size - words->at ? words->at + (size_t)wrote : words->size - 1;
}

static void explain_received(const struct redis_reading *before, const struct redis_reading *after, const struct server_row *row,
			     struct words *words)
{
	uint64_t received = row->connections_received, seen = row->connections_seen;
	uint64_t rejected = after->rejected >= before->rejected ? after->rejected - before->rejected : 0;

	if (rejected)
		say(words, "the server refused %" PRIu64 " connections at its limit of %" PRIu64 " clients", rejected, after->max_clients);
	if (seen == UNKNOWN_COUNT)
		say(words, "the server has no TCP port and does not tell the name of its UNIX socket, so connections were not compared");
	else if (received > seen)
		say(words, "the server accepted %" PRIu64 " connections, %" PRIu64 " more than the target was seen to open: other clients "
		    "of the same server, or connections opened while connprof was starting or ending", received, received - seen);
	else if (received + rejected < seen)
		say(words, "the server accepted %" PRIu64 " connections, %" PRIu64 " fewer than the target was seen to open: another server "
		    "or a proxy answers at this address, or this is a fault of connprof", received, seen - received);
}

/* Over a UNIX socket all clients look alike to the server. */
static void explain_unix(const struct server_row *row, struct words *words)
{
	uint64_t listed = row->unix_listed, open = row->unix_open;

	if (listed && listed != UNKNOWN_COUNT && open == UNKNOWN_COUNT)
		say(words, "of its clients over its UNIX socket (%" PRIu64 ") nothing can be said: it does not tell where that is (CONFIG GET "
		    "unixsocket)", listed);
	if (listed == UNKNOWN_COUNT || open == UNKNOWN_COUNT || listed == open)
		return;
	say(words, "over its UNIX socket the server lists %" PRIu64 " clients, and the target has %" PRIu64 " connections open there (they have "
	    "no address to match them by): %s", listed, open, listed > open ? "the others are of other processes, or were just being closed"
	    : "the server has closed some that the target still holds, or another server listens at that path");
}

void redis_explain(const struct redis_reading *before, const struct redis_reading *after, const struct server_row *row, char *out,
		   size_t size)
{
	struct words words = {out, size, 0};

	*out = '\0';
	if (row->connections_received == UNKNOWN_COUNT)
		say(&words, "the server was restarted in the window, so its counts cannot be compared");
	else
		explain_received(before, after, row, &words);
	explain_unix(row, &words);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* served.c - threads that accept on one listening socket. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "served.h"

#define THREADS 6

int served_redis_port(void)
{
	return atoi(getenv("REDIS_PORT"));
}

/* Requests without a body, each in one piece or several, until the client leaves. */
static void serve_client(int client)
{
	char buffer[4096], body[32], text[160];
	size_t have = 0;
	ssize_t got;

	while ((got = read(client, buffer + have, sizeof(buffer) - 1 - have)) > 0) {
		buffer[have += (size_t)got] = '\0';
		if (!strstr(buffer, "\r\n\r\n"))
			continue;
		have = 0;
		snprintf(body, sizeof(body), "%ld\n", answer());
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
		if (write(client, text, strlen(text)) < 0)
			break;
	}
	close(client);
}

static void *serve(void *listener)
{
	for (;;) {
		int client = accept(*(int *)listener, NULL, NULL);

		if (client >= 0)
			serve_client(client);
	}
	return NULL;
}

int served_run(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(getenv("PORT"))) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	pthread_t thread;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 128)) {
		perror("listen");
		return 1;
	}
	for (int i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, serve, &listener);
	serve(&listener);
	return 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* sealed.c PORT COUNT PAUSE - a Redis client with OpenSSL inside: for each line on stdin makes one connection to loopback PORT over TLS,
 * waits for PAUSE ms, says CLIENT SETNAME, sets and gets a key, each after the answer to the one before, closes it and prints "asked".
 * Its answer is what connect(), TLS's handshake and the first command took, medians in ms. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define COUNT_MAX 1000
enum part { CONNECT, TLS, HANDSHAKE, PARTS };
static double took[PARTS][COUNT_MAX];

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void say(SSL *ssl, const char *command)
{
	char answer[256];
	int length = (int)strlen(command);

	if (SSL_write(ssl, command, length) != length || SSL_read(ssl, answer, sizeof(answer)) <= 0)
		exit(1);
}

KEEP static void ask(SSL_CTX *context, int port, int pause_ms, int number)
{
	double begin, connected, sealed, spoken;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(context);

	begin = now_ms();
	if (fd < 0 || !ssl || connect(fd, (struct sockaddr *)&address, sizeof(address)) || !SSL_set_fd(ssl, fd))
		exit(1);
	connected = now_ms();
	if (SSL_connect(ssl) != 1)
		exit(1);
	sealed = now_ms();
	if (pause_ms)
		usleep((unsigned)pause_ms * 1000);
	spoken = now_ms();
	say(ssl, "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$6\r\nsealed\r\n");
	took[CONNECT][number] = connected - begin;
	took[TLS][number] = sealed - connected;
	took[HANDSHAKE][number] = now_ms() - spoken;
	say(ssl, "*3\r\n$3\r\nSET\r\n$5\r\na key\r\n$26\r\na value no report may show\r\n");
	say(ssl, "*2\r\n$3\r\nGET\r\n$5\r\na key\r\n");
	SSL_shutdown(ssl);
	close(fd);
	SSL_free(ssl);
}

int main(int argc, char **argv)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int count = argc == 4 ? atoi(argv[2]) : 0;

	if (count < 1 || count > COUNT_MAX || !context)
		return 2;
	workload_ready("\"function\": \"ask\"");
	for (int i = 0; i < count; i++) {
		workload_wait_go();
		ask(context, atoi(argv[1]), atoi(argv[3]), i);
		printf("asked\n");
		fflush(stdout);
	}
	printf("done\n");
	fflush(stdout);
	while (!workload_over())
		usleep(20000);
	for (int i = 0; i < PARTS; i++)
		qsort(took[i], (size_t)count, sizeof(took[i][0]), by_value);
	workload_answer("\"connect_ms\": %.4f, \"tls_ms\": %.4f, \"handshake_ms\": %.4f", took[CONNECT][count / 2], took[TLS][count / 2],
			took[HANDSHAKE][count / 2]);
	return 0;
}

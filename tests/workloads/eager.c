/* SPDX-License-Identifier: BSD-2-Clause */
/* eager.c PATH - listens on a UNIX socket and asks for the next connection all the time, so that it takes one the very moment it
 * is there; reads a word on each, answers with 14 bytes and closes it. Until its stdin is closed. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "workload.h"

static int listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 4096) ? -1 : fd;
}

static void serve(int fd)
{
	static const char answer[] = "goodbye, then\n";
	char word[64];

	if (read(fd, word, sizeof(word)) > 0 && write(fd, answer, sizeof(answer) - 1) < 0)
		perror("eager");
	close(fd);
}

int main(int argc, char **argv)
{
	int listener = argc == 2 ? listen_on(argv[1]) : -1;

	if (listener < 0)
		return 2;
	workload_ready("\"listens\": true");
	for (unsigned idle = 0;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			serve(fd);
		else if (++idle % 4096 == 0 && workload_over())
			return 0;
	}
}

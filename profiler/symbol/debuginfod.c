/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debuginfod.c - debug files from a debuginfod server, where the user has named one ($DEBUGINFOD_URLS); else nobody is asked.
 *
 * elfutils' own client is loaded for it, in a process of its own, which ends with the time it is given: nothing of it, nor of
 * the HTTP library below it, comes into the profiler.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/process.h"
#include "base/apart.h"
#include "symbol/symbol.h"

#define CLIENT "libdebuginfod.so.1"
#define FETCHED_BYTES_MAX (4ull << 30)
#define NO_CLIENT '!'  /* what the child says instead of a path */

/* elfutils/debuginfod.h, which Debian keeps in a package of its own. */
typedef struct debuginfod_client debuginfod_client;
typedef debuginfod_client *begin_function(void);
typedef int find_function(debuginfod_client *client, const unsigned char *build_id, int length, char **path);

struct wanted {
	const uint8_t *id;
	int length;
};

/* Writes the path of the file in the client's cache; nothing where no server has it. */
static void fetch(void *context, FILE *out)
{
	const struct wanted *wanted = context;
	void *library = dlopen(CLIENT, RTLD_NOW | RTLD_LOCAL);
	begin_function *begin = NULL;
	find_function *find = NULL;
	debuginfod_client *client;
	char *path = NULL;

	if (library) {
		*(void **)&begin = dlsym(library, "debuginfod_begin");
		*(void **)&find = dlsym(library, "debuginfod_find_debuginfo");
	}
	if (!begin || !find) {
		fputc(NO_CLIENT, out);
		return;
	}
	client = begin();
	if (client && find(client, wanted->id, wanted->length, &path) >= 0 && path)
		fputs(path, out);
}

bool debuginfod_wanted(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	return urls && *urls;
}

int debuginfod_open(const uint8_t *id, int length, uint64_t deadline_ns)
{
	struct wanted wanted = {id, length};
	uint8_t found[BUILD_ID_MAX];
	struct apart apart;
	char path[PATH_MAX];
	size_t size = 0;
	ssize_t n;
	int fd, code;

	if (!debuginfod_wanted() || length < 2)
		return -ENOENT;
	code = apart_start_trusted(&apart, fetch, &wanted);
	if (code)
		return code;
	while ((n = apart_read(&apart, path + size, sizeof(path) - 1 - size, deadline_ns)) > 0)
		size += (size_t)n;
	apart_end(&apart);
	if (n < 0)
		return (int)n;
	path[size] = '\0';
	if (path[0] != '/')
		return path[0] == NO_CLIENT ? -ELIBACC : -ENOENT;
	fd = process_open_path(getpid(), path, FETCHED_BYTES_MAX, NULL);
	if (fd >= 0 && (build_id_from_fd(fd, found) != length || memcmp(id, found, (size_t)length))) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.c FILE… - how long unwind tables take to build, per object: one JSON line each, the median of several builds. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unwind/unwind.h"

#define BUILDS 7

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* 0, or a negative errno. */
static int measure(const char *path)
{
	uint64_t took[BUILDS];
	struct unwind_rows rows = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = fd < 0 ? -errno : 0;

	for (int i = 0; i < BUILDS && !result; i++) {
		uint64_t start = clock_now_ns(), patience_ns = 20000000000u;

		unwind_rows_done(&rows);
		memset(&rows, 0, sizeof(rows));
		result = unwind_rows_from_fd(fd, &patience_ns, &rows);
		took[i] = clock_now_ns() - start;
	}
	if (!result) {
		qsort(took, BUILDS, sizeof(took[0]), compare);
		printf("{\"file\": \"%s\", \"functions\": %zu, \"rows\": %zu, \"bytes\": %zu, \"expressions\": %zu, \"rejected\": %zu, "
		       "\"ns\": [%llu, %llu, %llu]}\n", path, rows.functions, rows.count, rows.count * sizeof(struct unwind_row),
		       rows.expressions, rows.rejected, (unsigned long long)took[0], (unsigned long long)took[BUILDS / 2],
		       (unsigned long long)took[BUILDS - 1]);
	}
	unwind_rows_done(&rows);
	if (fd >= 0)
		close(fd);
	return result;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		int result = measure(argv[i]);

		if (result) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-result));
			failed = 1;
		}
	}
	return failed;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h - runs a shell script of a few lines from a test, with arguments $1 and $2, and gives its standard output.
 *
 *   FILE *stream = tool_open(&pid, "readelf -n \"$1\"", path, "");
 *   … fgets …
 *   assert_int_equal(tool_close(pid, stream), 0);
 */
#ifndef CONNPROF_TESTS_UNIT_TOOL_H
#define CONNPROF_TESTS_UNIT_TOOL_H

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static inline FILE *tool_open(pid_t *pid, const char *script, const char *first, const char *second)
{
	int ends[2];

	*pid = -1;
	if (pipe(ends))
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl("/bin/sh", "sh", "-e", "-c", script, "sh", first, second, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* Its exit status; -1: it was killed. */
static inline int tool_close(pid_t pid, FILE *stream)
{
	int status = -1;

	fclose(stream);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int tool_run(const char *script, const char *first, const char *second)
{
	pid_t pid;
	FILE *stream = tool_open(&pid, script, first, second);

	while (stream && fgetc(stream) != EOF)
		;
	return stream ? tool_close(pid, stream) : -1;
}

#endif

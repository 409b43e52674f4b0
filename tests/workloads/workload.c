/* SPDX-License-Identifier: BSD-2-Clause */
/* workload.c - the lines a workload exchanges with its test. */
#include "workload.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void line(const char *word, const char *format, va_list arguments)
{
	printf("%s {", word);
	vprintf(format, arguments);
	printf("}\n");
	if (fflush(stdout))
		exit(1);
}

void workload_ready(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("ready", format, arguments);
	va_end(arguments);
}

void workload_answer(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("answer", format, arguments);
	va_end(arguments);
}

void workload_wait_go(void)
{
	char c;

	/* Byte by byte, unbuffered: what comes after the line is for workload_over. */
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

int workload_went(void)
{
	struct pollfd stdin_poll = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	if (poll(&stdin_poll, 1, 0) <= 0)
		return 0;
	if (read(STDIN_FILENO, &c, 1) <= 0)
		exit(0);
	return c == '\n';
}

int workload_over(void)
{
	struct pollfd stdin_poll = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	if (poll(&stdin_poll, 1, 0) <= 0)
		return 0;
	return read(STDIN_FILENO, &c, 1) <= 0;
}

uint64_t workload_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_spool.c - lines to a reader that is slow or gone: whole or refused, never waited for unless asked to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/spool.h"

#define LINE 1000

static int pipe_ends[2];
static struct spool spool;

static int begin(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (pipe(pipe_ends))
		return -1;
	spool = (struct spool){.fd = pipe_ends[1]};
	return 0;
}

static int end(void **state)
{
	(void)state;
	spool_done(&spool);
	if (pipe_ends[0] >= 0)
		close(pipe_ends[0]);
	return close(pipe_ends[1]);
}

/* Line number `number` is of its own length and letter. */
static int add(unsigned number)
{
	char line[LINE];
	size_t length = LINE - number % 7;

	memset(line, 'a' + (int)(number % 26), length);
	return spool_line(&spool, line, length);
}

/* Reads whole lines until `bytes` have come; each must be the next one of `add`. Returns how many. */
static unsigned read_lines(size_t bytes, unsigned first)
{
	unsigned number = first;
	size_t length = 0;
	char chunk[4096];

	while (bytes) {
		ssize_t got = read(pipe_ends[0], chunk, bytes < sizeof(chunk) ? bytes : sizeof(chunk));

		assert_true(got > 0);
		for (ssize_t i = 0; i < got; i++) {
			if (chunk[i] != '\n') {
				assert_int_equal(chunk[i], 'a' + (int)(number % 26));
				length++;
				continue;
			}
			assert_int_equal(length, LINE - number % 7);
			length = 0;
			number++;
		}
		bytes -= (size_t)got;
	}
	return number - first;
}

static void what_is_taken_arrives_in_order_and_the_rest_waits(void **state)
{
	size_t whole = 0, waited;
	unsigned number = 0;

	(void)state;
	for (; number < 401; number++) {
		assert_int_equal(add(number), 0);
		whole += LINE - number % 7 + 1;
	}
	assert_int_equal(spool_push(&spool), 0);
	waited = spool_waiting(&spool);
	assert_true(waited > 0 && waited < whole); /* a pipe holds 64 KiB */
	assert_int_equal(spool_push(&spool), 0);   /* and nobody waits for its reader */
	assert_int_equal(spool_waiting(&spool), waited);
	/* Line by line, so that each is looked at; what the pipe then has room for follows. */
	for (unsigned i = 0; i < number; i++) {
		assert_int_equal(read_lines(LINE - i % 7 + 1, i), 1);
		assert_int_equal(spool_push(&spool), 0);
	}
	assert_int_equal(spool_waiting(&spool), 0);
}

static void a_line_too_many_is_refused_whole_and_counted(void **state)
{
	unsigned taken = 0;

	(void)state;
	while (add(taken) == 0)
		taken++;
	assert_int_equal(add(taken), -ENOBUFS);
	assert_int_equal(spool.refused, 2);
	assert_true(spool_waiting(&spool) <= SPOOL_BYTES_MAX && spool_waiting(&spool) > SPOOL_BYTES_MAX - LINE - 1);
	assert_true(taken > 16000);
	/* What the reader takes is room again, to the byte. */
	assert_int_equal(spool_push(&spool), 0);
	for (unsigned more = 0; spool_waiting(&spool) + LINE + 1 <= SPOOL_BYTES_MAX; more++)
		assert_int_equal(add(taken + more), 0);
	assert_int_equal(spool.refused, 2);
}

static void *reader(void *context)
{
	size_t *bytes = context;

	usleep(20000);
	*bytes = read_lines(*bytes, 0);
	return NULL;
}

static void draining_waits_for_the_reader(void **state)
{
	size_t bytes = 0;
	pthread_t thread;

	(void)state;
	for (unsigned i = 0; i < 1009; i++) {
		assert_int_equal(add(i), 0);
		bytes += LINE - i % 7 + 1;
	}
	assert_int_equal(pthread_create(&thread, NULL, reader, &bytes), 0);
	assert_int_equal(spool_drain(&spool), 0);
	assert_int_equal(spool_waiting(&spool), 0);
	pthread_join(thread, NULL);
	assert_int_equal(bytes, 1009);
}

static void a_reader_that_is_gone_is_noticed_with_nothing_to_say(void **state)
{
	(void)state;
	assert_int_equal(spool_push(&spool), 0);
	close(pipe_ends[0]);
	pipe_ends[0] = -1;
	assert_int_equal(spool_push(&spool), -EPIPE);
	assert_int_equal(add(1), 0);
	assert_int_equal(spool_drain(&spool), -EPIPE);
}

static void room_that_was_read_from_is_used_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		assert_int_equal(add(i), 0);
		assert_int_equal(spool_push(&spool), 0);
		read_lines(LINE - i % 7 + 1, i);
	}
	assert_int_equal(spool.refused, 0);
	assert_true(spool.capacity < 1u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_taken_arrives_in_order_and_the_rest_waits, begin, end),
		cmocka_unit_test_setup_teardown(a_line_too_many_is_refused_whole_and_counted, begin, end),
		cmocka_unit_test_setup_teardown(draining_waits_for_the_reader, begin, end),
		cmocka_unit_test_setup_teardown(a_reader_that_is_gone_is_noticed_with_nothing_to_say, begin, end),
		cmocka_unit_test_setup_teardown(room_that_was_read_from_is_used_again, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

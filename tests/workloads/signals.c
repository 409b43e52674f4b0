/* SPDX-License-Identifier: BSD-2-Clause */
/* signals.c [alternate] - about half its CPU time is spent in a signal handler that interrupts `interrupted`, which main called: the
 * handler's stack goes through the kernel's trampoline; with `alternate` it is a stack of its own. */
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "workload.h"

static volatile uint64_t sink;
static volatile sig_atomic_t handled;

KEEP static void handler_work(void) { sink += workload_burn(1500, sink); }

static void on_alarm(int number)
{
	(void)number;
	handler_work();
	handled++;
}

KEEP static void interrupted(void) { sink += workload_burn(20000, sink); }

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART | (argc > 1 ? SA_ONSTACK : 0) };
	stack_t other = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct itimerval every = { { 0, 4000 }, { 0, 4000 } };

	(void)argv;
	if (!other.ss_sp || sigaltstack(&other, 0) || sigaction(SIGALRM, &action, 0) || setitimer(ITIMER_REAL, &every, 0))
		return 1;
	workload_ready("\"handler\": \"handler_work\", \"under\": \"interrupted\"");
	while (!workload_over())
		interrupted();
	workload_answer("\"handled\": %ld", (long)handled);
	return 0;
}

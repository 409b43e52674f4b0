/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.c - computes in hand-written assembler without call frame information, as OpenBLAS's kernels are: it moves rsp to another page,
 * keeps the old one in rbx, and uses rbp as data. Now and then a signal handler runs on top of it.
 */
#include <signal.h>
#include <sys/time.h>

#include "workload.h"

uint64_t kernel(uint64_t rounds);
asm(".pushsection .text\n"
    ".type kernel, @function\n"
    "kernel:	sub $0x20,%rsp\n"
    "	mov %rbx,(%rsp)\n"
    "	mov %rbp,8(%rsp)\n"
    "	mov %rsp,%rbx\n"
    "	sub $0x7080,%rsp\n"
    "	and $-4096,%rsp\n"
    "	mov %rdi,(%rsp)\n"
    "	xor %eax,%eax\n"
    "1:	mov $997,%ebp\n"
    "2:	imul $31,%rax,%rax\n"
    "	add %rbp,%rax\n"
    "	dec %rbp\n"
    "	jne 2b\n"
    "	decq (%rsp)\n"
    "	jne 1b\n"
    "	mov %rbx,%rsp\n"
    "	mov (%rsp),%rbx\n"
    "	mov 8(%rsp),%rbp\n"
    "	add $0x20,%rsp\n"
    "	ret\n"
    ".size kernel, . - kernel\n"
    ".popsection\n");

static volatile uint64_t sink;

KEEP static void handler_work(void) { sink += workload_burn(300, sink); }

static void on_alarm(int number)
{
	(void)number;
	handler_work();
}

KEEP static void driver(void)
{
	sink += kernel(500);
	sink++;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };

	if (sigaction(SIGALRM, &action, 0) || setitimer(ITIMER_REAL, &every, 0))
		return 1;
	workload_ready("\"chain\": [\"main\", \"driver\", \"kernel\"], \"handler\": \"handler_work\"");
	while (!workload_over())
		driver();
	workload_answer("\"done\": true");
	return 0;
}

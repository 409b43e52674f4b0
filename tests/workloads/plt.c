/* SPDX-License-Identifier: BSD-2-Clause */
/* plt.c - calls a function of another object so often that much of its time passes in the procedure linkage table: stacks there end in
 * neither function. */
#include "workload.h"

int tiny(int x); /* libtiny.so */

static volatile int sink;

KEEP static void calls_through_the_table(void)
{
	for (int i = 0; i < 200000; i++)
		sink = tiny(i);
}

int main(void)
{
	workload_ready("\"caller\": \"calls_through_the_table\", \"callee\": \"tiny\"");
	while (!workload_over())
		calls_through_the_table();
	workload_answer("\"done\": true");
	return 0;
}

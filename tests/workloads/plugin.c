/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin.c - a shared object that is loaded while the profiler looks: burns CPU in plugin_burn. */
#include "workload.h"

void plugin_burn(void);

static volatile uint64_t sink;

KEEP static void plugin_inner(void) { sink += workload_burn(200, sink); }

KEEP void plugin_burn(void)
{
	plugin_inner();
	sink++;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* state.bpf.c - the one definition of the shared maps and settings, and the licence the helpers demand. */
#define STATE_DEFINE
#include "marks.h"

char _license[] SEC("license") = "Dual BSD/GPL";

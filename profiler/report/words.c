/* SPDX-License-Identifier: BSD-2-Clause */
/* words.c - small texts and sums that several formats show alike. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "report/report.h"

const char *base_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Behind "lib/python3.11/", or NULL. */
static const char *behind_stdlib(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/lib/python")); at++) {
		const char *rest = strchr(at + strlen("/lib/python"), '/');

		if (rest && rest[-1] >= '0' && rest[-1] <= '9')
			return rest + 1;
	}
	return NULL;
}

const char *short_path(const char *path)
{
	static const char *const installs[] = {"/site-packages/", "/dist-packages/"};
	const char *rest, *cut = path;

	if (*path != '/')
		return path;
	for (size_t i = 0; i < sizeof(installs) / sizeof(installs[0]); i++)
		if ((rest = strstr(path, installs[i])))
			return rest + strlen(installs[i]);
	if ((rest = behind_stdlib(path)))
		return rest;
	for (const char *at = path + strlen(path), *end = at; at > path; at--)
		if (at[-1] == '/' && at != end) {
			if (cut != path)
				return at;
			cut = at;
		}
	return path + 1;
}

double complete_percent(const struct connprof_recording *recording)
{
	uint64_t complete = 0, all = 0;

	for (unsigned i = 0; i < STACK_END_COUNT; i++) {
		all += recording->stack_ends[i];
		complete += stack_end_complete(i) ? recording->stack_ends[i] : 0;
	}
	return all ? 100.0 * (double)complete / (double)all : NAN;
}

uint64_t lost_events(const struct connprof_recording *recording)
{
	uint64_t lost = recording->missed_runs;

	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (i != DROP_PAYLOAD_FAULT && i != DROP_PAYLOAD_NO_REGS)
			lost += recording->drops[i];
	return lost;
}

const char *thread_state_name(unsigned state)
{
	static const char *const names[] = {
		[THREAD_RUNNING] = "active", [THREAD_SLEEPING] = "idle", [THREAD_DISK] = "disk wait",
		[THREAD_STOPPED] = "stopped", [THREAD_ZOMBIE] = "zombie", [THREAD_UNKNOWN] = "unknown",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const struct target_row *recording_target(const struct connprof_recording *recording, uint32_t pid)
{
	for (size_t i = 0; i < recording->target_count; i++)
		if (recording->targets[i].pid == pid)
			return &recording->targets[i];
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_calls.c - programs on single system calls: through their classic tracepoints, which leave all other calls' cost nearly as it
 * is; where tracefs cannot be had, through the two that every call passes.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "source/probe_parts.h"
#include "source/tracepoints.h"

void probe_choose_call_programs(struct connprof_bpf *bpf, const struct probe_config *config, bool hooks)
{
	bool single = tracepoint_number("syscalls/sys_enter_close") > 0;
	const struct {
		struct bpf_program *program;
		bool wanted;
	} rows[] = {
		{bpf->progs.unix_close_begins, config->connections && single},
		{bpf->progs.unix_shutdown_begins, config->connections && single},
		{bpf->progs.unix_connect_ends, config->connections && single},
		{bpf->progs.unix_any_call_begins, config->connections && !single},
		{bpf->progs.unix_any_connect_ends, config->connections && !single},
		{bpf->progs.log_call_begins, config->logs && single},
		{bpf->progs.log_call_ends, config->logs && single},
		{bpf->progs.log_any_call_begins, config->logs && !single},
		{bpf->progs.log_any_call_ends, config->logs && !single},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bpf_program__set_autoload(rows[i].program, rows[i].wanted);
		bpf_program__set_autoattach(rows[i].program, false); /* when what they tell of has been seen */
	}
	bpf_program__set_autoload(bpf->progs.data_ready, hooks && probe_has_tracepoint("sk_data_ready"));
	bpf->bss->log_sockets = config->logs && hooks && single ? LOG_SOCKETS_WANTED : LOG_SOCKETS_IGNORED;
}

static int keep(struct probe *probe, struct bpf_link *link)
{
	if (!link)
		return errno ? -errno : -ENOMEM;
	if (probe->calls_count == PROBE_CALLS_MAX) {
		bpf_link__destroy(link);
		return -E2BIG;
	}
	probe->calls[probe->calls_count++] = link;
	return 0;
}

static int attach_any(struct probe *probe, struct bpf_program *begins, struct bpf_program *ends)
{
	int code = keep(probe, bpf_program__attach(begins));

	return code ? code : keep(probe, bpf_program__attach(ends));
}

static int attach_single(struct probe *probe, struct bpf_program *program, const char *tracepoint)
{
	int fd = tracepoint_open(tracepoint), code;

	if (fd < 0)
		return fd;
	code = keep(probe, bpf_program__attach_perf_event(program, fd));
	if (code)
		close(fd);
	return code;
}

struct call_row {
	struct bpf_program *program;
	const char *tracepoint;
};

/* All that can be; the first error, where one cannot. */
static int attach_rows(struct probe *probe, const struct call_row *rows, size_t count)
{
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		int code = attach_single(probe, rows[i].program, rows[i].tracepoint);

		first = first ? first : code;
	}
	return first;
}

int probe_attach_unix(struct probe *probe)
{
	struct connprof_bpf *bpf = probe->bpf;
	const struct call_row rows[] = {
		{bpf->progs.unix_close_begins, "syscalls/sys_enter_close"},
		{bpf->progs.unix_shutdown_begins, "syscalls/sys_enter_shutdown"},
		{bpf->progs.unix_connect_ends, "syscalls/sys_exit_connect"},
	};

	if (probe->unix_tried)
		return 0;
	probe->unix_tried = true;
	if (bpf_program__fd(bpf->progs.unix_close_begins) < 0)
		return attach_any(probe, bpf->progs.unix_any_call_begins, bpf->progs.unix_any_connect_ends);
	return attach_rows(probe, rows, sizeof(rows) / sizeof(rows[0]));
}

static int attach_log_sockets(struct probe *probe)
{
	struct connprof_bpf *bpf = probe->bpf;
	const struct call_row rows[] = {
		{bpf->progs.log_call_ends, "syscalls/sys_exit_sendto"}, {bpf->progs.log_call_ends, "syscalls/sys_exit_sendmsg"},
		{bpf->progs.log_call_begins, "syscalls/sys_enter_sendto"}, {bpf->progs.log_call_begins, "syscalls/sys_enter_sendmsg"},
	};

	int code;

	if (probe->log_sockets_tried)
		return 0;
	probe->log_sockets_tried = true;
	code = attach_rows(probe, rows, sizeof(rows) / sizeof(rows[0]));
	if (!code)
		bpf->bss->log_sockets = LOG_SOCKETS_HOOKED; /* until now each was counted as lost */
	return code;
}

int probe_attach_log_sockets(struct probe *probe)
{
	return probe->bpf->bss->log_sockets == LOG_SOCKETS_SEEN ? attach_log_sockets(probe) : 0;
}

static int attach_log_writes(struct probe *probe)
{
	struct connprof_bpf *bpf = probe->bpf;
	const struct call_row rows[] = {
		{bpf->progs.log_call_ends, "syscalls/sys_exit_write"}, {bpf->progs.log_call_ends, "syscalls/sys_exit_writev"},
		{bpf->progs.log_call_begins, "syscalls/sys_enter_write"}, {bpf->progs.log_call_begins, "syscalls/sys_enter_writev"},
	};
	int code;

	if (bpf_program__fd(bpf->progs.log_call_begins) < 0)
		return attach_any(probe, bpf->progs.log_any_call_begins, bpf->progs.log_any_call_ends);
	code = attach_rows(probe, rows, sizeof(rows) / sizeof(rows[0]));
	if (!code && bpf->bss->log_sockets == LOG_SOCKETS_IGNORED) /* nothing would tell when they are wanted */
		code = attach_log_sockets(probe);
	return code;
}

int probe_attach_logs(struct probe *probe, struct connprof_error *error)
{
	int code = attach_log_writes(probe);

	return code ? error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				"cannot attach to the tracepoints of write() and its like: %s (see connprof doctor)", strerror(-code)) : 0;
}

void probe_calls_done(struct probe *probe)
{
	for (size_t i = 0; i < probe->calls_count; i++)
		bpf_link__destroy(probe->calls[i]);
	probe->calls_count = 0;
}

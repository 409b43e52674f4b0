/* SPDX-License-Identifier: BSD-2-Clause */
/* probe.c - the kernel side, loaded and spoken to through libbpf. */
#include "source/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "source/tracepoints.h"
#include "source/probe_parts.h"

/* Of what has many lines (the verifier's log) the first and the last, which say where and why. */
#define BPF_SAY_LAST 12

static int bpf_say(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text = NULL, *rest, *line;
	size_t lines = 0, at = 0;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	for (const char *c = text; (c = strchr(c, '\n')); c++)
		lines++;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		at++;
		if (*line && (at == 1 || at + BPF_SAY_LAST > lines))
			log_say(1, "%s", line);
	}
	free(text);
	return 0;
}

static bool has_btf(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf != NULL;

	btf__free(btf);
	return found;
}

bool probe_has_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char type[128];
	bool found;

	if (!btf)
		return false;
	snprintf(type, sizeof(type), "btf_trace_%s", name);
	found = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
	btf__free(btf);
	return found;
}

bool probe_has_socket_hooks(void)
{
	return probe_has_tracepoint("sock_send_length") && probe_has_tracepoint("sock_recv_length");
}

/* Does sched_switch bring the state of the thread that leaves (Linux 5.18), behind its own pointer and three others? */
static bool switch_tells_state(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type = NULL;
	int id = btf ? btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) : -1;
	bool tells;

	for (int i = 0; i < 2 && id > 0; i++) { /* typedef, pointer */
		type = btf__type_by_id(btf, id);
		id = type ? (int)type->type : -1;
	}
	type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	tells = type && btf_is_func_proto(type) && btf_vlen(type) >= 5;
	btf__free(btf);
	return tells;
}

/* Tracepoints run with preemption on since Linux 7.0; nothing in the kernel says so but its version. */
bool tracepoints_preemptible(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 19));
}

static void choose_tls_programs(struct connprof_bpf *bpf, bool tls)
{
	struct bpf_program *const programs[] = {
		bpf->progs.tls_read_begins, bpf->progs.tls_read_ex_begins, bpf->progs.tls_write_begins, bpf->progs.tls_write_ex_begins,
		bpf->progs.tls_write_ex2_begins, bpf->progs.tls_handshake_begins, bpf->progs.tls_freed, bpf->progs.tls_returns,
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		bpf_program__set_autoload(programs[i], tls);
		bpf_program__set_autoattach(programs[i], false); /* to each process that speaks TLS: probe_link */
	}
}

static void choose_programs(struct connprof_bpf *bpf, const struct probe_config *config)
{
	bool hooks = config->connections && probe_has_socket_hooks();
	bool follow = config->samples || config->connections || config->waits, whole = tracepoints_preemptible();

	bpf_program__set_autoload(bpf->progs.sample, config->samples);
	bpf_program__set_autoload(bpf->progs.process_fork, follow);
	bpf_program__set_autoload(bpf->progs.process_exec, follow);
	bpf_program__set_autoload(bpf->progs.process_exit, follow);
	bpf_program__set_autoload(bpf->progs.state_changed, config->connections && !whole);
	bpf_program__set_autoload(bpf->progs.state_changed_whole, config->connections && whole);
	bpf_program__set_autoload(bpf->progs.state_changed_within, config->connections);
	bpf_program__set_autoload(bpf->progs.sent, hooks);
	bpf_program__set_autoload(bpf->progs.received, hooks);
	bpf_program__set_autoload(bpf->progs.call_ended, config->connections && !hooks);
	bpf_program__set_autoload(bpf->progs.send_stack, config->sends && hooks && whole);
	bpf_program__set_autoload(bpf->progs.threads, config->threads);
	probe_choose_call_programs(bpf, config, hooks);
	choose_tls_programs(bpf, config->connections && config->tls);
	bpf_program__set_autoload(bpf->progs.switched, config->waits);
	bpf_program__set_autoload(bpf->progs.waking, config->waits);
	bpf_program__set_autoload(bpf->progs.thread_exit, config->waits);
	bpf_program__set_autoload(bpf->progs.threads_off, config->waits);
	/* Attached by hand: one event per thread, and the open iterators. */
	bpf_program__set_autoattach(bpf->progs.state_changed_within, false); /* last: probe_attach */
	bpf_program__set_autoattach(bpf->progs.threads_off, false);
	bpf_program__set_autoattach(bpf->progs.sample, false);
	bpf_program__set_autoattach(bpf->progs.threads, false);
}

/* What the kernel's coarse clock advances by: its tick. */
static uint32_t tick_us(void)
{
	struct timespec tick;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec ? 0 : (uint32_t)(tick.tv_nsec / 1000);
}

/* What is not needed is as small as it can be. */
static int size_maps(struct connprof_bpf *bpf, const struct probe_config *config)
{
	const bool tls = config->connections && config->tls;
	const struct {
		struct bpf_map *map;
		uint32_t entries; /* 0: as it is declared */
	} sizes[] = {
		{bpf->maps.ring, config->ring_bytes}, {bpf->maps.rows, config->rows}, {bpf->maps.mappings, config->mappings},
		{bpf->maps.connections, !config->connections}, {bpf->maps.tls_calls, !tls}, {bpf->maps.tls_conns, !tls},
		{bpf->maps.waits, !config->waits}, {bpf->maps.places_walked, !config->waits}, {bpf->maps.log_calls, !config->logs},
	};
	int code = 0;

	for (size_t i = 0; !code && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].entries)
			code = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return code;
}

static int configure(struct connprof_bpf *bpf, const struct probe_config *config)
{
	choose_programs(bpf, config);
	bpf->rodata->settings.follow_children = config->children;
	bpf->rodata->settings.kernel_frames = config->kernel_frames;
	bpf->rodata->settings.gil = config->gil;
	bpf->rodata->settings.payload_bytes = config->connections ? PAYLOAD_BYTES : 0;
	bpf->rodata->settings.ring_watermark = config->ring_bytes / 4;
	bpf->rodata->settings.walks = config->walks_per_second * (WALK_WINDOW_NS / 1000000) / 1000;
	bpf->rodata->settings.walk_share = config->walk_share;
	bpf->rodata->settings.wakers = config->wakers;
	bpf->rodata->settings.tick_us = tick_us();
	if (config->sends && probe_has_socket_hooks())
		bpf->rodata->settings.sends = tracepoints_preemptible() ? SENDS_APART : SENDS_IN_PLACE;
	bpf->rodata->settings.min_block_ns = config->min_block_ns;
	bpf->rodata->settings.switch_tells_state = config->waits && switch_tells_state();
	return size_maps(bpf, config);
}

static void *map_table(struct bpf_map *map, size_t value_bytes, size_t *bytes)
{
	long page = sysconf(_SC_PAGESIZE);
	void *table;

	*bytes = (bpf_map__max_entries(map) * value_bytes + page - 1) / page * page;
	table = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return table == MAP_FAILED ? NULL : table;
}

static int record_arrived(void *context, void *data, size_t size)
{
	struct probe *probe = context;
	const struct record *record = data;

	if (size < sizeof(*record) || record->size > size || record->size < sizeof(*record))
		probe->bad++;
	else
		probe->take(probe->context, record);
	return clock_now_ns() < probe->until_ns ? 0 : -ETIME; /* ends ring_buffer__consume: this record is taken */
}

static int load_failed(int code, struct connprof_error *error)
{
	if (!has_btf())
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "cannot load into the kernel: it has no readable BTF at /sys/kernel/btf/vmlinux "
				 "(a kernel built with CONFIG_DEBUG_INFO_BTF is needed: see connprof doctor)");
	if (code == -EPERM || code == -EACCES)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "cannot load into the kernel: %s (run as root, or: setcap "
				 "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep connprof)", strerror(-code));
	return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
			 "cannot load into the kernel: %s (-v says which program; see connprof doctor)", strerror(-code));
}

static int load(struct probe *probe, const struct probe_config *config, struct connprof_error *error)
{
	int code;

	errno = 0;
	probe->bpf = connprof_bpf__open();
	if (!probe->bpf)
		return load_failed(errno ? -errno : -ENOMEM, error);
	code = configure(probe->bpf, config);
	if (!code)
		code = connprof_bpf__load(probe->bpf);
	if (code)
		return load_failed(code, error);
	probe->rows = map_table(probe->bpf->maps.rows, sizeof(struct unwind_row), &probe->rows_bytes);
	probe->mappings = map_table(probe->bpf->maps.mappings, sizeof(struct mapping_row), &probe->mappings_bytes);
	probe->ring = ring_buffer__new(bpf_map__fd(probe->bpf->maps.ring), record_arrived, probe, NULL);
	if (!probe->rows || !probe->mappings || !probe->ring)
		return load_failed(errno ? -errno : -ENOMEM, error);
	return 0;
}

int probe_new(const struct probe_config *config, struct probe **out, struct connprof_error *error)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int code;

	if (!probe)
		return error_memory(error);
	libbpf_set_print(bpf_say);
	probe->connections = config->connections;
	probe->logs = config->logs;
	code = load(probe, config, error);
	if (code) {
		probe_free(probe);
		return code;
	}
	*out = probe;
	return 0;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	probe_calls_done(probe);
	bpf_link__destroy(probe->iterator);
	bpf_link__destroy(probe->waiting);
	ring_buffer__free(probe->ring);
	if (probe->rows)
		munmap(probe->rows, probe->rows_bytes);
	if (probe->mappings)
		munmap(probe->mappings, probe->mappings_bytes);
	connprof_bpf__destroy(probe->bpf);
	free(probe);
}

int probe_attach(struct probe *probe, struct connprof_error *error)
{
	struct connprof_bpf *bpf = probe->bpf;
	int code = connprof_bpf__attach(bpf);

	if (!code && bpf_program__autoload(bpf->progs.state_changed_within)) { /* it is to run after all others: libbpf has its own order */
		bpf->links.state_changed_within = bpf_program__attach(bpf->progs.state_changed_within);
		code = bpf->links.state_changed_within ? 0 : -errno;
	}
	if (code)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "cannot attach to the kernel's tracepoints: %s (%s)", strerror(-code),
				 code == -ENOENT && tracepoints_preemptible()
					 ? "this kernel needs tracefs: mount -t tracefs tracefs /sys/kernel/tracing"
					 : "see connprof doctor");
	return probe->logs ? probe_attach_logs(probe, error) : 0;
}

static struct bpf_program *program_of(const struct connprof_bpf *bpf, enum probe_function which)
{
	struct bpf_program *const programs[PROBE_FUNCTION_COUNT] = {
		[PROBE_TLS_READ] = bpf->progs.tls_read_begins, [PROBE_TLS_READ_EX] = bpf->progs.tls_read_ex_begins,
		[PROBE_TLS_WRITE] = bpf->progs.tls_write_begins, [PROBE_TLS_WRITE_EX] = bpf->progs.tls_write_ex_begins,
		[PROBE_TLS_WRITE_EX2] = bpf->progs.tls_write_ex2_begins, [PROBE_TLS_HANDSHAKE] = bpf->progs.tls_handshake_begins,
		[PROBE_TLS_FREE] = bpf->progs.tls_freed, [PROBE_TLS_RETURN] = bpf->progs.tls_returns,
	};

	return programs[which];
}

int probe_link(struct probe *probe, enum probe_function which, pid_t pid, int fd, uint64_t offset, struct probe_link **out)
{
	struct bpf_link *link;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link = bpf_program__attach_uprobe(program_of(probe->bpf, which), false, pid, path, offset);
	if (!link)
		return errno ? -errno : -ENOMEM;
	probe->bpf->bss->tls_read = 1;
	*out = (struct probe_link *)link;
	return 0;
}

void probe_unlink(struct probe_link *link)
{
	bpf_link__destroy((struct bpf_link *)link);
}

void probe_activate(struct probe *probe)
{
	probe->bpf->bss->active = 1;
}

bool probe_hasten(struct probe *probe, bool yes)
{
	bool changes = probe->bpf->bss->hasten != yes;

	probe->bpf->bss->hasten = yes;
	return changes;
}

void probe_deactivate(struct probe *probe)
{
	probe->bpf->bss->active = 0;
}

struct unwind_row *probe_rows(struct probe *probe)
{
	return probe->rows;
}

struct mapping_row *probe_mappings(struct probe *probe)
{
	return probe->mappings;
}

int probe_target_set(struct probe *probe, pid_t pid, const struct target *target, bool fresh)
{
	uint32_t key = pid;

	probe->bpf->bss->followed[key % sizeof(probe->bpf->bss->followed)] = 1; /* first: what is in the table must be found */
	return bpf_map__update_elem(probe->bpf->maps.targets, &key, sizeof(key), target, sizeof(*target),
				    fresh ? BPF_ANY : BPF_EXIST);
}

void probe_target_remove(struct probe *probe, pid_t pid)
{
	uint32_t key = pid;

	bpf_map__delete_elem(probe->bpf->maps.targets, &key, sizeof(key), 0);
}

int probe_sample_program(const struct probe *probe)
{
	return bpf_program__fd(probe->bpf->progs.sample);
}

int probe_fd(const struct probe *probe)
{
	return ring_buffer__epoll_fd(probe->ring);
}

bool probe_consume(struct probe *probe, uint64_t limit_ns, void (*take)(void *context, const struct record *record),
		   void *context, uint64_t *bad)
{
	int code;

	probe->take = take;
	probe->context = context;
	probe->bad = 0;
	probe->until_ns = clock_now_ns() + limit_ns;
	code = ring_buffer__consume(probe->ring);
	*bad = probe->bad;
	return code == -ETIME;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor.c - what this host, kernel and user permit, found out by doing it: one function a finding. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "connprof.h"
#include "process/process.h"
#include "report/report.h"
#include "source/probe.h"
#include "source/sampler.h"
#include "symbol/symbol.h"

static void kernel(struct connprof_finding *finding)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	snprintf(finding->detail, sizeof(finding->detail), "Linux %.100s on %.50s", name.release, name.machine);
	finding->works = sscanf(name.release, "%d.%d", &major, &minor) == 2 && (major > 5 || (major == 5 && minor >= 10)) &&
			 !strcmp(name.machine, "x86_64");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy), "use Linux 5.10 or later on x86-64");
}

static void btf(struct connprof_finding *finding)
{
	finding->works = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	snprintf(finding->detail, sizeof(finding->detail), "/sys/kernel/btf/vmlinux: %s",
		 finding->works ? "there" : strerror(errno));
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "use a kernel built with CONFIG_DEBUG_INFO_BTF (the distributions' own are), or mount /sys");
}

static void process_ids(struct connprof_finding *finding)
{
	finding->works = process_ids_are_the_kernels();
	snprintf(finding->detail, sizeof(finding->detail), "%s", finding->works ? "connprof sees the process ids that the kernel uses"
		 : "connprof runs in a container with process ids of its own");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy), "run it on the host, or in a container started with --pid=host");
}

/* Loads what a command would load. */
static void try_probe(struct connprof_finding *finding, const struct probe_config *config, bool attach)
{
	struct connprof_error error = {0};
	struct probe *probe = NULL;
	int code = probe_new(config, &probe, &error);

	if (!code && attach)
		code = probe_attach(probe, &error);
	finding->works = code == 0;
	snprintf(finding->detail, sizeof(finding->detail), "%.190s", code ? error.text : "programs load and attach");
	if (code)
		snprintf(finding->remedy, sizeof(finding->remedy), "run as root, or give the command cap_bpf, cap_perfmon and "
			 "cap_sys_ptrace; -v shows what the kernel said");
	probe_free(probe);
}

static void connections(struct connprof_finding *finding)
{
	struct probe_config config = {.connections = true, .children = true, .rows = 1, .mappings = 1, .ring_bytes = 65536};

	try_probe(finding, &config, true);
}

static void threads(struct connprof_finding *finding)
{
	struct probe_config config = {.threads = true, .rows = 1, .mappings = 1, .ring_bytes = 65536};
	struct connprof_error error = {0};
	struct probe *probe = NULL;
	int code = probe_new(&config, &probe, &error);

	finding->works = code == 0;
	snprintf(finding->detail, sizeof(finding->detail), "%.190s", code ? error.text : "the thread iterator loads");
	if (code)
		snprintf(finding->remedy, sizeof(finding->remedy), "dump needs BPF iterators (Linux 5.8)");
	probe_free(probe);
}

static void profiling(struct connprof_finding *finding)
{
	struct probe_config config = {.samples = true, .rows = 1, .mappings = 1, .ring_bytes = 65536};
	struct connprof_error error = {0};
	struct probe *probe = NULL;
	struct sampler *sampler = NULL;
	int code = probe_new(&config, &probe, &error);

	if (!code)
		code = sampler_new(probe, 99, &sampler, &error);
	finding->works = code == 0;
	snprintf(finding->detail, sizeof(finding->detail), "%.190s",
		 code ? error.text : "a clock with the sampler on it runs");
	if (code)
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "run as root, or give the command cap_bpf and cap_perfmon (kernel.perf_event_paranoid may forbid the rest)");
	sampler_free(sampler);
	probe_free(probe);
}

static void payload(struct connprof_finding *finding)
{
	finding->works = probe_has_socket_hooks();
	snprintf(finding->detail, sizeof(finding->detail), "%s", finding->works
		 ? "socket hooks are there: no cost on other system calls"
		 : "no socket hooks (Linux 6.3): while connections are traced, every system call of this host costs a little more");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy), "Linux 6.3 or later makes tracing cheaper");
}

/* The first byte of a setting; 0: it cannot be read. */
static char setting(const char *path)
{
	FILE *file = fopen(path, "re");
	int byte = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return byte == EOF ? 0 : (char)byte;
}

static void programs(struct connprof_finding *finding)
{
	bool interpreted = setting("/proc/sys/net/core/bpf_jit_enable") == '0';
	bool counted = setting("/proc/sys/kernel/bpf_stats_enabled") == '1';

	finding->works = !interpreted && !counted;
	snprintf(finding->detail, sizeof(finding->detail), "%s", interpreted ? "the kernel interprets BPF programs: they cost many times as much"
		 : counted ? "the kernel keeps accounts of BPF programs: each run of one costs about as much again"
		 : "the kernel compiles BPF programs, and keeps no accounts of them");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy), "sysctl %s", interpreted ? "net.core.bpf_jit_enable=1" : "kernel.bpf_stats_enabled=0");
}

static void tls(struct connprof_finding *finding)
{
	finding->works = !access("/sys/bus/event_source/devices/uprobe/type", R_OK);
	snprintf(finding->detail, sizeof(finding->detail), "%s", finding->works
		 ? "uprobes are there: what is said through OpenSSL can be read"
		 : "no uprobes: what is said inside TLS cannot be read");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "a kernel with CONFIG_UPROBE_EVENTS; or name Redis peers with --redis");
}

static void kernel_names(struct connprof_finding *finding)
{
	struct kallsyms *names = NULL;

	finding->works = kallsyms_load(&names) == 0;
	snprintf(finding->detail, sizeof(finding->detail), "/proc/kallsyms %s", finding->works ? "readable" : "hides addresses");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy), "sysctl kernel.kptr_restrict=0, or run as root (only --kernel needs it)");
	kallsyms_free(names);
}

static void flamegraph(struct connprof_finding *finding)
{
	char path[4096];

	finding->works = svg_script_find(path, NULL) == 0;
	snprintf(finding->detail, sizeof(finding->detail), "flamegraph.pl: %.160s", finding->works ? path : "not found");
	if (!finding->works)
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "apt install libdevel-nytprof-perl, or set FLAMEGRAPH_DIR (only -f svg needs it)");
}

static const struct {
	const char *name;
	bool needed;
	void (*look)(struct connprof_finding *finding);
} checks[] = {
	{"kernel", true, kernel},
	{"BTF", true, btf},
	{"process ids", true, process_ids},
	{"profiling", true, profiling},
	{"connections", true, connections},
	{"threads (dump)", false, threads},
	{"payload", false, payload},
	{"programs", false, programs},
	{"TLS", false, tls},
	{"kernel names", false, kernel_names},
	{"flame graphs", false, flamegraph},
};

int connprof_doctor(struct connprof_finding *findings, size_t count)
{
	size_t filled = 0;

	for (; filled < count && filled < sizeof(checks) / sizeof(checks[0]); filled++) {
		memset(&findings[filled], 0, sizeof(findings[filled]));
		snprintf(findings[filled].name, sizeof(findings[filled].name), "%s", checks[filled].name);
		findings[filled].needed = checks[filled].needed;
		checks[filled].look(&findings[filled]);
	}
	return filled;
}

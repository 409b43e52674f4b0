/* SPDX-License-Identifier: BSD-2-Clause */
/* sampler.c - per-CPU perf events with the sample program on them. */
#include "source/sampler.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "source/probe.h"

struct sampler {
	int *clocks; /* descriptors */
	size_t count;
};

static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max; /* one descriptor per CPU, one per object */
	setrlimit(RLIMIT_NOFILE, &files);
}

static int open_clock(int cpu, unsigned rate_hz, int program)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000ull / rate_hz,
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC), code;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fd;
	code = -errno;
	close(fd);
	return code;
}

static int refused(int code, struct connprof_error *error)
{
	if (code == -EMFILE || code == -ENFILE)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "cannot sample: too many open files (one a CPU is needed; raise the limit: ulimit -n)");
	return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
			 "cannot sample: perf_event_open: %s (run as root, or give the command cap_perfmon; see connprof doctor)",
			 strerror(-code));
}

int sampler_new(struct probe *probe, unsigned rate_hz, struct sampler **out, struct connprof_error *error)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	int code = 0;

	if (sampler && cpus > 0)
		sampler->clocks = calloc(cpus, sizeof(*sampler->clocks));
	if (!sampler || !sampler->clocks) {
		sampler_free(sampler);
		return error_memory(error);
	}
	raise_file_limit();
	for (long cpu = 0; cpu < cpus; cpu++) {
		int fd = open_clock(cpu, rate_hz, probe_sample_program(probe));

		if (fd >= 0)
			sampler->clocks[sampler->count++] = fd;
		else if (fd != -ENODEV) /* the CPU is offline */
			code = fd;
	}
	if (!code && !sampler->count)
		code = -ENODEV;
	if (code) {
		sampler_free(sampler);
		return refused(code, error);
	}
	*out = sampler;
	return 0;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	for (size_t i = 0; i < sampler->count; i++)
		close(sampler->clocks[i]);
	free(sampler->clocks);
	free(sampler);
}

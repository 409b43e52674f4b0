/* SPDX-License-Identifier: BSD-2-Clause */
/* probe_read.c - what the kernel side tells when it is asked: its counters, and the threads of the followed processes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "source/probe_parts.h"

#define THREADS_MAX (1u << 18)

/* Sums a per-CPU array of counters. */
static void sum_per_cpu(struct bpf_map *map, uint64_t *sums, uint32_t count)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = cpus > 0 ? calloc(cpus, sizeof(*values)) : NULL;

	memset(sums, 0, count * sizeof(*sums));
	for (uint32_t key = 0; values && key < count; key++) {
		if (bpf_map__lookup_elem(map, &key, sizeof(key), values, cpus * sizeof(*values), 0))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			sums[key] += values[cpu];
	}
	free(values);
}

void probe_counters(struct probe *probe, uint64_t drops[DROP_COUNT], uint64_t tallies[TALLY_COUNT])
{
	sum_per_cpu(probe->bpf->maps.drops, drops, DROP_COUNT);
	sum_per_cpu(probe->bpf->maps.tallies, tallies, TALLY_COUNT);
}

static uint64_t missed_by(const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(program);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) ? info.recursion_misses : 0;
}

uint64_t probe_missed_runs(struct probe *probe)
{
	struct connprof_bpf *bpf = probe->bpf;
	uint64_t missed = 0;
	struct bpf_program *program;

	/* What one of the programs on changes of state misses the other tells, and what both miss is counted there (bpf/conn.bpf.c).
	 * data_ready misses what softirqs bring in its middle, and that is never a connect(). */
	bpf_object__for_each_program(program, bpf->obj)
		if (program != bpf->progs.state_changed && program != bpf->progs.state_changed_within &&
		    program != bpf->progs.state_changed_whole && (program != bpf->progs.data_ready || tracepoints_preemptible()))
			missed += missed_by(program);
	return missed;
}

/* Everything an iterator says: records of one size. */
static int read_records(int fd, size_t size, void **out)
{
	char *records = NULL;
	size_t capacity = 0, bytes = 0;
	ssize_t got;

	for (;;) {
		int code = array_reserve(&records, &capacity, bytes + 64 * size, 1, THREADS_MAX * size);

		if (code) {
			free(records);
			return code;
		}
		got = read(fd, records + bytes, capacity - bytes);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		bytes += got;
	}
	if (got < 0) {
		free(records);
		return -errno;
	}
	*out = records;
	return bytes / size;
}

/* Runs an iterator, attached at its first use. */
static int iterate(struct bpf_program *program, struct bpf_link **link, size_t size, void **out)
{
	int fd, count;

	if (!*link)
		*link = bpf_program__attach_iter(program, NULL);
	if (!*link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(*link));
	if (fd < 0)
		return -errno;
	count = read_records(fd, size, out);
	close(fd);
	return count;
}

int probe_threads(struct probe *probe, struct thread_record **out)
{
	void *records = NULL;
	int count = iterate(probe->bpf->progs.threads, &probe->iterator, sizeof(**out), &records);

	if (count >= 0)
		*out = records;
	return count;
}

int probe_waiting(struct probe *probe, struct wait_thread **out)
{
	void *records = NULL;
	int count = iterate(probe->bpf->progs.threads_off, &probe->waiting, sizeof(**out), &records);

	if (count >= 0)
		*out = records;
	return count;
}

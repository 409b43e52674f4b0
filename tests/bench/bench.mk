# SPDX-License-Identifier: BSD-2-Clause
# Measures, and writes what was measured into docs/overhead.md. BENCH_PAIRS=N: more interleaved pairs than the default 5.

$(B)/tests/bench/tables: tests/bench/tables.c $(B)/libconnprof.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $< $(B)/libconnprof.a $(LDLIBS)

bench: build workloads $(B)/tests/bench/tables $(B)/venv/.ready ## measure the overhead (root, about 10 minutes) into docs/overhead.md
	$(Q)CONNPROF_BUILD=$(abspath $(B)) $(B)/venv/bin/python tests/bench/bench.py $(BENCH)

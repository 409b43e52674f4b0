# SPDX-License-Identifier: BSD-2-Clause
# Connections counted to the unit where there are many: against tcpdump, ss, Redis and the programs' own counts. CASES='NAME…' runs a part.

.PHONY: check-counting
check-counting: build workloads ## connections counted to the unit, 20,000 a second and 100,000 at once (root, about a minute)
	$(Q)CONNPROF_BUILD=$(abspath $(B)) python3 tests/counting/counting.py $(CASES)

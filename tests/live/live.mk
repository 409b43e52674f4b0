# SPDX-License-Identifier: BSD-2-Clause
# Live tests: the built command against real processes, real BPF, real services. LIVE='failures:*' runs a part.

check-live: build workloads $(B)/venv/.ready ## live tests (root): the command on real processes
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/live/run $(LIVE)

# SPDX-License-Identifier: BSD-2-Clause
# Live tests: the built command against real processes, real BPF, real services. LIVE='failures:*' runs a part.

check-live: build workloads $(B)/venv/.live ## live tests (root): the command on real processes
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/live/run $(LIVE)

# Beside the services' own parts, in the same place.
$(B)/venv/.live: tests/live/requirements.txt $(B)/venv/.ready
	$(Q)$(B)/venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(Q)touch $@

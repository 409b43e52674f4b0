# SPDX-License-Identifier: BSD-2-Clause
# Live tests: the built command against real processes, real BPF, real services. LIVE='failures:*' runs a part.

check-live: build workloads $(B)/venv/.live $(B)/venv/.old ## live tests (root): the command on real processes
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/live/run $(LIVE)

# Beside the services' own parts, in the same place.
$(B)/venv/.live: tests/live/requirements.txt $(B)/venv/.ready
	$(Q)$(B)/venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(Q)touch $@

# In a folder of its own: what CPython 3.6 and 3.7 can import.
$(B)/venv/.old: tests/live/requirements-old.txt $(B)/venv/.ready
	$(Q)$(B)/venv/bin/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(B)/venv/old -r $<
	$(Q)touch $@

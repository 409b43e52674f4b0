# SPDX-License-Identifier: BSD-2-Clause
# Proof that the stacks are right: measured, and written into docs/accuracy.md. ACCURACY='oracle complete' measures a part.

ACCURACY_PACKAGES := linux-perf redis-tools openssl

.PHONY: accuracy accuracy-deps
accuracy-deps: deps
	$(Q)tests/deps.sh $(CHECK_PACKAGES) $(ACCURACY_PACKAGES)

# In a sub-make: what accuracy-deps has just installed is only then found.
accuracy: accuracy-deps ## how right the stacks are (root, about 15 minutes) into docs/accuracy.md
	+$(Q)$(MAKE) --no-print-directory build workloads $(VENV)/.ready $(B)/accuracy/.ready
	$(Q)CONNPROF_BUILD=$(abspath $(B)) python3 tests/accuracy/accuracy.py $(ACCURACY)

$(B)/accuracy/.ready: tests/accuracy/requirements.txt
	$(Q)$(PYTHON) -m venv $(B)/accuracy
	$(Q)$(B)/accuracy/bin/pip install --quiet --disable-pip-version-check -r $<
	$(Q)touch $@

# SPDX-License-Identifier: BSD-2-Clause
# The story with the real parts: a leaky and a fixed service under load, connprof beside them.

PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
VENV   := $(B)/venv

# Python parts of the services; `make deps` calls this.
$(VENV)/.ready: tests/services/requirements.txt
	$(Q)$(PYTHON) -m venv $(VENV)
	$(Q)$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	$(Q)touch $@

# In a sub-make: what `deps` has just installed (clang, bpftool, the venv) is only then found.
demo: deps ## the story, before and after: leaky and fixed service, load, profile, verdict
	+$(Q)$(MAKE) --no-print-directory build $(VENV)/.ready
	$(Q)PYTHONPATH=tests/services $(VENV)/bin/python -m demo --connprof $(B)/connprof --output $(B)/demo

# The demo's own judgement, on made-up results: that it can fail.
.PHONY: unit-demo
unit-demo: $(VENV)/.ready
	$(Q)PYTHONPATH=tests/services $(VENV)/bin/python -m unittest -q demo.test_demo

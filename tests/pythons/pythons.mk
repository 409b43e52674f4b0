# SPDX-License-Identifier: BSD-2-Clause
# CPythons newer than the distribution's, in a root file system of their own: with another libc, and stripped. The tests look for them
# in CONNPROF_PYTHONS (default: pythons/ in the build folder).

.PHONY: pythons
pythons: ## CPython 3.14 and 3.15 for the tests, from Debian unstable into build/pythons (root, 350 MB)
	$(Q)tests/pythons/fetch.sh $(or $(CONNPROF_PYTHONS),$(B)/pythons)/sid 3.14 3.15

# SPDX-License-Identifier: BSD-2-Clause
# CPythons newer than the distribution's, in a root file system of their own: with another libc, and stripped.

PYTHONS ?= build/pythons

pythons: ## CPython 3.14 and 3.15 for the tests, from Debian unstable into build/pythons (root, 350 MB)
	$(Q)tests/pythons/fetch.sh $(PYTHONS)/sid 3.14 3.15

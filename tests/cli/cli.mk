# SPDX-License-Identifier: BSD-2-Clause
# The command line itself: options, exit statuses, messages. Needs neither root nor a kernel feature.

.PHONY: cli
cli: build ## tests of the command line (no root needed)
	$(Q)tests/cli/test_cli.sh $(B)/connprof

# SPDX-License-Identifier: BSD-2-Clause
#
# Event streams recorded from real services (`connprof check --events`), and the verdict each must get: no root, no network.
# After a change that is meant: make golden-accept, and read the difference before it is committed.

GOLDEN := $(wildcard tests/golden/*.events.jsonl)

.PHONY: golden golden-accept
golden: $(B)/connprof ## recorded event streams give the verdicts beside them
	$(Q)B=$(B) sh tests/golden/golden.sh $(GOLDEN)

golden-accept: $(B)/connprof
	$(Q)B=$(B) ACCEPT=1 sh tests/golden/golden.sh $(GOLDEN)

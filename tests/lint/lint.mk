# SPDX-License-Identifier: BSD-2-Clause

lint: $(B)/libconnprof.a ## who may include whom, sizes, forbidden words, headers alone, scripts
	$(Q)python3 tests/lint/lint.py $(B)

# SPDX-License-Identifier: BSD-2-Clause
# Other kernels than this machine's: Debian's own, booted by QEMU. KERNELS='bullseye bookworm' boots a part of them,
# KERNEL_CASES='native:*' runs other live cases there.

KERNELS ?= bullseye bookworm trixie forky
KERNEL_PACKAGES := qemu-system-x86 busybox-static cpio redis-server

.PHONY: kernels-deps
kernels-deps: deps
	$(Q)tests/deps.sh $(KERNEL_PACKAGES)

# In a sub-make: what kernels-deps has just installed is only then found.
check-kernels: kernels-deps ## live cases on Debian's kernels 5.10 to the newest, in QEMU (about 15 minutes)
	+$(Q)$(MAKE) --no-print-directory build workloads $(B)/venv/.live
	$(Q)tests/kernels/run $(abspath $(B)) $(KERNELS)

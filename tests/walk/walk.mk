# SPDX-License-Identifier: BSD-2-Clause
# The kernel walker's own C, compiled for user space, on made-up memory.

WALK_WALKER := $(patsubst bpf/%.bpf.c,$(B)/tests/walk/%.bpf.user.o,bpf/walk.bpf.c bpf/native.bpf.c bpf/cpython.bpf.c)
WALK_PARTS := $(B)/tests/walk/image.o $(B)/tests/walk/fixture.o $(B)/tests/walk/replay.o $(WALK_WALKER)
WALK_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/walk/test_*.c))

$(B)/tests/walk/%.bpf.user.o: bpf/%.bpf.c bpf/state.h bpf/events.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(B)/tests/walk/image.o $(B)/tests/walk/fixture.o $(B)/tests/walk/replay.o: tests/walk/image.h tests/walk/fixture.h bpf/state.h bpf/events.h

$(WALK_TESTS): $(B)/tests/walk/%: tests/walk/%.c tests/walk/image.h tests/walk/interpreter.h bpf/state.h bpf/events.h $(WALK_PARTS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/walk $(ALL_CFLAGS) -o $@ $< $(WALK_PARTS) -lcmocka

# A walk of a live thread as text, for tests/walk/images (root): tests/walk/recapture.py makes those that are there.
CAPTURE_PARTS := $(B)/tests/walk/fixture.o $(WALK_WALKER) $(B)/libconnprof.a
$(B)/tests/walk/capture: tests/walk/capture.c tests/walk/fixture.h $(CAPTURE_PARTS)
	$(Q)$(CC) $(CPPFLAGS) -Itests/walk $(ALL_CFLAGS) -o $@ $< $(CAPTURE_PARTS) $(LDLIBS)

.PHONY: walk
walk: $(WALK_TESTS) ## the kernel walker on memory images, in user space
	$(Q)set -e; for t in $(WALK_TESTS); do echo "== $$t"; $$t; done

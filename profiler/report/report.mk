# SPDX-License-Identifier: BSD-2-Clause
# report.mk - pprof's messages: compiled from pprof.proto by protobuf-c, into the library.
ifndef REPORT_MK
REPORT_MK := 1

PPROF_GENERATED := $(B)/profiler/report/pprof.pb-c

$(PPROF_GENERATED).c $(PPROF_GENERATED).h &: profiler/report/pprof.proto
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=. --c_out=$(B) $<

# Generated text: our warnings are not its own.
$(PPROF_GENERATED).o: $(PPROF_GENERATED).c
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -w -c -o $@ $<

$(B)/profiler/report/pprof.o $(B)/profiler/report/pprof_read.o: $(PPROF_GENERATED).h
$(B)/libconnprof.a: $(PPROF_GENERATED).o

endif

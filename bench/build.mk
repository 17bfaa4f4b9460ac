# What `make bench` needs besides weft: the programs it is measured against,
# all under $(BUILD)/bench. Read by the Makefile, after its own rules.
# A workload is a folder here; its Go program is built where Go is installed.

BENCH_DIR := $(BUILD)/bench
BENCH_WORKLOADS := $(patsubst bench/%/,%,$(wildcard bench/*/))
BENCH_PROGRAMS := $(BENCH_DIR)/reference $(BENCH_DIR)/stackful \
  $(BENCH_WORKLOADS:%=$(BENCH_DIR)/%_go)

bench: $(BENCH_PROGRAMS)

-include $(patsubst %,$(BUILD)/obj/bench/%.c.d,reference stackful)
$(BUILD)/obj/bench/reference.c.o: MORE = $(call pkg_cflags,luajit)

$(BENCH_DIR)/reference: $(BUILD)/obj/bench/reference.c.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(call pkg_libs,luajit)

$(BENCH_DIR)/stackful: $(BUILD)/obj/bench/stackful.c.o | $(LIBWEFT)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) -L$(BUILD) -lweft $(call runpath,/..)

# Peers need not be there; bench/run tells which are.
define bench_go
$(BENCH_DIR)/$(1)_go: bench/$(1)/$(1).go | deps
	$$(call say,GO,$$@)
	@mkdir -p $$(@D)
	$$(Q)if command -v go >/dev/null; then go build -o $$@ $$<; fi
endef
$(foreach workload,$(BENCH_WORKLOADS),$(eval $(call bench_go,$(workload))))

# What `make bench` needs besides weft: the programs it is measured against,
# all under $(BUILD)/bench. Read by the Makefile, after its own rules.
# A workload is a folder here; its Go program is built where Go is installed.

BENCH_DIR := $(BUILD)/bench
BENCH_WORKLOADS := $(patsubst bench/%/,%,$(wildcard bench/*/))
# bench/echo/client.c is echo_client.
BENCH_C := $(subst /,_,$(patsubst bench/%.c,%,$(wildcard bench/*/*.c)))
BENCH_PROGRAMS := $(BENCH_DIR)/reference $(BENCH_DIR)/stackful \
  $(BENCH_WORKLOADS:%=$(BENCH_DIR)/%_go) $(BENCH_C:%=$(BENCH_DIR)/%)

bench: $(BENCH_PROGRAMS)

-include $(patsubst %,$(BUILD)/obj/bench/%.c.d,reference stackful)
-include $(patsubst bench/%,$(BUILD)/obj/bench/%.d,$(wildcard bench/*/*.c))
$(BUILD)/obj/bench/reference.c.o: MORE = $(call pkg_cflags,luajit)

$(BENCH_DIR)/reference: $(BUILD)/obj/bench/reference.c.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(call pkg_libs,luajit)

$(BENCH_DIR)/stackful: $(BUILD)/obj/bench/stackful.c.o | $(LIBWEFT)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) -L$(BUILD) -lweft $(call runpath,/..)

define bench_c
$(BENCH_DIR)/$(subst /,_,$(1)): $(BUILD)/obj/bench/$(1).c.o | $(LIBWEFT)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -o $$@ $$^ $$(ALL_LDFLAGS) -Wl,--as-needed -L$(BUILD) -lweft \
	  $$(call pkg_libs,libuv) $$(call runpath,/..)
endef
$(foreach name,$(patsubst bench/%.c,%,$(wildcard bench/*/*.c)), \
  $(eval $(call bench_c,$(name))))

# Peers need not be there; bench/run tells which are.
define bench_go
$(BENCH_DIR)/$(1)_go: bench/$(1)/$(1).go | deps
	$$(call say,GO,$$@)
	@mkdir -p $$(@D)
	$$(Q)if command -v go >/dev/null; then go build -o $$@ $$<; fi
endef
$(foreach workload,$(BENCH_WORKLOADS),$(eval $(call bench_go,$(workload))))

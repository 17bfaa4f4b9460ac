# What `make bench` needs besides weft: the programs it is measured against,
# all under $(BUILD)/bench. Read by the Makefile, after its own rules.
# A workload is a folder here with a cases.lua. What is written in a language
# that is compiled is built where its compiler is.

BENCH_DIR := $(BUILD)/bench
# bench/echo/client.c is echo_client.
BENCH_C := $(subst /,_,$(patsubst bench/%.c,%,$(wildcard bench/*/*.c)))
BENCH_GO := $(wildcard bench/*/*.go)
BENCH_RUST := $(wildcard bench/*/*.rs)
BENCH_ERLANG := $(wildcard bench/*/*.erl)
BENCH_PROGRAMS := $(BENCH_DIR)/reference $(BENCH_DIR)/stackful \
  $(BENCH_C:%=$(BENCH_DIR)/%) $(BENCH_DIR)/tokio/built \
  $(BENCH_DIR)/erlang/built \
  $(foreach path,$(BENCH_GO),$(BENCH_DIR)/$(notdir $(path:.go=_go)))

bench: $(BENCH_PROGRAMS)

-include $(patsubst %,$(BUILD)/obj/bench/%.c.d,reference stackful)
-include $(patsubst bench/%,$(BUILD)/obj/bench/%.d,$(wildcard bench/*/*.c))
$(BUILD)/obj/bench/reference.c.o: MORE = $(call pkg_cflags,luajit)
$(BUILD)/obj/bench/http/libcurl.c.o: MORE = $(call pkg_cflags,libcurl)

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
	  $$(call pkg_libs,libuv) $(2) $$(call runpath,/..)
endef
$(foreach name,$(patsubst bench/%.c,%,$(wildcard bench/*/*.c)), \
  $(eval $(call bench_c,$(name),$(if $(filter http/libcurl,$(name)), \
    $$(call pkg_libs,libcurl)))))

# Peers need not be there; bench/run tells which are.
define bench_go
$(BENCH_DIR)/$(notdir $(1:.go=_go)): $(1) | deps
	$$(call say,GO,$$@)
	@mkdir -p $$(@D)
	$$(Q)if command -v go >/dev/null; then go build -o $$@ $$<; fi
endef
$(foreach path,$(BENCH_GO),$(eval $(call bench_go,$(path))))

$(BENCH_DIR)/tokio/built: $(BENCH_RUST) bench/peers/build-tokio | deps
	$(call say,CARGO,$@)
	$(Q)bench/peers/build-tokio $(BENCH_DIR)
	@touch $@

$(BENCH_DIR)/erlang/built: $(BENCH_ERLANG) | deps
	$(call say,ERLC,$@)
	@mkdir -p $(@D)
	$(Q)if command -v erlc >/dev/null; then \
	  erlc -Werror -o $(@D) $(BENCH_ERLANG); fi
	@touch $@

# weft: every verb of the project. `make help` lists them.
#
#   make DEBUG=1        an unoptimised build, in build-debug
#   make SAN=address    with ASan and UBSan, in build-asan
#   make SAN=thread CC=clang             with TSan, in build-tsan
#   make V=1            shows the commands
#
# CC, CFLAGS, LDFLAGS, PREFIX and DESTDIR are the user's. Files are found by
# wildcard: a new core/x.c, core/test/test_x.c, core/ext/<name>/ or
# bindings/luajit/x.c needs no line here. What a verb does in more than a line
# is in .ci/<verb>.
#
# A binding adds itself by bindings/<language>/build.mk, read at the very end
# (so is bench/build.mk). There it defines its own targets, with all it makes
# under $(BUILD)/<language> and after `| deps`, and may add to these lists:
#   TEST_TARGETS    phony targets that `make test` runs; the last line of each
#                   one's output is "<name>: N passed, N failed"
#   CHECK_TARGETS   phony targets that `make check` runs; silent but for one
#                   line when all is well
#   INSTALL_TARGETS, UNINSTALL_TARGETS    what `make install` runs besides
#   DEPS_test, DEPS_check   Debian packages needed for these verbs

ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/^.define VERSION "\(.*\)"/\1/p' core/status.c)
SUFFIX_address := -asan
SUFFIX_thread := -tsan
BUILD ?= build$(if $(SAN),$(SUFFIX_$(SAN)),$(if $(DEBUG),-debug))
MAKEFLAGS += -r --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS))$(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$(2)")

# -- Flags -------------------------------------------------------------------
# pkg-config is asked at the first use, in a recipe, for it may be installed by
# then only. uv.h asks for more of the system than -std=c11 shows; a file that
# needs still more defines _GNU_SOURCE at its top.

once = $(if $($(1)),,$(eval $(1) := -pthread $$(shell $(2))))$($(1))
pkg_cflags = $(call once,CFLAGS_OF_$(1),pkg-config --cflags $(1))
pkg_libs = $(call once,LIBS_OF_$(1),pkg-config --libs $(1))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Werror
OPT := $(if $(DEBUG)$(SAN),-g3,-O2 -g)
SAN_FLAGS_address := -fsanitize=address,undefined -fno-sanitize-recover=all
SAN_FLAGS_thread := -fsanitize=thread
SAN_FLAGS := $(if $(SAN),$(SAN_FLAGS_$(SAN)) -fno-omit-frame-pointer -O1)
ALL_CFLAGS = -std=c11 -D_DEFAULT_SOURCE= $(WARN) $(OPT) $(SAN_FLAGS) -fPIC \
  -fvisibility=hidden -fno-plt -fno-semantic-interposition -Icore \
  $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(SAN_FLAGS) -Wl,-z,now -Wl,-z,relro $(LDFLAGS)
SHARED = -shared -Wl,-Bsymbolic-functions $(if $(SAN),,-Wl,-z,defs) \
  -Wl,--version-script=core/weft.map
NDEBUG := $(if $(DEBUG)$(SAN),,-DNDEBUG)
comma := ,
runpath = $(1:%='-Wl$(comma)-rpath$(comma)$$ORIGIN%')

# The allocator that the weft program is linked with (main_memory.c); empty: the
# C library's and LuaJIT's own, as where sanitizers and valgrind look on. In the
# program itself it takes no time to load, and needs no C++ library.
JEMALLOC ?= $(if $(DEBUG)$(SAN),,-l:libjemalloc_pic.a)

# -- What there is -----------------------------------------------------------

objects = $(patsubst %,$(BUILD)/obj/%.o,$(1))
CORE := $(call objects,$(wildcard core/*.c core/*.S))
EXTS ?= $(sort $(patsubst core/ext/%/,%,$(dir $(wildcard core/ext/*/*.c))))
MAIN_FILES := $(wildcard bindings/luajit/main*.c)
LUA := $(call objects,$(filter-out $(MAIN_FILES), \
  $(wildcard bindings/luajit/*.c)))
MAIN := $(call objects,$(MAIN_FILES))
MODULES := $(patsubst %.lua,$(BUILD)/obj/%.bc.o,$(wildcard lua/*.lua \
  lua/*/*.lua lua/*/*/*.lua))
LUA_EXTS := $(filter $(EXTS),$(basename \
  $(notdir $(wildcard bindings/luajit/ext/*.c))))
LIBWEFT := $(BUILD)/libweft.so.0
TESTS := $(patsubst core/%.c,$(BUILD)/%,$(wildcard core/test/test_*.c)) \
  $(patsubst core/%.c,$(BUILD)/%,$(wildcard \
    $(EXTS:%=core/ext/%/test/test_*.c)))
OBJECTS := $(CORE) $(LUA) $(MAIN) \
  $(call objects,$(wildcard $(EXTS:%=core/ext/%/*.c)) \
    $(LUA_EXTS:%=bindings/luajit/ext/%.c) \
    $(TESTS:$(BUILD)/%=core/%.c))

# The packages, by pkg-config, of an extension's library.
PKGS_http := libcurl
PKGS_tls := openssl
PKGS_dns := libcares
PKGS_pg := libpq

.PHONY: all demo test check ci deps help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

all: lib $(if $(LUA),lua) ## Build everything (the default)
lib: $(LIBWEFT) $(BUILD)/libweft.a $(EXTS:%=$(BUILD)/libweft_%.so.0)
lua: $(BUILD)/lua/weft/core.so $(LUA_EXTS:%=$(BUILD)/lua/weft/ext/%.so) \
  $(if $(MAIN),$(BUILD)/weft)
tests: $(TESTS)
.PHONY: lib lua tests

demo: all ## Build, installing what is missing, and show what weft does
	@$(BUILD)/weft examples/fetch_all.lua --demo

# -- Compiling and linking ---------------------------------------------------
# All objects depend on the flags they were made with.

$(BUILD)/flags $(BUILD)/prefix: FORCE | deps
	@mkdir -p $(@D)
	@echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' >$@
$(BUILD)/flags: STAMP = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/prefix: STAMP = $(PREFIX) $(JEMALLOC)

$(BUILD)/obj/%.o: % $(BUILD)/flags | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(MORE) -MMD -MP -c -o $@ $<

$(BUILD)/obj/core/%.o: MORE = $(NDEBUG) $(call pkg_cflags,libuv)
$(BUILD)/obj/core/test/%.o: MORE = -Icore/test $(call pkg_cflags,libuv)
$(BUILD)/obj/bindings/luajit/%.o: MORE = $(NDEBUG) -Ibindings/luajit \
  $(call pkg_cflags,luajit)
$(MAIN): MORE += -DWEFT_PREFIX='"$(PREFIX)"' \
  $(if $(JEMALLOC),-DWEFT_JEMALLOC)
$(MAIN): $(BUILD)/prefix

# libNAME.so.0, and the link by which the linker finds it.
define link_library
	$(call say,LINK,$@)
	$(Q)$(CC) $(SHARED) -Wl,-soname,$(@F) -o $@ $(filter %.o,$^) \
	  $(ALL_LDFLAGS) $(1)
	$(Q)ln -sf $(@F) $(@:.0=)
endef

$(LIBWEFT): $(CORE) core/weft.map
	$(call link_library,$(call pkg_libs,libuv))

$(BUILD)/libweft.a: $(CORE)
	$(call say,AR,$@)
	$(Q)ar rcs $@.$$$$ $^ && mv $@.$$$$ $@

$(BUILD)/test/%: $(BUILD)/obj/core/test/%.c.o $(BUILD)/libweft.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(call pkg_libs,libuv) -lm

# An extension: its library, its tests, its Lua module.
define extension
EXT_$(1) := $$(call objects,$$(wildcard core/ext/$(1)/*.c))
$$(EXT_$(1)): MORE = $(NDEBUG) $$(call pkg_cflags,$$(PKGS_$(1)))
$(BUILD)/obj/core/ext/$(1)/test/%.o: MORE = -Icore/test -Icore/ext/$(1) \
  $$(call pkg_cflags,libuv)
$(BUILD)/libweft_$(1).so.0: $$(EXT_$(1)) | $(LIBWEFT)
	$$(call link_library,-L$(BUILD) -lweft $$(call pkg_libs,$$(PKGS_$(1))) \
	  $$(call runpath,/))
$(BUILD)/ext/$(1)/test/%: $(BUILD)/obj/core/ext/$(1)/test/%.c.o \
  $$(EXT_$(1)) $(BUILD)/libweft.a
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$$(CC) -o $$@ $$^ $$(ALL_LDFLAGS) $$(call pkg_libs,libuv) \
	  $$(call pkg_libs,$$(PKGS_$(1)))
$(BUILD)/obj/bindings/luajit/ext/$(1).c.o: MORE += -Icore/ext/$(1)
$(BUILD)/lua/weft/ext/$(1).so: $(BUILD)/obj/bindings/luajit/ext/$(1).c.o \
  | $(BUILD)/libweft_$(1).so.0
	$$(call link_module,-lweft_$(1),/../../.. /../../../..)
endef
$(foreach name,$(EXTS),$(eval $(call extension,$(name))))

# A Lua module takes the symbols of Lua from the program that loads it. It stays
# loaded when the state is closed: a thread left behind may still run in it.
define link_module
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-z,nodelete -o $@ $(filter %.o,$^) \
	  $(ALL_LDFLAGS) -L$(BUILD) \
	  $(1) -lweft -lm $(call runpath,$(2))
endef

$(BUILD)/lua/weft/core.so: $(LUA) | $(LIBWEFT)
	$(call link_module,,/../.. /../../..)

# The program has the modules of lua/ in itself, as bytecode: `require` looks
# for symbols of their names before it looks for files, and to read the sources
# took most of the time to start. They have their debug information, and their
# paths in this tree for names. A stock luajit reads the sources.
$(BUILD)/obj/lua/%.bc.o: lua/%.lua | deps
	$(call say,LUA,$<)
	@mkdir -p $(@D)
	$(Q)luajit -bg -n $(subst /,.,$*) $< $@

$(BUILD)/weft: $(LUA) $(MAIN) $(MODULES) | $(LIBWEFT)
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,-E -L$(BUILD) -lweft \
	  $(JEMALLOC) $(call pkg_libs,luajit) -lm $(call runpath,/ /../lib)

# -- Verbs -------------------------------------------------------------------

DEPS_test = test
DEPS_ci = $(DEPS_test)
DEPS_deps = $(DEPS_test)
DEPS_check = check
DEPS_abi = check
DEPS_format = check
DEPS_sanitize = $(DEPS_test) clang
DEPS_valgrind = $(DEPS_test) valgrind
DEPS_bench = bench
DEPS_docs = docs
DEPS = build $(if $(findstring clang,$(CC)),clang) \
  $(foreach goal,$(MAKECMDGOALS),$(DEPS_$(goal)))

export BUILD CC VERSION
SCRIPT = TEST_TARGETS='$(TEST_TARGETS)' CHECK_TARGETS='$(CHECK_TARGETS)' \
  MAKE='$(MAKE)' .ci

deps: ## Install the Debian packages that are missing
	@.ci/deps $(DEPS)

test: all ## Run the C tests, the specs, the examples, the bindings' tests
	@$(MAKE) -k tests || true # what cannot be built is a failed test
	+@$(SCRIPT)/test-all

ci: ## What CI does: make test in a fresh clone
	+@.ci/run

check: all ## Check format, lint, layers, header, ABI and documents
	+@$(SCRIPT)/check-all

fuzz: all ## Run random programs against the model for ever; SEED=n
	@. .ci/env && luajit spec/model/fuzz.lua $(SEED)

rules: ## List the rules of docs/semantics.md that no test quotes
	@.ci/rules

abi: ## Write the ABI dumps and core/weft.constants anew
	+@$(SCRIPT)/lint-abi --write && .ci/lint-header --write

format: | deps ## Format the C sources
	@.ci/lint-format --write

sanitize: | deps ## Run the tests under ASan and UBSan, and TSan
	+@$(SCRIPT)/sanitize

valgrind: | deps ## Run the tests under valgrind
	+@$(SCRIPT)/valgrind

cross: ## Build for aarch64 and run the C tests in qemu
	+@$(SCRIPT)/cross

bench: all ## Measure against peers; BENCH=name for one
	@bench/run $(BENCH)

CHECK_TARGETS += docs
docs: | deps ## Make the reference of C and Lua, in build/docs
	@.ci/docs

install: all ## Install to PREFIX, below DESTDIR
	@.ci/install '$(DESTDIR)$(PREFIX)' '$(PREFIX)' $(EXTS)
	@$(foreach goal,$(INSTALL_TARGETS),$(MAKE) $(goal) &&) true

uninstall: ## Remove what install put there
	@.ci/install --remove '$(DESTDIR)$(PREFIX)'
	@$(foreach goal,$(UNINSTALL_TARGETS),$(MAKE) $(goal) &&) true

clean: ## Remove all that was built
	rm -rf build build-*

help: ## List the verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | \
	  expand -t 18

.PHONY: fuzz rules abi format sanitize valgrind cross bench docs install \
  uninstall clean

-include $(wildcard bindings/*/build.mk bench/build.mk)
-include $(OBJECTS:.o=.d)

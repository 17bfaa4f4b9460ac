# The Python binding: build/python/weft, a package that runs where it stands.
#
#   make python         builds it
#   make test-python    runs its tests
#
# PYTHON is the interpreter it is for; its headers come with python3-dev.

PYTHON ?= /usr/bin/python3
PYTHON_DIR := $(BUILD)/python/weft
PYTHON_C := $(patsubst %,$(BUILD)/obj/%.o,$(wildcard bindings/python/*.c))
PYTHON_WRAP := $(BUILD)/obj/bindings/python/weft_wrap.c
PYTHON_FILES := $(PYTHON_DIR)/abi.py $(patsubst \
  bindings/python/weft/%,$(PYTHON_DIR)/%,$(wildcard bindings/python/weft/*.py))
PYTHON_INCLUDE = $(shell $(PYTHON) -c \
  'import sysconfig; print("-isystem " + sysconfig.get_path("include"))')

TEST_TARGETS += test-python
DEPS_python = test
DEPS_test-python = test
OBJECTS += $(PYTHON_C)

.PHONY: python test-python
python: $(PYTHON_DIR)/_weft.so $(PYTHON_FILES) ## Build the Python package

# TEST is a part of the names of those to run. A sanitizer has to be in the
# process before Python is.
PYTHON_SAN_address = PYTHONMALLOC=malloc ASAN_OPTIONS=fast_unwind_on_malloc=0 \
  LSAN_OPTIONS=print_suppressions=0:suppressions=$(PYTHON_LSAN) \
  LD_PRELOAD=$$($(CC) -print-file-name=libasan.so)
PYTHON_LSAN := bindings/python/tests/lsan.supp
test-python: python
	@PYTHONPATH=$(BUILD)/python PYTHONDONTWRITEBYTECODE=1 \
	  $(if $(SAN),$(PYTHON_SAN_$(SAN))) \
	  $(PYTHON) -X dev bindings/python/tests/run.py $(TEST)

$(BUILD)/obj/bindings/python/%.o: MORE = $(NDEBUG) -Ibindings/python \
  $(PYTHON_INCLUDE)

# What SWIG writes has warnings of its own that are none of ours.
$(PYTHON_WRAP) $(PYTHON_DIR)/abi.py &: bindings/python/weft_python.i \
  bindings/weft.i core/weft.h core/weft_io.h \
  core/weft_inspect.h | deps
	$(call say,SWIG,$<)
	@mkdir -p $(dir $(PYTHON_WRAP)) $(PYTHON_DIR)
	$(Q)swig -python -fastproxy -Wall -Werror -module abi -interface _weft \
	  -Icore -Ibindings -outdir $(PYTHON_DIR) -o $(PYTHON_WRAP) $<

$(PYTHON_WRAP).o: $(PYTHON_WRAP) bindings/python/weft_python.h $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(OPT) $(SAN_FLAGS) -fPIC -fvisibility=hidden -w -Icore \
	  -Ibindings/python $(PYTHON_INCLUDE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(PYTHON_DIR)/_weft.so: $(PYTHON_WRAP).o $(PYTHON_C) | $(LIBWEFT)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -o $@ $^ $(ALL_LDFLAGS) -L$(BUILD) -lweft \
	  -Wl,--enable-new-dtags '-Wl,-rpath,$$ORIGIN/../..'

$(PYTHON_DIR)/%: bindings/python/weft/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

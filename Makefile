# Understudy is built by GNU make alone. `make help` lists the targets.
#
# MODE picks the kind of build, and every kind has its own tree:
#   release (default)  debug  asan  tsan  cov        -> out/$(MODE)/
#   fuzz programs                                    -> out/fuzz/
#
# A room joins the build by existing: sources are found by folder. What a folder cannot say by its
# files alone it says in its own rules.mk (see "Rooms" below).

MODE ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
FUZZ_CC ?= clang
CLANG_FORMAT ?= clang-format
JOBS ?= $(shell nproc)

ifeq ($(filter $(MODE),release debug asan tsan cov),)
$(error MODE=$(MODE) is unknown; say release, debug, asan, tsan or cov)
endif

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

OUT := out/$(MODE)

# ---- flags -------------------------------------------------------------------------------------

MODE_FLAGS_release := -O2 -g -DUOP_CHAIN
MODE_FLAGS_debug := -O0 -g
MODE_FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
MODE_FLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
MODE_FLAGS_cov := -O0 -g --coverage
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# Guest state is read and written at many widths, so the whole tree forgoes strict aliasing, and
# guest arithmetic wraps.
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS_ALL := -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes \
	-fno-strict-aliasing -fwrapv -pthread -MMD -MP
LDLIBS += -lxxhash -pthread
TEST_LDLIBS := -lcmocka

# ---- the library -------------------------------------------------------------------------------

LIB_DIRS := core core/base core/x86 core/device core/device/* core/host core/engine core/engine/* core/machine
LIB_SRC := $(sort $(wildcard $(foreach d,$(LIB_DIRS),$(d)/*.c) core/x86/*.S core/engine/*/*.S))

# Optional libraries: $(call optional,header,link flag,files that need it,stub that stands for them)
hash := \#
define optional
ifeq ($(shell echo '$(hash)include <$(1)>' | $(CC) -E -o /dev/null - 2>/dev/null && echo yes),yes)
LDLIBS += $(2)
LIB_SRC := $(filter-out $(4),$(LIB_SRC))
else
LIB_SRC := $(filter-out $(3),$(LIB_SRC))
endif
endef
$(eval $(call optional,liburing.h,-luring,core/host/disk_io_uring.c,core/host/uring_absent.c))
$(eval $(call optional,slirp/libslirp.h,-lslirp,core/host/host_net_user.c,core/host/slirp_absent.c))
$(eval $(call optional,pcap/pcap.h,-lpcap,core/host/host_net_pcap.c core/host/host_net_dump.c,core/host/pcap_absent.c))
LIB := $(OUT)/libunderstudy.a
LIB_OBJ := $(LIB_SRC:%=$(OUT)/obj/%.o)

# ---- programs that rooms add -------------------------------------------------------------------

# tests/unit/*.c    each file is one cmocka program
# tests/support/*.c together a library for them
# tests/diff/*.c    together one program, $(OUT)/tests/diff
# tests/bench/*.c   together one program, $(OUT)/bench
# tests/fuzz/fuzz_*.c  each file is one libFuzzer program, out/fuzz/fuzz_*
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
UNITS := $(UNIT_SRC:%.c=$(OUT)/%)
SUPPORT := $(OUT)/libsupport.a
SUPPORT_OBJ := $(patsubst %,$(OUT)/obj/%.o,$(sort $(wildcard tests/support/*.c)))
DIFF_SRC := $(sort $(wildcard tests/diff/*.c))
DIFF := $(if $(DIFF_SRC),$(OUT)/tests/diff)
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
BENCH := $(if $(BENCH_SRC),$(OUT)/bench)
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))

# Rooms. A folder's rules.mk may append to:
#   CHECKS    make targets that `make check` runs, one after the other. A target whose output ends
#             in a line "N passed, N failed[, N skipped]" brings its own count; any other counts one.
#   BUILDS    files that must be built before the checks start
#   BENCHES   make targets that `make bench` runs
#   FUZZERS   fuzz programs beside those found by name
CHECKS := check-tools check-includes check-globals format-check
BUILDS := $(LIB) $(UNITS) $(DIFF) $(BENCH)
BENCHES :=
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=out/fuzz/%)

all: build

-include guests/rules.mk guests/linux/rules.mk tools/rules.mk tests/guests/rules.mk tests/diff/rules.mk tests/fuzz/rules.mk \
	tests/bench/rules.mk tests/lab/rules.mk tests/linux/rules.mk tests/e2e/rules.mk

# ---- building ----------------------------------------------------------------------------------

.PHONY: all build
build: $(BUILDS)

# Files that change only when the words in them do: what depends on them is made again when the compiler,
# its flags or the list of sources change.
.PHONY: always
$(OUT)/compiler: words = $(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(MODE_FLAGS_$(MODE)) $(CFLAGS)
$(OUT)/sources: words = $(LIB_SRC) $(SUPPORT_OBJ)
out/fuzz/compiler: words = $(FUZZ_CC) $(CPPFLAGS) $(CFLAGS_ALL) $(FUZZ_FLAGS) $(CFLAGS)
out/fuzz/sources: words = $(LIB_SRC) $(FUZZ_SHARED)
$(OUT)/compiler $(OUT)/sources out/fuzz/compiler out/fuzz/sources: always
	@mkdir -p $(@D)
	@echo '$(words)' | cmp -s - $@ || echo '$(words)' >$@

$(OUT)/obj/%.c.o: %.c $(OUT)/compiler
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(MODE_FLAGS_$(MODE)) $(CFLAGS) -c -o $@ $<

$(OUT)/obj/%.S.o: %.S $(OUT)/compiler
	@mkdir -p $(@D)
	@echo "  AS    $<"
	@$(CC) $(CPPFLAGS) -MMD -MP -g $(CFLAGS) -c -o $@ $<

$(LIB): $(LIB_OBJ) $(OUT)/sources
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $(LIB_OBJ)

LINK = $(CC) $(MODE_FLAGS_$(MODE)) $(CFLAGS) $(LDFLAGS) -o $@

$(SUPPORT): $(SUPPORT_OBJ) $(OUT)/sources
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $(SUPPORT_OBJ)

$(UNITS): $(OUT)/%: $(OUT)/obj/%.c.o $(SUPPORT) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $< $(filter %/libtools.a,$^) $(SUPPORT) $(LIB) $(TEST_LDLIBS) $(LDLIBS)

$(OUT)/tests/diff: $(DIFF_SRC:%=$(OUT)/obj/%.o) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $(filter %.o,$^) $(LIB) $(LDLIBS)

$(OUT)/bench: $(BENCH_SRC:%=$(OUT)/obj/%.o) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $(filter %.o,$^) $(LIB) $(LDLIBS)

# The fuzz tree compiles the library again, with coverage feedback. tests/fuzz files that are not
# named fuzz_* are shared by all fuzz programs.
FUZZ_SHARED := $(filter-out $(FUZZ_SRC),$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_LIB_OBJ := $(LIB_SRC:%=out/fuzz/obj/%.o) $(FUZZ_SHARED:%=out/fuzz/obj/%.o)

out/fuzz/obj/%.c.o: %.c out/fuzz/compiler
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(FUZZ_CC) $(CPPFLAGS) $(CFLAGS_ALL) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(CFLAGS) \
		-c -o $@ $<

out/fuzz/obj/%.S.o: %.S out/fuzz/compiler
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(CPPFLAGS) -MMD -MP -g -c -o $@ $<

out/fuzz/libunderstudy.a: $(FUZZ_LIB_OBJ) out/fuzz/sources
	@rm -f $@ && ar rcs $@ $(FUZZ_LIB_OBJ)

out/fuzz/fuzz_%: out/fuzz/obj/tests/fuzz/fuzz_%.c.o out/fuzz/libunderstudy.a
	@echo "  LINK  $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# ---- checking ----------------------------------------------------------------------------------

.PHONY: deps deps-bench bench-run check check-tools check-includes check-globals format format-check fuzz bench demo clean help
deps:
	@tools/deps.sh

deps-bench:
	@tools/deps.sh bench

# The packages come first, then the build (itself a counted check, so that a file which no longer
# compiles cannot hide behind an older program), then every check.
check: deps
	+@tests/run.sh $(OUT)/logs \
		"build::$(MAKE) -k build MODE=$(MODE)" \
		$(foreach t,$(UNITS),"unit/$(notdir $(t))::$(t)") \
		$(foreach t,$(CHECKS),"$(t)::$(MAKE) -s $(t) MODE=$(MODE)")

check-tools:
	@tests/tools.sh

check-includes:
	@tools/check_includes.sh

check-globals: $(LIB_OBJ)
	@tools/check_globals.sh $(LIB_OBJ)

FORMAT_SRC = $(shell find core replay checkpoint transport ft-daemon tools tests guests \
	-name '*.[ch]' 2>/dev/null | sort)

format:
	@$(CLANG_FORMAT) -i $(FORMAT_SRC)

format-check:
	@$(CLANG_FORMAT) --dry-run -Werror $(FORMAT_SRC)

FUZZ_SECONDS ?= 60
fuzz: deps
	+@$(if $(FUZZERS),$(MAKE) $(FUZZERS))
	@tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZERS)

# BENCH_ARGS goes to the benchmark program, for example BENCH_ARGS=--quick
bench: deps-bench
	+@$(MAKE) bench-run

bench-run: $(BENCH)
	+@$(if $(BENCHES),$(MAKE) -j1 $(BENCHES))
	@$(if $(BENCH),$(BENCH) $(BENCH_ARGS),echo "bench: no benchmarks have landed yet")

demo: deps
	+@tools/demo.sh

clean:
	@rm -rf out

help:
	@echo "make              build the library, the tests and the benchmark program"
	@echo "make check        install what is missing, build and run every test (MODE=asan|tsan|debug|cov)"
	@echo "make check-long   the services of the end-to-end tests, for many minutes"
	@echo "make demo         install what is missing, build and show what works today"
	@echo "make bench        run the benchmarks (BENCH_ARGS=...)"
	@echo "make fuzz         run every fuzz program, or those in FUZZERS, for FUZZ_SECONDS (60) each"
	@echo "make guests-linux Linux guests with Redis and PostgreSQL from Debian packages, in out/guests/linux"
	@echo "make check-kvm    test the engine on KVM, in a VM made for it where the host's KVM will not do"
	@echo "make deps         install the Debian packages that are missing"
	@echo "make check-tools, check-includes, check-globals, format-check, format, clean"

-include $(shell find out -path out/guests/linux -prune -o -type f -name '*.d' -print 2>/dev/null)

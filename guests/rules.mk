# Guests: freestanding programs for the machine that guests/abi.h describes. They are the same in
# every MODE and so have a tree of their own.
#
# guests/system/NAME.c     64-bit, one subject each, checks itself
# guests/system/NAME_32.c  the same in 32-bit code; NAME_32.S or NAME.S adds assembly to it
# guests/bench/*.c         kernels; main.c makes one guest of them and of pages.c, and tests/bench
#                          runs them natively

GUEST_OUT := out/guests
GUEST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wstrict-prototypes -ffreestanding \
	-fno-strict-aliasing -fwrapv -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -MMD -MP -I.
GUEST_CFLAGS_64 := $(GUEST_CFLAGS) -m64 -fno-pie -mno-red-zone -mgeneral-regs-only
GUEST_CFLAGS_32 := $(GUEST_CFLAGS) -m32 -march=i686 -fno-pie -mgeneral-regs-only
# Loops stay loops and do not become calls of memcpy(), which would not be the same code everywhere.
GUEST_NO_IDIOMS := $(shell $(CC) -Werror -fno-tree-loop-distribute-patterns -E -x c /dev/null \
	>/dev/null 2>&1 && echo -fno-tree-loop-distribute-patterns)
# The kernels keep SSE and are position independent, so that the same objects run natively.
GUEST_CFLAGS_BENCH := $(GUEST_CFLAGS) -m64 -march=x86-64-v2 -mno-red-zone -fpie \
	-fvisibility=hidden -fno-builtin $(GUEST_NO_IDIOMS)

GUEST_LIB_64 := $(addprefix $(GUEST_OUT)/64/guests/lib/,start64.S.o trap64.S.o trap.c.o guest.c.o)
GUEST_LIB_32 := $(addprefix $(GUEST_OUT)/32/guests/lib/,start32.S.o trap32.S.o trap.c.o guest.c.o)

GUEST_C := $(notdir $(basename $(sort $(wildcard guests/system/*.c))))
GUEST_NAMES_32 := $(filter %_32,$(GUEST_C))
GUEST_NAMES_64 := $(filter-out %_32,$(GUEST_C))
GUEST_ASM := $(notdir $(basename $(wildcard guests/system/*.S)))

BENCH_GUEST_ONLY := guests/bench/main.c guests/bench/pages.c
BENCH_KERNEL_SRC := $(filter-out $(BENCH_GUEST_ONLY),$(sort $(wildcard guests/bench/*.c)))
BENCH_KERNEL_OBJ := $(BENCH_KERNEL_SRC:%=$(GUEST_OUT)/bench/%.o)
GUEST_BENCH := $(if $(BENCH_KERNEL_SRC),$(GUEST_OUT)/bench.elf)

GUEST_TESTS := $(GUEST_C:%=$(GUEST_OUT)/%.elf)
GUESTS := $(GUEST_TESTS) $(GUEST_BENCH)
BUILDS += $(GUESTS)

# Made again when the compiler or its flags change, as in the Makefile.
$(GUEST_OUT)/compiler: words = $(CC) $(GUEST_CFLAGS_64) $(GUEST_CFLAGS_32) $(GUEST_CFLAGS_BENCH)
$(GUEST_OUT)/compiler: always
	@mkdir -p $(@D)
	@echo '$(words)' | cmp -s - $@ || echo '$(words)' >$@

$(GUEST_OUT)/64/%.c.o: %.c $(GUEST_OUT)/compiler
	@mkdir -p $(@D)
	@echo "  GUEST $<"
	@$(CC) $(GUEST_CFLAGS_64) -c -o $@ $<

$(GUEST_OUT)/64/%.S.o: %.S $(GUEST_OUT)/compiler
	@mkdir -p $(@D)
	@$(CC) -I. -MMD -MP -g -m64 -c -o $@ $<

$(GUEST_OUT)/32/%.c.o: %.c $(GUEST_OUT)/compiler
	@mkdir -p $(@D)
	@echo "  GUEST $<"
	@$(CC) $(GUEST_CFLAGS_32) -c -o $@ $<

$(GUEST_OUT)/32/%.S.o: %.S $(GUEST_OUT)/compiler
	@mkdir -p $(@D)
	@$(CC) -I. -MMD -MP -g -m32 -c -o $@ $<

$(GUEST_OUT)/bench/%.c.o: %.c $(GUEST_OUT)/compiler
	@mkdir -p $(@D)
	@echo "  GUEST $<"
	@$(CC) $(GUEST_CFLAGS_BENCH) -c -o $@ $<

# Multiboot loaders take ELF files for i386 only, so 64-bit guests are put into that container once
# they are linked; the file before that keeps 64-bit symbols for debuggers.
GUEST_LD = $(LD) -T guests/guest.ld -z noexecstack --no-warn-rwx-segments --build-id=none

$(GUEST_OUT)/%.elf64: guests/guest.ld
	@echo "  GUEST $@"
	@$(GUEST_LD) -m elf_x86_64 -o $@ $(filter %.o,$^)

$(GUEST_NAMES_64:%=$(GUEST_OUT)/%.elf) $(GUEST_BENCH): $(GUEST_OUT)/%.elf: $(GUEST_OUT)/%.elf64
	@objcopy -O elf32-i386 $< $@

$(GUEST_NAMES_32:%=$(GUEST_OUT)/%.elf): $(GUEST_OUT)/%.elf: guests/guest.ld
	@echo "  GUEST $@"
	@$(GUEST_LD) -m elf_i386 -o $@ $(filter %.o,$^)

# guest_objects WIDTH,NAME: its own files, then the library's.
guest_objects = $(GUEST_OUT)/$(1)/guests/system/$(2).c.o \
	$(patsubst %,$(GUEST_OUT)/$(1)/guests/system/%.S.o,$(filter $(2),$(GUEST_ASM))) \
	$(GUEST_LIB_$(1))
$(foreach n,$(GUEST_NAMES_64),$(eval $(GUEST_OUT)/$(n).elf64: $(call guest_objects,64,$(n))))
$(foreach n,$(GUEST_NAMES_32),$(eval $(GUEST_OUT)/$(n).elf: $(call guest_objects,32,$(n))))

$(GUEST_OUT)/bench.elf64: $(BENCH_KERNEL_OBJ) $(BENCH_GUEST_ONLY:%=$(GUEST_OUT)/64/%.o) $(GUEST_LIB_64)

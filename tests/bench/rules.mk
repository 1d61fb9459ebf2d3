# The benchmark program: the guests' kernels linked into it run natively, the same objects inside
# the guest run on the interpreter and on QEMU.

BENCH_SHARED_OBJ := $(patsubst %,$(OUT)/obj/%.o, \
	$(filter-out tests/guests/runner.c,$(sort $(wildcard tests/guests/*.c))))

$(OUT)/bench: $(BENCH_SHARED_OBJ) $(BENCH_KERNEL_OBJ) | $(GUEST_BENCH)

# The test guests on our own processors (check-guests), and on QEMU's (check-guests-qemu), which is
# an independent opinion on what the guests expect.

GUEST_RUNNER := $(OUT)/tests/guests/runner
GUEST_VMM_OBJ := $(patsubst %,$(OUT)/obj/%.o, \
	$(filter-out tests/guests/runner.c,$(sort $(wildcard tests/guests/*.c))))
BUILDS += $(GUEST_RUNNER)
CHECKS += check-guests check-guests-qemu

$(GUEST_RUNNER): $(OUT)/obj/tests/guests/runner.c.o $(GUEST_VMM_OBJ) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $(filter %.o,$^) $(LIB) $(LDLIBS)

.PHONY: check-guests check-guests-qemu
# GUEST_ARGS goes to the runner, for example GUEST_ARGS="--coverage FILE"
check-guests: $(GUEST_RUNNER) $(GUESTS)
	@$(GUEST_RUNNER) $(GUEST_ARGS) $(GUEST_OUT) $(basename $(notdir $(GUESTS)))

check-guests-qemu: $(GUEST_TESTS)
	@tests/guests/qemu.sh $(GUEST_TESTS)

# The fuzz programs without libFuzzer, on inputs made from numbers: part of every check, in the
# optimised build too. FUZZ_INPUTS says how many.

SEEDED := $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/tests/fuzz/%)
SEEDED_OBJ := $(patsubst %,$(OUT)/obj/%.o, \
	$(filter-out $(FUZZ_SRC),$(sort $(wildcard tests/fuzz/*.c))) tests/fuzz/seeds/main.c)
FUZZ_INPUTS ?= 2000
BUILDS += $(SEEDED)
CHECKS += check-fuzz-seeds

$(SEEDED): $(OUT)/tests/fuzz/%: $(OUT)/obj/tests/fuzz/%.c.o $(SEEDED_OBJ) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $(filter %.o,$^) $(LIB) $(LDLIBS)

.PHONY: check-fuzz-seeds
check-fuzz-seeds: $(SEEDED)
	@tests/fuzz/seeds/run.sh $(FUZZ_INPUTS) $(SEEDED)

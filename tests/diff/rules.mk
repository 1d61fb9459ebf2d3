# The differential test against the host CPU (check-diff), and the check that no row of the opcode
# table is tested by nothing (check-coverage), which takes the counts of check-diff and of the guests.

DIFF_COVERAGE := $(OUT)/logs/diff-coverage.tsv
GUEST_COVERAGE := $(OUT)/logs/guest-coverage.txt
CHECKS += check-diff check-coverage

# DIFF_ARGS goes to the program, for example DIFF_ARGS="--seed 7 --cases 0 --seconds 3600 --progress"
DIFF_ARGS ?= --seed 1 --cases $(if $(filter release,$(MODE)),1200000,400000)

.PHONY: check-diff check-coverage
check-diff: $(DIFF)
	@mkdir -p $(dir $(DIFF_COVERAGE))
	@$(DIFF) $(DIFF_ARGS) --coverage $(DIFF_COVERAGE) --json $(OUT)/logs/diff.json

check-coverage: $(GUEST_RUNNER) $(GUESTS)
	@$(GUEST_RUNNER) --driver step --coverage $(GUEST_COVERAGE) $(GUEST_OUT) \
		$(basename $(notdir $(GUEST_TESTS))) >$(OUT)/logs/guest-coverage.log || true
	@tests/diff/coverage.sh $(DIFF_COVERAGE) $(GUEST_COVERAGE) tests/coverage.def \
		$(OUT)/logs/coverage.txt

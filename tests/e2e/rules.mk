# End to end: guests under the command itself, as a user runs them (*.sh), and whole machines in a
# scripted world (twice). check-long asks the services for more than check has time for.

E2E_ENV = UNDERSTUDY=$(UNDERSTUDY) BARE=$(GUEST_OUT) LINUX=$(LINUX_OUT)
E2E_TWICE := $(OUT)/tests/e2e/twice
BUILDS += $(E2E_TWICE)
CHECKS += check-twice check-ends check-errors check-services

$(E2E_TWICE): $(OUT)/obj/tests/e2e/twice.c.o $(SUPPORT) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $^ $(LDLIBS)

.PHONY: check-twice check-ends check-errors check-services
check-ends check-errors check-services: check-%: $(UNDERSTUDY) $(GUESTS) $(LINUX_GUESTS)
	@$(E2E_ENV) tests/e2e/$*.sh

check-twice: $(E2E_TWICE) $(GUESTS) $(LINUX_GUESTS)
	@$(E2E_TWICE) $(GUEST_OUT) $(LINUX_OUT)

.PHONY: check-long
check-long: $(UNDERSTUDY) $(LINUX_GUESTS)
	@$(E2E_ENV) REDIS_REQUESTS=200000 PGBENCH_TRANSACTIONS=5000 tests/e2e/services.sh

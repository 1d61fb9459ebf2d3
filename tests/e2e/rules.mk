# End to end: guests under the command itself, as a user runs them. check-long adds what takes
# minutes.

E2E_ENV = UNDERSTUDY=$(UNDERSTUDY) BARE=$(GUEST_OUT) LINUX=$(GUEST_OUT)/linux
CHECKS += check-ends check-errors check-services

.PHONY: check-ends check-errors check-services
check-ends check-errors check-services: check-%: $(UNDERSTUDY) $(GUESTS) $(LINUX_GUESTS)
	@$(E2E_ENV) tests/e2e/$*.sh

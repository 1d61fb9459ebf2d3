# The lab: a VM in which KVM runs any guest, whatever this host's KVM can do.
#
#   make lab        the VM's kernel and first file system, in out/lab
#   make check-kvm  the tests of the engine on KVM: on this host when its KVM is whole, else in the lab

LAB_OUT := out/lab
LAB_TEST := $(OUT)/tests/lab/kvm_engine
BUILDS += $(LAB_TEST)

$(LAB_TEST): $(OUT)/obj/tests/lab/kvm_engine.c.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $< $(LIB) $(TEST_LDLIBS) $(LDLIBS)

.PHONY: lab check-kvm
lab: deps-bench
	+@$(MAKE) $(LAB_OUT)/base.cpio

$(LAB_OUT)/base.cpio: tests/lab/l1_build.sh tests/lab/l1_init
	@echo "  LAB   $(LAB_OUT)"
	@tests/lab/l1_build.sh $(LAB_OUT)

check-kvm: $(LAB_TEST) $(GUEST_RUNNER) $(GUESTS)
	+@$(LAB_TEST) --probe || $(MAKE) lab
	@tests/lab/check_kvm.sh $(LAB_OUT) $(OUT) $(GUEST_OUT)

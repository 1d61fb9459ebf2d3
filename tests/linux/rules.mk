# Debian's stock kernel on the soft machine, with scripted doors. Builds other than release are slow
# and run a part of it.

LINUX_BOOT := $(OUT)/tests/linux/boot
LINUX_BOOT_OBJ := $(patsubst %,$(OUT)/obj/%.o,$(sort $(wildcard tests/linux/*.c)))
BUILDS += $(LINUX_BOOT)
CHECKS += check-linux

$(LINUX_BOOT): $(LINUX_BOOT_OBJ) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $(filter %.o,$^) $(LIB) $(LDLIBS)

.PHONY: check-linux
check-linux: $(LINUX_BOOT) $(LINUX_GUESTS)
	@$(LINUX_BOOT) $(LINUX_OUT) $(if $(filter release,$(MODE)),,quick)

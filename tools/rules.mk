# The command: $(OUT)/understudy. All but its main file are also a library for tests.

TOOLS_MAIN := tools/understudy.c
TOOLS_OBJ := $(patsubst %,$(OUT)/obj/%.o,$(filter-out $(TOOLS_MAIN),$(sort $(wildcard tools/*.c))))
TOOLS := $(OUT)/libtools.a
TOOLS_LDLIBS := -ljansson
UNDERSTUDY := $(OUT)/understudy
BUILDS += $(UNDERSTUDY)

$(TOOLS): $(TOOLS_OBJ)
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $(TOOLS_OBJ)

$(UNDERSTUDY): $(OUT)/obj/$(TOOLS_MAIN).o $(TOOLS) $(LIB)
	@echo "  LINK  $@"
	@$(LINK) $< $(TOOLS) $(LIB) $(TOOLS_LDLIBS) $(LDLIBS)

# Tests of the tools' own parts are called tools_*.c.
$(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/tools_*.c)): $(TOOLS)

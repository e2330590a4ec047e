# One suite that all connectors pass, with a host of its own instead of the engine: daemon/run is not linked.
.PHONY: contract
CONTRACT := $(patsubst tests/contract/%.c,$O/contract/%.o,$(wildcard tests/contract/*.c))
CONTRACT_WITH := $(filter $O/daemon/base/% $O/daemon/data/% $O/daemon/config/% $O/daemon/expr/% $O/plugins/%,$(OBJ))
$O/contract/%.o: tests/contract/%.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) -std=c11 $(OPT) -Wall -Wextra -Werror -D_GNU_SOURCE $(DEP_CFLAGS) -Idaemon -Idaemon/api -MMD -MP -c -o $@ $<
$O/contract/contract: $(CONTRACT) $(CONTRACT_WITH)
	@echo "  LD   $@"
	@$(CC) $(OPT) -o $@ $^ $(shell pkg-config --libs check) $(LDLIBS)
contract: $O/contract/contract
	@UNIT_TIMEOUT=900 tests/run-unit.sh $<

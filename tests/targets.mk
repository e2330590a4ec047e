# Targets of the tests; the Makefile in the root includes this. BUILD chooses what is tested.
.PHONY: scenarios tidy kafka bench demo check fuzz contract

# Scenario folders through `spate run` and `spate check`: ONLY=text picks folders.
scenarios: $O/spate
	@$(PYTHON) tests/scenarios/run.py --spate $O/spate $(if $(ONLY),--only $(ONLY))

tidy:
	@$(PYTHON) tests/tidy/tidy.py

kafka: $O/spate $O/spated
	@if [ -x tests/kafka/run.sh ]; then BUILD=$(BUILD) tests/kafka/run.sh; else echo "kafka: no tests/kafka/run.sh"; fi

# Yardsticks and pipelines in turn: BENCH_N events (default 10 million), BENCH_ROUNDS (5), BENCH_ONLY=file,kafka,…
BENCH := build/bench
BENCH_PROGRAMS := $(addprefix $(BENCH)/,gen ads_loop hop_reference consumer tcp_peer probe)
$(BENCH)/%: tests/bench/%.c tests/bench/bench.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -o $@ $< $(shell pkg-config --cflags --libs rdkafka) -ltcmalloc_minimal -lm -lpthread
$(BENCH)/%: tests/bench/%.cc tests/bench/bench.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O2 -g -DNDEBUG -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -o $@ $< -lsimdjson -ltcmalloc_minimal -lpthread
bench-programs: $(BENCH_PROGRAMS)
bench: $O/spate $(BENCH_PROGRAMS)
	@$(PYTHON) tests/bench/run.py --spate $O/spate --programs $(BENCH)

demo:
	@tests/deps.sh build
	@$(MAKE) --no-print-directory -j2 -s BUILD=release all
	@SPATE=build/release/spate conf/demo/demo.sh

check:
	@tests/check.sh

-include tests/contract/contract.mk
-include tests/fuzz/fuzz.mk
-include tests/docs/docs.mk
-include tests/daemon/daemon.mk
-include tests/model/model.mk

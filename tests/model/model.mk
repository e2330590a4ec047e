# Windows against a brute-force model: MODEL_CASES says how many, MODEL_ARGS more (--seed N repeats one).
.PHONY: model
MODEL_CASES ?= 300
model: $O/spate
	@$(PYTHON) tests/model/windows.py --spate $(abspath $O/spate) --cases $(MODEL_CASES) $(MODEL_ARGS)

# make fuzz: a longer look than the one of make unit. MUTATE_COUNT, MUTATE_SEED.
fuzz: $O/tests/plan_mutate
	@MUTATE_COUNT=$${MUTATE_COUNT:-300000} MUTATE_SEED=$${MUTATE_SEED:-2} $O/tests/plan_mutate

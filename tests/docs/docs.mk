# The manual pages, and the test of every example in them and in README.md.
.PHONY: man docs
man: $O/spate
	@man/build.sh $O/spate $O/man
docs: $O/spate $O/spated man
	@$(PYTHON) tests/docs/blocks.py --spate $O/spate --spated $O/spated --pages $O/man

# The daemon under signals: DAEMON_ONLY=text picks cases.
.PHONY: daemon
daemon: $O/spate $O/spated
	@$(PYTHON) tests/daemon/spated.py --spated $O/spated $(if $(DAEMON_ONLY),--only $(DAEMON_ONLY))

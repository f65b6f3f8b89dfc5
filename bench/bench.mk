# `make bench`: bench/run, bench/lockdown, bench/blocking, bench/resource_use, bench/reaper, bench/rules, bench/priority
# and bench/preload against throwaway servers beside PG_CONFIG; ROUNDS=9 for more than 5.

ROUNDS = 5

.PHONY: bench
bench:
	PG_CONFIG='$(PG_CONFIG)' bench/run $(ROUNDS)
	PG_CONFIG='$(PG_CONFIG)' bench/lockdown $(ROUNDS)
	PG_CONFIG='$(PG_CONFIG)' bench/blocking $(ROUNDS)
	PG_CONFIG='$(PG_CONFIG)' bench/resource_use $(ROUNDS)
	PG_CONFIG='$(PG_CONFIG)' bench/reaper $(ROUNDS)
	PG_CONFIG='$(PG_CONFIG)' bench/rules
	PG_CONFIG='$(PG_CONFIG)' bench/priority $(ROUNDS)
	PG_CONFIG='$(PG_CONFIG)' bench/preload $(ROUNDS)

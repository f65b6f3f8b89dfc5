# `make bench`: bench/run against a throwaway server beside PG_CONFIG; ROUNDS=9 for more rounds than 5.

ROUNDS = 5

.PHONY: bench
bench:
	PG_CONFIG='$(PG_CONFIG)' bench/run $(ROUNDS)

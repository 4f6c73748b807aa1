"""Faults done on purpose, each in a file of its own; `benchmarks/faults.py` runs them and prints what came of it."""

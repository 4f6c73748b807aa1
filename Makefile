# The two commands: `make figures` and `make test`. Each sets up .venv by itself on a fresh machine.
PYTHON ?= python3
PROFILE ?= quick
BIN := .venv/bin
READY := .venv/.ready

.PHONY: figures test site lab clean

figures: $(READY)
	$(BIN)/python -m hmlm_lib run --profile $(PROFILE)

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope  # one thread a worker

site: $(READY)
	$(BIN)/python -m hmlm_lib site --profile $(PROFILE)

lab: $(READY)
	$(BIN)/jupyter lab notebooks

clean:
	rm -rf .venv .snakemake reports/quick reports/record reports/full reports/cluster reports/site reports/.site.* .pytest_cache .ruff_cache .hypothesis *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hmlm needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

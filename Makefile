# make install   the environment, in .venv
# make demo      train a small Seatbelt-VAE on embedded data, attack it, evaluate it and write a report
# make test      everything that CI checks
# make slow      the tests that take longer
# make docs      the documentation, in site/
# make test-faults   signals, kills, disks and hostile files; FAULTS=full for the long form

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.12 python3.13 python3.14 python3)

.PHONY: install demo test slow docs test-faults
.DELETE_ON_ERROR:

install: $(STAMP)

# An interpreter counts when it runs and is new enough: a name on the PATH may be a shim for one that is not there.
$(BIN)/python:
	@for candidate in $(CANDIDATES); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
			echo "making $(VENV) with $$candidate"; \
			"$$candidate" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
			exit 0; \
		fi; \
	done; \
	echo "error: Python 3.12 or newer is needed, and none of these is one: $(CANDIDATES). Install it, or say make PYTHON=/path/to/python" >&2; \
	exit 1

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: install
	$(BIN)/seatbelt train --dataset synth-chairs --ids 150 --model seatbelt --layers 2 --steps 800 --batch-size 64 --free-bits 0.125 --eval-every 400
	$(BIN)/seatbelt attack --pairs 4 --lambdas 12 --max-iterations 50 --mode latent --mode output --batch 26
	$(BIN)/seatbelt evaluate
	$(BIN)/seatbelt report

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --cov --cov-report=term

slow: install
	$(BIN)/pytest -m slow

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test-faults: install
	FAULTS_TABLE=docs/trust.md $(BIN)/pytest tests/faults -m faults

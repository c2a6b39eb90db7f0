# One command each: `make demo`, `make test`, `make lint`, `make bench`, `make docs`, `make adversity`. Each sets up what it
# needs; the second time is cheap.
# ARGS goes to the program behind the target: make demo ARGS="--for 60s --check", make test ARGS="-k reorg".

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: demo test lint coverage bench docs adversity clean
.NOTPARALLEL:

demo: $(VENV)/.with-demo
	@exec $(BIN)/usdx demo $(ARGS)

test: $(VENV)/.with-test
	@$(BIN)/python -m demo.parts || echo "Some programs cannot be had here; the tests that need them are listed at the end."
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/.with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/.with-test
	@$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered tests/unit tests/property $(ARGS)

bench: $(VENV)/.with-test
	@$(BIN)/python -m demo.parts || true
	@$(BIN)/python -m benchmarks $(ARGS)

# Hours: more than two hundred kills, ten thousand sequences of forks, ten thousand games of the model, forty thousand ABIs, a day of blocks. CI plays a sample.
adversity: $(VENV)/.with-test
	@$(BIN)/python -m tests.adversity.crash --kills 220 $(ARGS)
	@USDX_FORK_EXAMPLES=10000 $(BIN)/python -m pytest -s -p no:cacheprovider tests/adversity/test_forks.py
	@USDX_MODEL_EXAMPLES=10000 $(BIN)/python -m pytest -p no:cacheprovider tests/integration/indexer/test_model.py tests/integration/indexer/test_model_annexes.py
	@USDX_ABI_EXAMPLES=5000 $(BIN)/python -m pytest -p no:cacheprovider tests/property/indexer tests/property/speed
	@USDX_BLOCK_LOGS=100000 USDX_SOAK_HOURS=24 USDX_RECONNECTS=60 $(BIN)/python -m pytest -s tests/adversity --deselect tests/adversity/test_forks.py

docs: $(VENV)/.with-test
	@mkdir -p docs/reference
	$(BIN)/python -m shared.config_page > docs/reference/config.md
	$(BIN)/python -m shared.catalogue > docs/reference/metrics.md
	$(BIN)/python -m shared.errors_page > docs/reference/errors.md
	$(BIN)/python -m oracle.docs > docs/oracle/reasons.md

clean:
	rm -rf $(VENV) .usdx .coverage* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says that this extra of pyproject.toml is installed as it stands now.
$(VENV)/.with-%: pyproject.toml $(VENV)/.made
	@echo "Installing usdx[$*] into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$*]'
	@touch $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo >&2 "usdx needs Python 3.11 or newer, and $(PYTHON) is not that. Install one, or name one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo >&2 "$(PYTHON) cannot make virtual environments. Debian and Ubuntu: apt install python3-venv. Or name another: make PYTHON=… …"; exit 1; }
	@echo "Making a virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# One command each: `make demo` shows a Pareto front, `make test` checks everything that needs no Debian package.
#
# VENV names the virtual environment (made if it is not there); PYTHON the interpreter that makes it.

VENV ?= .venv
PYTHON ?= python3

BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.modstudy-setup
# A VENV of another checkout would import that one's code.
export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))
MODSTUDY := $(BIN)/python -m study.cli

.PHONY: setup demo test lint test-fast test-slow test-real test-browser test-gpu test-kills test-faults fuzz bench bench-engine soak bench-report bench-memory bench-sounds bench-discover discovered-lfos equivalence sbom licences clean

setup: $(STAMP)

# Where everything is there in its pinned version, nothing is installed, so that it also works without a network. The
# kernels are compiled here, once, so that no study waits for them.
$(STAMP): constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python .ci/is_installed.py dev || $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/python -m core.training.warmup
	$(BIN)/python -m core.discovery.warmup
	touch $(STAMP)

demo: setup
	$(MODSTUDY) launch quickstart
	@echo
	@echo "Open runs/quickstart/report/index.html in a browser. To have modstudy and mlflow on your PATH:"
	@echo "  source $(VENV)/bin/activate"

test: lint test-fast

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-fast: setup
	$(BIN)/python -m pytest -q -m 'not slow and not browser and not real and not gpu and not kills and not faults'

test-slow: setup
	$(BIN)/python -m pytest -q -m 'slow and not browser and not real and not gpu and not kills and not faults'

# Debian packages that these want: see .ci/run.
test-real: setup
	$(BIN)/python .ci/is_installed.py real || $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[real]'
	$(BIN)/python -m pytest -q -m real

test-browser: setup
	$(BIN)/python -m pytest -q -m browser

# On a machine with a CUDA GPU: its numbers against the CPU's. Elsewhere the tests are skipped and say so.
test-gpu: setup
	$(BIN)/python -m pytest -q -m gpu

# Kills processes of a study at random moments, and compares what it finds with an undisturbed run. `make test-kills
# KILLS=200` kills more often; KILLS_SEED chooses other victims and moments.
KILLS ?= 20
test-kills: setup
	KILLS=$(KILLS) $(BIN)/python -m pytest -q -m kills -o log_cli=true -o log_cli_level=INFO tests/kills

# Invalid input, damaged files, faults and attacks, with the number of cases of each class.
test-faults: setup
	$(BIN)/python -m pytest -q -m faults tests/faults

# Damaged study files, settings, sounds, wavetables, manifests and stored files for FUZZ_MINUTES; inputs that fail are
# left in fuzz-failures/.
FUZZ_MINUTES ?= 30
FUZZ_SEED ?= 0
fuzz: setup
	$(BIN)/python -m tests.fuzz.run --minutes $(FUZZ_MINUTES) --seed $(FUZZ_SEED)

# Speed against the stock step, some 19 minutes; wants an otherwise idle machine. BENCH_OPTIONS: see `--help`.
bench: setup
	$(BIN)/python -m tests.benchmarks.bench --check $(BENCH_OPTIONS)

# Overhead per trial, CPU and memory of the driver, and the time to the first step, some 3 minutes.
bench-engine: setup
	$(BIN)/python -m tests.benchmarks.engine

# Memory, threads and open files of the driver over 2,000 trials with a kill every 100, some 5 minutes.
soak: setup
	$(BIN)/python -m tests.benchmarks.soak $(SOAK_OPTIONS)

# Time and size of the report of 10,000 trials that never ran, some 2 minutes; wants Chromium and its driver.
bench-report: setup
	$(BIN)/python -m tests.benchmarks.report

# Estimated against measured peak memory of trials, some 10 minutes.
bench-memory: setup
	$(BIN)/python -m tests.benchmarks.memory

# Time to inspect 5,000 sounds without a pitch in their names, new, unchanged and with one changed, some minutes.
bench-sounds: setup
	$(BIN)/python -m tests.benchmarks.sounds

# Time to discover a sound of 3 s at 16 and at 44.1 kHz on one core, and to apply an arm to 1,000 sounds, some 2 minutes.
bench-discover: setup
	$(BIN)/python -m tests.benchmarks.discover

# What `modstudy discover` says of 60 sounds of Vital with a known LFO, some 10 minutes; wants the extra `real`.
discovered-lfos: setup
	$(BIN)/python .ci/is_installed.py real || $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[real]'
	$(BIN)/python -m tests.benchmarks.discovered_lfos

# Trains stock and the fast step seed by seed, a minute a seed on two cores; its result is tests/benchmarks/equivalence.json.
equivalence: setup
	$(BIN)/python -m tests.benchmarks.equivalence

# What is installed here, as CycloneDX JSON, and the table of its licences, which fails on one that is not allowed.
sbom: setup
	$(BIN)/python .ci/is_installed.py security || $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[security]'
	mkdir -p build
	$(BIN)/python -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible -o build/sbom.json $(BIN)/python
	@echo build/sbom.json

licences: setup
	$(BIN)/python .ci/licences.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache $(STAMP)
	find core dashboards search_spaces study tests -name __pycache__ -prune -exec rm -rf {} +

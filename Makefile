# Every target does its own set-up: .venv with pip, once, from the lock files.
# `make help` lists the targets. PYTHON chooses the interpreter (3.11 or later), OUT the folder of `make discover`.

PYTHON ?= python3
OUT ?= discovered
BIN := .venv/bin
# One thread a process: two on contended cores can be many times slower than one.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 VOXPLORE_THREADS=1
# Processes of the test run; every one of them loads torch, so many more than this gain little.
JOBS ?= 2

.PHONY: help setup discover test slow lint types docs lock clean

help:
	@echo "make setup     .venv with all that is locked"
	@echo "make discover  draw new unit cells with the shipped model, score them, show them: $(OUT)/"
	@echo "make test      tests and line coverage"
	@echo "make slow      the tests that take minutes"
	@echo "make lint      ruff"
	@echo "make types     pyright"
	@echo "make docs      the documentation as a site: site/"
	@echo "make lock      write requirements/*.txt anew from pyproject.toml (needs uv)"

setup: .venv/.set-up

# The stamp is last, so that a set-up broken off is done again. torch comes after the lock: what it needs on every
# platform is locked, and pip adds only what its wheel for this platform asks for besides.
.venv/.set-up: pyproject.toml requirements/lock.txt requirements/torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "voxplore needs Python 3.11 or later, came $$($(PYTHON) --version): make PYTHON=python3.11" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/torch.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.docs: .venv/.set-up requirements/docs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/docs.txt
	@touch $@

discover: setup
	$(BIN)/voxplore discover --out $(OUT)

# Kernel bodies are compiled, so coverage cannot see them: a short first run executes them as plain Python.
test: setup
	rm -f .coverage .coverage.*
	$(TEST_ENV) NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest tests/test_kernels.py tests/data/test_truss.py \
		-k "not million and not threads and not this_file and not more_than_64" --cov --cov-report=
	$(TEST_ENV) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --durations 15 \
		--cov --cov-append --cov-report term:skip-covered --cov-fail-under 90

slow: setup
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/pyright

docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# One lock for every platform and Python; no registry is named in it.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--override requirements/override.txt pyproject.toml
lock:
	$(LOCK) requirements/beside.in --extra export --extra test --extra lint -o requirements/lock.txt
	$(LOCK) --extra docs -c requirements/lock.txt -o requirements/docs.txt

clean:
	rm -rf .venv site .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis

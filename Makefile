# Every target does its own set-up: .venv with pip, once, from the lock files.
# `make help` lists the targets. PYTHON chooses the interpreter (3.11 or later), OUT the folder of `make discover`.

PYTHON ?= python3
OUT ?= discovered
BIN := .venv/bin
# One thread a process: two on contended cores can be many times slower than one.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 VOXPLORE_THREADS=1
# Processes of the test run; every one of them loads torch, so many more than this gain little.
JOBS ?= 2

.PHONY: help setup discover test slow lint types docs lock wheel wheel-test audit clean

help:
	@echo "make setup     .venv with all that is locked"
	@echo "make discover  draw new unit cells with the shipped model, score them, show them: $(OUT)/"
	@echo "make test      tests and line coverage"
	@echo "make slow      the tests that take minutes"
	@echo "make lint      ruff"
	@echo "make types     pyright"
	@echo "make docs      the documentation as a site: site/"
	@echo "make wheel-test  build the wheel, install it alone beside the locked packages, run a fast part of the tests"
	@echo "make audit     known vulnerabilities of what is locked, and a bill of materials: dist/ (needs a network)"
	@echo "make lock      write requirements/*.txt anew from pyproject.toml (needs uv)"

setup: .venv/.set-up

# The stamp is last, so that a set-up broken off is done again. torch comes after the lock: what it needs on every
# platform is locked, and pip adds only what its wheel for this platform asks for besides.
.venv/.set-up: pyproject.toml requirements/lock.txt requirements/torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "voxplore needs Python 3.11 or later, got $$($(PYTHON) --version): make PYTHON=python3.11" >&2; exit 2; }
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
	$(TEST_ENV) NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest tests/kernels/test_kernels.py tests/data/synthetic/test_truss.py \
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

wheel: .venv/.set-up
	rm -rf dist/*.whl
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

# The wheel alone in an environment: the locked packages are those of .venv (its folder, not its editable voxplore), and
# the tests run outside of the checkout, so that nothing but the wheel can be imported as voxplore.
WHEEL_TESTS := storage/test_storage.py test_config.py test_unitcells.py test_geometry.py test_parallel.py test_hub.py \
	data/synthetic/test_truss.py metrics/test_quality.py training/test_loop.py
ALONE := dist/alone
wheel-test: wheel
	rm -rf $(ALONE) && $(BIN)/python -m venv --without-pip $(ALONE)/venv
	$(BIN)/python -m pip --python $(ALONE)/venv/bin/python install --quiet --disable-pip-version-check --no-deps \
		--no-index dist/*.whl
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > \
		"$$($(ALONE)/venv/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/locked.pth"
	cp -r tests pyproject.toml $(ALONE)
	cd $(ALONE) && venv/bin/python -c "import voxplore; assert 'alone' in voxplore.__file__, voxplore.__file__"
	cd $(ALONE) && $(TEST_ENV) venv/bin/python -m pytest -q -p no:cacheprovider $(addprefix tests/,$(WHEEL_TESTS))
	cd $(ALONE) && venv/bin/voxplore --version && $(TEST_ENV) venv/bin/voxplore generate default --n 4 --out cells

# pip-audit asks an online service about every locked version; without a network it says so and fails, and so it does
# (--strict) where it gets no answer on one of them, as no answer is no clean bill.
audit: setup
	test -x dist/audit/bin/pip-audit || { $(PYTHON) -m venv dist/audit && \
		dist/audit/bin/pip install --quiet --disable-pip-version-check pip-audit; } || \
		{ echo "audit: pip-audit could not be installed: no network, or none that reaches a package index" >&2; exit 3; }
	cat requirements/lock.txt requirements/torch.txt | sed -e 's/ *--hash=[^ ]*//g' -e 's/ *\\$$//' | grep '==' > dist/audit/locked.txt
	dist/audit/bin/pip-audit --strict --requirement dist/audit/locked.txt --no-deps --disable-pip --format cyclonedx-json \
		--output dist/sbom.json || \
		{ echo "audit: something locked is known to be vulnerable, or the service did not answer on all of it (see above)" >&2; exit 3; }
	@echo "audit: nothing known against what is locked; bill of materials in dist/sbom.json"

clean:
	rm -rf dist .venv site .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis

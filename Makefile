# The two commands are `make figures` and `make test`; both set everything up themselves, once.
ifndef PYTHON
PYTHON := $(shell command -v python3 || echo python3)
endif
CORES ?= $(shell nproc 2>/dev/null || echo 2)
CHOSEN := $(if $(CONFIG),--configfile '$(subst ','\'',$(CONFIG))')
QUIET := $(if $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),--quiet)
BIN := .venv/bin
RUN := $(BIN)/python -m
READY := .venv/.ready

# Every command runs the code of the tree that it stands in, wherever that was set up.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)/src

.PHONY: figures gallery readme verify test test-slow smoke benchmark lint setup clean report test-slurm
.PHONY: profile crate installed placed docs docs-setup links

# `make figures CONFIG=config/mine.yaml` takes a named configuration; so do `make report` and
# `make verify`.  It is checked before Snakemake reads it: see docs/reproducibility.md.
figures: setup
	$(RUN) modecollapse check $(CHOSEN)
	$(RUN) snakemake --cores $(CORES) $(QUIET) $(CHOSEN)

smoke: setup
	$(RUN) snakemake --cores $(CORES) $(QUIET) --configfile config/smoke.yaml

# One HTML file with every figure, table and run time; everything in it is brought up to date first.
report: setup
	$(RUN) modecollapse check $(CHOSEN)
	$(RUN) snakemake --cores $(CORES) $(QUIET) $(CHOSEN) -- report
	$(RUN) snakemake --report report.html $(CHOSEN) -- report

# The processes share the cores, so that each of them computes with one thread.
test test-slow: export OMP_NUM_THREADS := 1
test test-slow: SHARED := -n $(CORES) --dist loadfile --no-loadscope-reorder
test: setup docs-setup
	$(RUN) pytest -q -rs $(SHARED) -m "not slow and not slurm"

test-slow: setup
	$(RUN) pytest -q $(SHARED) -m slow

# On a Slurm of one node that it brings up itself: as root, from Debian's packages (.ci/run).
test-slurm: setup
	$(RUN) pytest -q -rs -m slurm tests/workflow

lint: setup
	$(RUN) ruff check . && $(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) mypy
	$(RUN) snakemake --lint

verify: setup
	$(RUN) modecollapse verify $(CHOSEN)

# Where the time of a finished run went.
profile: setup
	$(RUN) modecollapse profile $(CHOSEN)

# Its description as an RO-Crate, ro-crate-metadata.json.
crate: setup
	$(RUN) modecollapse crate $(CHOSEN)

benchmark: .venv-benchmark/.ready
	.venv-benchmark/bin/python -m benchmarks

# .ready says what was installed, and where this tree then was.  Where only the place has changed (the
# folder was moved or copied), or what pyproject.toml says, nothing is fetched.
LOCKED := cksum < requirements/lock.txt
PLACED := cksum < pyproject.toml && pwd -P
setup:
	@if [ "$$($(LOCKED))" != "$$(head -n 1 $(READY) 2>/dev/null)" ]; then \
		$(MAKE) --no-print-directory PYTHON='$(PYTHON)' installed; \
	elif [ "$$($(PLACED))" != "$$(tail -n +2 $(READY))" ]; then $(MAKE) --no-print-directory placed; fi

installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(RUN) pip install --quiet --upgrade "pip>=25"
	$(RUN) pip install --quiet -r requirements/lock.txt
	@$(MAKE) --no-print-directory placed

placed:
	$(BIN)/python requirements/placed.py
	$(RUN) pip install --quiet --no-deps --no-build-isolation --editable .
	@{ $(LOCKED) && $(PLACED); } > $(READY)

.venv-benchmark/.ready: requirements/benchmark.txt requirements/lock.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv-benchmark
	.venv-benchmark/bin/python -m pip install --quiet --upgrade "pip>=25"
	.venv-benchmark/bin/python -m pip install --quiet -r requirements/lock.txt
	.venv-benchmark/bin/python -m pip install --quiet -r requirements/benchmark.txt
	.venv-benchmark/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The documents' numbers, from the default configuration's table of claims.
readme: figures
	$(RUN) modecollapse.pipeline.quote

# The site, build/site/index.html; every warning is an error.  It opens without a network.
docs: setup docs-setup
	$(RUN) sphinx -q -W --keep-going -c docs/site docs build/site

# The links that lead elsewhere as well; wants the network.
links: setup docs-setup
	$(RUN) sphinx -q -b linkcheck -c docs/site docs build/links

docs-setup: setup
	@if ! cmp -s requirements/docs.txt .venv/.docs; then \
		$(RUN) pip install --quiet -r requirements/docs.txt && cp requirements/docs.txt .venv/.docs; fi

# Removes what the pipeline made, not what was installed.
clean:
	find -H results figures -mindepth 1 ! -name .gitkeep -delete; rm -rf logs .snakemake

# The README's pictures: the finished figures at screen size.
gallery: figures
	$(BIN)/python docs/gallery.py

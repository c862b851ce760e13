# Everything that is run here, by developers and by CI. Needs Python 3.11 or newer and nothing else; `make` lists it.
# Another interpreter: make PYTHON=python3.13 install

BIN := .venv/bin
export PYTHON
unexport PYTHONPATH PYTHONHOME
.DEFAULT_GOAL := help
.PHONY: help install demo test check lint types unit package test-browser screenshots bench docs docs-serve format pin clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf 'make %-12s  %s\n' "$$name" "$$text"; done

install: ## create the environment in .venv, or bring it up to date
	@scripts/install

demo: install ## see it work: compile the schemas, start a server, call it as a client of both eras
	@$(BIN)/python examples/demo.py

test: install ## run everything that CI runs; what has passed with just these files is not run again
	@for part in lint types unit package; do MAKE="$(MAKE)" scripts/unless-passed $$part || exit 1; done
	@echo "==> all is well"

check: test ## the same as test

lint: install ## style: ruff's rules and formatting
	@echo "==> lint: ruff check, ruff format --check"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

types: install ## types: mypy --strict on the sources and on all generated code
	@scripts/check-generated
	@echo "==> types: mypy --strict on codegen, runtime, schemas, examples, benchmarks, website"
	@$(BIN)/mypy

unit: install ## the tests of the sources, with branch coverage
	@echo "==> unit: pytest, branch coverage"
	@$(BIN)/python -m pytest --ignore=tests/packaging --ignore=tests/browser --numprocesses=auto --maxprocesses=4 --cov --cov-report= --cov-fail-under=0
	@mkdir -p build
	@$(BIN)/coverage report >build/coverage.txt || { cat build/coverage.txt; exit 1; }
	@echo "    covered: $$(sed -n 's/^TOTAL.* //p' build/coverage.txt); build/coverage.txt lists what is not"

package: install ## the distributions, built and tried in a clean environment
	@echo "==> package: pytest tests/packaging"
	@$(BIN)/python -m pytest tests/packaging

test-browser: install ## the studio in a real browser; installs chromium and what else it needs. Not part of test
	@scripts/browser
	@echo "==> browser: pytest tests/browser"
	@$(BIN)/python -m pytest tests/browser

screenshots: install ## take the pictures of the studio for the docs anew
	@scripts/browser
	@PYTHONPATH=examples $(BIN)/python -m tests.browser.screenshots

bench: install ## how fast it all is, beside other things; takes a quarter of an hour, and fails on nothing
	@$(BIN)/python benchmarks/run.py --write benchmarks/results.md
	@$(BIN)/python benchmarks/quotes.py

docs: install ## the documentation as a site, in build/site; any warning is an error
	@$(BIN)/python website/build.py

docs-serve: install ## the same, shown at http://127.0.0.1:8008/
	@$(BIN)/python website/build.py serve

format: install ## put the sources into the house's format
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

pin: install ## write constraints.txt anew, with today's versions
	@scripts/pin

clean: ## remove whatever these commands made, the environment too
	rm -rf .venv build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

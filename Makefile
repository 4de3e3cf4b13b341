# Everything a person runs. `make` alone lists it.
SHELL := /bin/sh
PYTHON := .venv/bin/python
# sam finds the interpreter it builds for on PATH.
TOOLS := PATH="$(CURDIR)/.venv/bin:$(CURDIR)/.tools/uv/bin:$$($(PYTHON) -c 'import sys; print(sys.base_prefix)')/bin:$$PATH" \
	SAM_CLI_TELEMETRY=0 SAM_CLI_CHECK_UPDATE=0
CONFIG ?= default
BUILD := .aws-sam/build
EXAMPLE := local/replay/series/web-cpu.yaml local/replay/series/web-cpu.csv

.PHONY: help setup run chat replay test unit bench check build deploy lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: ## install what is missing, into this folder only
	@local/setup.sh

run: setup ## the whole system on this machine, with a demo; ctrl-C ends it
	@$(TOOLS) $(PYTHON) -m local $(ARGS)

chat: setup ## a prompt that sends what you type as Slack would (while make run is up)
	@$(PYTHON) -m local.chat.prompt $(ARGS)

replay: setup ## runs a recorded series through a policy and draws what it would have done; ARGS=--help
	@mkdir -p .bellhop
	@PYTHONPATH=layers/shared $(PYTHON) -m local.replay $(or $(ARGS),$(EXAMPLE) -o .bellhop/web-cpu.svg)

test: setup ## every test: unit, integration, and system on a local stack of its own
	@$(TOOLS) $(PYTHON) -m pytest $(ARGS)

unit: setup ## the tests that need nothing
	@$(PYTHON) -m pytest tests/unit $(ARGS)

bench: setup ## how fast, how many calls, how big, with budgets (2 minutes); ARGS="--full", subjects, --out
	@$(TOOLS) $(PYTHON) -m benchmarks $(ARGS)

check: setup ## style, types, template
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(TOOLS) AWS_DEFAULT_REGION=eu-west-1 sam validate --lint
	@.venv/bin/python -m pytest -q tests/unit/test_template.py

# sam ships no bytecode, and the times in its zips make ordinary bytecode invalid: hash-based stays valid.
build: setup ## what deploy uploads, bytecode included
	@$(TOOLS) sam build --config-env $(CONFIG) $(SAM_BUILD_ARGS)
	@for built in $(BUILD)/*Function; do \
		$(PYTHON) -m compileall -q -f --invalidation-mode unchecked-hash -s $$built -p /var/task $$built || exit 1; done
	@$(PYTHON) -m compileall -q -f -j0 --invalidation-mode unchecked-hash \
		-s $(BUILD)/SharedLayer -p /opt $(BUILD)/SharedLayer

deploy: build ## to AWS, with the credentials of your shell; the first time ARGS=--guided
	@$(TOOLS) sam deploy --config-env $(CONFIG) $(ARGS)

lock: setup ## renew every pinned version
	@$(TOOLS) uv lock --upgrade
	@$(TOOLS) uv export --frozen --no-dev --no-emit-project --no-annotate --no-header --quiet -o layers/shared/requirements.txt
	@{ echo '# MiniStack, the local AWS endpoint, and what it needs to deploy a SAM template. Pinned; make lock renews it.'; \
		printf 'ministack==1.5.33\naws-sam-translator\nboto3\n' | $(TOOLS) uv pip compile --quiet --upgrade \
		--python-version 3.13 --generate-hashes --no-annotate --no-header -; } > local/ministack.txt

clean: ## remove what was built; .venv and .tools stay
	@rm -rf .aws-sam .bellhop .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The first Python in the supported range; override with `make run PYTHON=python3.12`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
IN_VENV := .venv/bin/python
# One file for all Pythons and systems. setuptools is left to torch, which takes any, and to the
# training of the preview voice, which needs an old one.
LOCK = $(IN_VENV) -m uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	--no-emit-package setuptools --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade) pyproject.toml

PURELIB := import sysconfig; print(sysconfig.get_path('purelib'))

# Tests start hundreds of processes, each of which would compile all of app/ again.
unexport PYTHONDONTWRITEBYTECODE

# Half of a test's time it waits, for sockets and clocks: two processes would leave two cores half idle.
SIDE_BY_SIDE = -n 4 --dist loadgroup
# What fails beside other tests on a busy machine is tried once more by itself; what fails twice has failed.
define pytest
	$(IN_VENV) -m pytest $(1) $(2) || \
		{ [ $$? = 1 ] && $(IN_VENV) -m pytest $(1) --last-failed --last-failed-no-failures none; }
endef

.DEFAULT_GOAL := help
.PHONY: help run setup setup-dev lock test test-agents test-docs test-fleet test-long test-studio soak check audit format \
	bench preview-model

help: ## Show the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup ## Install what is missing and start the server
	@$(PYTHON) scripts/bootstrap.py env
	@exec $(IN_VENV) server.py

setup: ## Create .venv and install everything the server needs
	@if [ -z "$(PYTHON)" ]; then echo "no Python 3.11 to 3.14 found on this machine"; exit 1; fi
	@$(PYTHON) scripts/bootstrap.py setup

setup-dev: ## The same, and the test tools
	@if [ -z "$(PYTHON)" ]; then echo "no Python 3.11 to 3.14 found on this machine"; exit 1; fi
	@$(PYTHON) scripts/bootstrap.py setup --dev

test: setup-dev ## Run the tests; COVER=1 also measures how much of app/ they run, in twice the time
	$(call pytest,-m 'not long and not docs and not fleet and not soak and not studio',$(SIDE_BY_SIDE) \
		$(if $(COVER),--cov --cov-report=term))

test-long: setup-dev ## Run those that take many seconds each: the preview voice is recognised, a wheel is built
	$(call pytest,-m long,$(SIDE_BY_SIDE))

test-agents: setup-dev ## Speak with LiveKit's and Pipecat's own plug-ins, in a .venv-agents of their own
	test -x .venv-agents/bin/python || $(PYTHON) -m venv .venv-agents
	$(IN_VENV) -m uv pip install --quiet --python .venv-agents/bin/python --group test-agents
	$(call pytest,tests/agents)

test-fleet: setup-dev ## Run several servers, behind nginx and with Ray, for some minutes
	test -x .venv-fleet/bin/python || $(PYTHON) -m venv .venv-fleet
	$(IN_VENV) -m uv pip install --quiet --python .venv-fleet/bin/python --group test-fleet
	@# What the server needs it finds in .venv, where torch is already.
	$(IN_VENV) -c "$(PURELIB)" > "$$(.venv-fleet/bin/python -c "$(PURELIB)")/server.pth"
	$(call pytest,-m fleet -s)

soak: setup-dev ## Attack and work the server for minutes, and print what came of it
	$(call pytest,-m soak)

test-docs: setup-dev ## Do what README, docs/, deploy/ and the docs page say, as a newcomer would
	$(call pytest,-m docs)

test-studio: setup-dev ## Work the studio's page in a browser (Chromium)
	$(call pytest,-m studio)

check: setup-dev ## Lint, format check and types
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m mypy

audit: setup-dev ## Ask PyPI for weaknesses that are known of the packages; needs a network
	$(IN_VENV) scripts/audit.py

format: setup-dev ## Format the code
	$(IN_VENV) -m ruff check --fix .
	$(IN_VENV) -m ruff format .

lock: setup-dev ## Pin what pyproject.toml asks for; UPGRADE=1 takes the newest of everything
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt

bench: setup-dev ## Measure this machine with a full-size model (random weights)
	$(IN_VENV) -m benchmarks

preview-model: setup-dev ## Train the preview voice from nothing (hours; see training/preview/README.md)
	$(IN_VENV) -m pip install -r training/preview/requirements.txt
	$(IN_VENV) -m pip install --no-deps Resemblyzer==0.1.4
	$(IN_VENV) -m training.preview all

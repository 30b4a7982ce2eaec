# The commands a person needs; each installs what it lacks. `make help` lists them.

SWIFT ?= swift
CONFIGURATION ?= release
EXAMPLES = $(wildcard Examples/*/Package.swift Examples/*/Sources Examples/*/Tests)

.PHONY: help dependencies build test test-postgresql races durability fuzz demo model bench bench-full hit-ratio lint format clean

help: ## Show the commands
	@sed -n 's/^\([a-z -]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

dependencies: ## Install the C libraries (Debian, Ubuntu: apt-get; macOS: brew)
	@scripts/install-dependencies

build: dependencies ## Build the library and kvtool
	$(SWIFT) build -c $(CONFIGURATION)

# PostgreSQL's tests belong to the same build, wherever its library is.
TRAITS = $(shell pkg-config --exists libpq 2>/dev/null && echo --traits PostgreSQL)

test: dependencies ## Run every test, check the model of the protocol, cut the power and fuzz for some minutes
	$(if $(TRAITS),,@echo "libpq is not installed, so PostgreSQL is not tested; make test-postgresql installs it" >&2)
	$(SWIFT) test $(TRAITS)
	Model/check.sh
	scripts/durability --short
	scripts/fuzz --short

test-postgresql: ## Test PostgreSQL as a source, on a server that the tests start
	@scripts/install-dependencies postgresql
	$(SWIFT) test --traits PostgreSQL --filter LarderPostgreSQLTests

model: ## Check the model of the protocol alone, at the larger sizes too
	Model/check.sh --long

races: dependencies ## Look for data races with ThreadSanitizer (Linux)
	scripts/check-races

durability: dependencies ## Cut the power, kill, fail calls and break bytes, at length; the report is in .build/durability
	scripts/durability $(if $(SEED),--seed $(SEED))

fuzz: dependencies ## Fuzz every parser for ten minutes each, or for SECONDS
	scripts/fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

demo: dependencies ## Replay a real trace, kill it, and see that nothing is lost
	@scripts/demo

bench bench-full hit-ratio: dependencies ## Measure Larder beside its peers; see Benchmarks/README.md
	@$(MAKE) --no-print-directory -C Benchmarks $@ $(if $(TRACES),TRACES="$(abspath $(TRACES))")

lint: ## Check the formatting and the documentation of public declarations
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Fuzzing/Package.swift Fuzzing/Sources/Fuzzing $(EXAMPLES)

format: ## Format the sources
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Fuzzing/Package.swift Fuzzing/Sources/Fuzzing $(EXAMPLES)

clean: ## Remove what was built
	rm -rf .build .build-* Fuzzing/.build Tests/Recorder/.build

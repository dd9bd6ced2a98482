# The words for daily work. Each sets up what is missing first, so each works in a fresh clone.
# How things are built is in CMakeLists.txt, what ctest runs in tests/tests.cmake.

SECONDS ?= 60
JOBS := $(shell nproc)
CTEST := ctest --output-on-failure --no-label-summary --no-tests=error -j $(JOBS)

.PHONY: all run test check sanitize tidy fuzz bench fmt clean build-tests setup setup-test

all: setup ## build/sluice, build/sluice-mock, build/sluice-load
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release --target products

run: all ## on 127.0.0.1:8080, or where SLUICE_LISTEN says
	@SLUICE_LISTEN=$${SLUICE_LISTEN:-127.0.0.1:8080} build/sluice

test: build-tests ## every test
	@$(CTEST) --test-dir build

check: build-tests ## what to run before a commit: under a minute
	@$(CTEST) --test-dir build -L '^(unit|golden|flow|lint)$$'

sanitize: setup-test ## the tests of our code under AddressSanitizer and UBSan
	@cmake --preset asan --log-level=WARNING >/dev/null
	@cmake --build --preset asan
	@$(CTEST) --test-dir build/asan -L '^(unit|golden|flow|fuzz)$$'

tidy: setup-test ## clang-tidy
	@tests/lint/tidy

fuzz: setup-test ## SECONDS=60 for each target
	@cmake --preset fuzz --log-level=WARNING >/dev/null
	@cmake --build --preset fuzz
	@tests/fuzz/run $(SECONDS)

bench: all ## figures of this machine, in a quarter of an hour
	@deps/setup bench
	@bench/run

fmt: setup-test ## clang-format, in place
	@tests/lint/format --fix

clean: ## what deps/setup brought stays
	@rm -rf build

build-tests: setup-test
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release

setup:
	@deps/setup build

setup-test:
	@deps/setup test

# PodAgent. `make demo` shows it at work, `make test` tests it; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

SWIFT ?= swift
PYTHON ?= python3 -B
PREFIX ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
UNITS := podagent.service podagent-shutdown.service

RELEASE := .build/release
IMAGES := .build/images
FORMATTED := Package.swift Sources Tests

# The agent carries Swift's library inside itself, so that the node needs no Swift. `-s` strips it as it is linked.
AGENT_FLAGS := -c release --static-swift-stdlib -Xlinker -s --product podagent
# The shim is Embedded Swift and linked statically in any case. The flag above would make the compiler look for
# the embedded library where there is none, hence the second call.
SHIM_FLAGS := -c release -Xlinker -s --product podshim

.PHONY: build release deps images test test-vm simulate check test-thread test-address fuzz demo bench bench-network bench-probes bench-images reliability format lint install uninstall clean help

build: ## debug build (the default)
	$(SWIFT) build

release: ## the binaries to install: .build/release/podagent and podshim, stripped
	$(SWIFT) build $(AGENT_FLAGS)
	$(SWIFT) build $(SHIM_FLAGS)
	@ls -lL $(RELEASE)/podagent $(RELEASE)/podshim

deps: ## install from Debian what this machine lacks
	@packaging/dependencies

images: deps $(IMAGES)/.made ## make the example images below .build/images

$(IMAGES)/.made: $(wildcard examples/images/*.py) Tests/Benchmarks/stamp.c
	$(PYTHON) examples/images/build.py --output $(IMAGES)
	@touch $@

# What the tests leave behind is compared with what was there before them; see Tests/leftovers.
test: deps images ## everything: builds, then runs all tests; needs root
	@if [ "$$(id -u)" != 0 ]; then echo "make test makes namespaces and mounts: run it as root (sudo make test)" >&2; exit 1; fi
	$(SWIFT) build --build-tests
	Tests/leftovers snapshot .build/before-tests.json
	PODAGENT_TEST_IMAGES="$(CURDIR)/$(IMAGES)" timeout --kill-after=10 40m $(SWIFT) test --skip-build </dev/null 2>&1 \
		| tee .build/tests.log || { echo "What failed:"; grep -E '✘|↳' .build/tests.log | tail -60; exit 1; }
	cd examples/images && $(PYTHON) -m unittest
	Tests/leftovers compare .build/before-tests.json

# An installation as administrators make it, then a machine that gets it; VM= for run.py's flags.
test-vm: images ## a whole machine: boots systemd in a process, installs the service, checks it; needs root
	@if [ "$$(id -u)" != 0 ]; then echo "make test-vm makes a file system as root has it: run it as root (sudo make test-vm)" >&2; exit 1; fi
	@packaging/dependencies vm
	rm -rf .build/vm/installed
	$(MAKE) --no-print-directory install DESTDIR="$(CURDIR)/.build/vm/installed" PREFIX=/usr/local
	$(PYTHON) Tests/VM/run.py --installed .build/vm/installed --image $(IMAGES)/busybox.tar $(VM)

# The first failing seed of each share is printed with its story; SEED= replays that one.
SEEDS ?= 10000
simulate: ## a node's life under seeds, with crashes, probes, hooks, sidecars and changes: SEEDS=N as many as wanted, SEED=N that one again
	$(SWIFT) build --build-tests
	PODAGENT_SIMULATE="$(if $(SEED),$(SEED) 1,0 $(SEEDS))" $(SWIFT) test --skip-build --filter NodeSimulationTests

check: lint test ## lint and test

# Sanitizers clash with the flags that make the shim static; Package.swift leaves those out when asked.
test-thread: deps images ## the tests under the thread sanitizer
	PODAGENT_SANITIZE=1 PODAGENT_TEST_IMAGES="$(CURDIR)/$(IMAGES)" $(SWIFT) test --sanitize=thread --scratch-path .build-tsan

test-address: deps images ## the tests under the address sanitizer
	PODAGENT_SANITIZE=1 PODAGENT_TEST_IMAGES="$(CURDIR)/$(IMAGES)" $(SWIFT) test --sanitize=address --scratch-path .build-asan

FUZZ_SECONDS ?= 30
fuzz: deps ## the parsers of what strangers write, each fed with made-up input for FUZZ_SECONDS=30
	@Tests/Fuzz/run $(FUZZ_SECONDS)

demo: deps release images ## run the examples until Ctrl-C, in a directory of its own
	@examples/demo

bench: deps release images ## measure; prints the tables of docs/performance.md; BENCH=, PROBES=, NETWORK= and PULLS= for the flags of its parts
	@$(PYTHON) Tests/Benchmarks/bench.py $(BENCH)
	@echo
	@$(PYTHON) Tests/Benchmarks/probes.py $(PROBES)
	@echo
	@$(PYTHON) Tests/Benchmarks/network.py $(NETWORK)
	@echo
	@$(PYTHON) Tests/Benchmarks/images.py $(PULLS)

bench-network: deps release images ## only the network's part of that
	@$(PYTHON) Tests/Benchmarks/network.py $(NETWORK)

bench-probes: deps release images ## only the part about probes and restarts
	@$(PYTHON) Tests/Benchmarks/probes.py $(PROBES)

bench-images: deps release images ## only the part about pulling images
	@$(PYTHON) Tests/Benchmarks/images.py $(PULLS)

# Fails when a container was disturbed or something was left behind; a time that misses its aim is only printed.
reliability: deps release images ## restarts under load and churn; prints the tables of docs/reliability.md; RELIABILITY= for its flags
	@if [ "$$(id -u)" != 0 ]; then echo "make reliability makes namespaces and mounts: run it as root (sudo make reliability)" >&2; exit 1; fi
	@$(PYTHON) Tests/Benchmarks/reliability.py $(RELIABILITY)

format: ## format the sources in place
	$(SWIFT) format --in-place --parallel --recursive $(FORMATTED)

lint: ## fail on anything that the formatter or its rules would change
	$(SWIFT) format lint --strict --parallel --recursive $(FORMATTED)

# install(1) writes new files rather than into old ones: shims of an earlier version go on running theirs.
install: release ## install below PREFIX (default /usr/local), with the systemd units
	install -D -m 0755 $(RELEASE)/podagent "$(DESTDIR)$(PREFIX)/bin/podagent"
	install -D -m 0755 $(RELEASE)/podshim "$(DESTDIR)$(PREFIX)/bin/podshim"
	install -d -m 0755 "$(DESTDIR)$(UNITDIR)"
	for unit in $(UNITS); do sed 's|/usr/local/bin/|$(PREFIX)/bin/|g' packaging/$$unit > "$(DESTDIR)$(UNITDIR)/$$unit"; done
	install -d -m 0755 "$(DESTDIR)/etc/pods"
	@echo "installed; start it with: systemctl daemon-reload && systemctl enable --now podagent podagent-shutdown"

uninstall: ## remove what install put there; /etc/pods and what Pods have stored stay
	rm -f "$(DESTDIR)$(PREFIX)/bin/podagent" "$(DESTDIR)$(PREFIX)/bin/podshim" $(UNITS:%="$(DESTDIR)$(UNITDIR)/%")

clean: ## remove everything that was built
	rm -rf .build .build-tsan .build-asan

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

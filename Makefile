# make run   the demo: a simulated robot with pictures and physics, driven by an Octo checkpoint; no hardware needed.
#            A page at CONSOLE_PORT (8080) shows it, for SECONDS_TO_RUN (60)
# make test  everything the project promises
# make test-v4l2  cameras, in a virtual machine
# make train-check  a short training of a policy, measured against chance; needs Python with torch
# make datasets-check  one dataset by three roads: Octo's loader, TFDS and LeRobot; downloads some gigabytes once
# make fuzz  broken files and hostile messages, FUZZ times as many as in make test
# make deb  a package for Debian 12, in .build
# make package-check  that package, in a fresh Debian without Swift; needs root
# make install  programs, manifests and calibrations under PREFIX (/usr/local)
# make bench latencies and ratios, printed, on this machine

SWIFT_FLAGS = -c release --explicit-target-dependency-import-check error
BIN = .build/release
# The console's page, where SwiftPM puts it.
PAGE = $(BIN)/octo-runtime_octo-console.resources/Page
SECONDS_TO_RUN ?= 60
CONSOLE_PORT ?= 8080
FUZZ ?= 20
PREFIX ?= /usr/local
PROGRAMS = launch camera goal policy arm teleop record replay sim eval console bus bench

.PHONY: run test test-v4l2 train-check datasets-check package-check build packages bench fuzz deb install \
	install-files

packages:
	@.ci/packages

build: packages
	swift build $(SWIFT_FLAGS)

run: build
	$(BIN)/octo-launch launch/sim.json --console --set console.port=$(CONSOLE_PORT) --for $(SECONDS_TO_RUN) --set simulation.film=sim.png

# One build serves both: the tests start the programs that lie beside them. Those that start whole robots come last,
# by themselves: they need the machine's cores.
test: packages
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --skip EndToEndTests
	swift test $(SWIFT_FLAGS) --skip-build --filter EndToEndTests

# A seed that is printed with a failure makes it come again: OCTO_TEST_SEED=SEED.
fuzz: packages
	swift build $(SWIFT_FLAGS) --build-tests
	OCTO_FUZZ=$(FUZZ) swift test $(SWIFT_FLAGS) --skip-build --filter FuzzTests

# Camera code against the kernel's test cameras, in a virtual machine; needs QEMU and downloads a kernel once.
test-v4l2: build
	Tests/v4l2/run

# Some eight minutes; PYTHON names a Python that has torch, numpy, pillow and msgpack.
train-check: build
	launch/policies/check

# Some three minutes; PYTHON names a Python 3.10, LEROBOT_PYTHON one that has LeRobot.
datasets-check: build
	Tests/datasets/run

install: build install-files

# Of what was built. Programs find launch/, calibration/ and console/ (the page) beside their prefix, from any folder.
install-files:
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/octo-runtime/console"
	for program in $(PROGRAMS); do install -m 755 "$(BIN)/octo-$$program" "$(DESTDIR)$(PREFIX)/bin/"; done
	cp -r launch calibration README.md LICENSE "$(DESTDIR)$(PREFIX)/share/octo-runtime/"
	cp -r "$(PAGE)/." "$(DESTDIR)$(PREFIX)/share/octo-runtime/console/"

# Needs dpkg-dev, binutils and patchelf.
deb: build
	.packaging/deb

# Some three minutes; downloads a Debian once, and what the package depends on.
package-check: build
	Tests/package/run

bench: build
	$(BIN)/octo-bench all

# make run   the demo: a simulated robot with pictures and physics, driven by an Octo checkpoint; no hardware needed
# make test  everything the project promises
# make test-v4l2  cameras, in a virtual machine
# make train-check  a short training of a policy, measured against chance; needs Python with torch
# make bench latencies and ratios, printed, on this machine

SWIFT_FLAGS = -c release --explicit-target-dependency-import-check error
BIN = .build/release
SECONDS_TO_RUN ?= 15

.PHONY: run test test-v4l2 train-check build packages bench

packages:
	@.ci/packages

build: packages
	swift build $(SWIFT_FLAGS)

run: build
	$(BIN)/octo-launch launch/sim.json --for $(SECONDS_TO_RUN) --set simulation.film=sim.png

# One build serves both: the tests start the programs that lie beside them. Those that start whole robots come last,
# by themselves: they need the machine's cores.
test: packages
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --skip EndToEndTests
	swift test $(SWIFT_FLAGS) --skip-build --filter EndToEndTests

# Camera code against the kernel's test cameras, in a virtual machine; needs QEMU and downloads a kernel once.
test-v4l2: build
	Tests/v4l2/run

# Some eight minutes; PYTHON names a Python that has torch, numpy, pillow and msgpack.
train-check: build
	launch/policies/check

bench: build
	$(BIN)/octo-bench all

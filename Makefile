# make run   the demo: camera → goal-conditioned Octo inference → a simulated arm, no hardware needed
# make test  everything the project promises
# make bench latencies and ratios, printed, on this machine

SWIFT_FLAGS = -c release --explicit-target-dependency-import-check error
BIN = .build/release
SECONDS_TO_RUN ?= 15

.PHONY: run test build packages bench

packages:
	@.ci/packages

build: packages
	swift build $(SWIFT_FLAGS)

run: build
	$(BIN)/octo-launch launch/replay.json --for $(SECONDS_TO_RUN)

# One build serves both: the tests start the programs that lie beside them. Those that start whole robots come last,
# by themselves: they need the machine's cores.
test: packages
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --skip EndToEndTests
	swift test $(SWIFT_FLAGS) --skip-build --filter EndToEndTests

bench: build
	$(BIN)/octo-bench all

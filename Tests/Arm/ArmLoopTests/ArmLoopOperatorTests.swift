import ArmDrivers
import ArmLoop
import CAllocationCount
import Control
import Kinematics
import Maths
import Messages
import RealTime
import TestSupport
import Testing
import Time

@Suite struct ArmLoopOperatorTests {
    private func bench() throws -> LoopBench<SimulatedArm> {
        try LoopBench(SimulatedArm(positions: try widowX().neutral))
    }

    private func push(_ bench: inout LoopBench<SimulatedArm>, held: Bool = true) {
        bench.body.channels.manual.put(
            ManualCommand(
                time: bench.clock.now(), isDeadManHeld: held, motion: .joints([0.3, 0, 0, 0, 0, 0]), gripper: 0))
    }

    @Test func anEmergencyStopReachesTheArmAndOnlyAResetEndsIt() throws {
        var bench = try bench()
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 30)
        #expect(bench.snapshots.last?.isAtRest == false)
        // More stops than any queue holds: none is lost, and they are one stop.
        for _ in 0..<10_000 { bench.body.channels.emergencyStop.raise() }
        bench.run(ticks: 40)
        let stopped = try #require(bench.snapshots.last)
        #expect(stopped.state.mode == .holding(.emergencyStop) && stopped.isAtRest)
        #expect(stopped.counts.emergencyStops == 1)
        _ = bench.body.channels.chunks.push(try chunk(2, observedAt: bench.clock.now()))
        bench.run(ticks: 10)
        #expect(bench.snapshots.last?.state.mode == .holding(.emergencyStop))
        let ann = try #require(OperatorID("ann"))
        #expect(bench.body.channels.commands.push(.resetEmergencyStop(by: ann)))
        bench.run(ticks: 2)
        #expect(
            bench.snapshots.last?.state.mode == .holding(.awaitingResume)
                && bench.snapshots.last?.latch.awaitsResume == true)
        #expect(bench.body.controller.lastResetBy == ann)
        _ = bench.body.channels.chunks.push(try chunk(3, observedAt: bench.clock.now()))
        bench.run(ticks: 2)
        #expect(bench.snapshots.last?.state.mode == .holding(.awaitingResume))
        #expect(bench.body.channels.commands.push(.resume(by: ann)))
        bench.run(ticks: 2)
        #expect(bench.snapshots.last?.latch == ArmLatchedState())
        _ = bench.body.channels.chunks.push(try chunk(3, observedAt: bench.clock.now()))
        bench.run(ticks: 2)
        #expect(bench.snapshots.last?.state.mode == .executing(chunkID: 3, step: 0))
    }

    @Test func aResetAtTheSameMomentAsAStopDoesNotUndoIt() throws {
        var bench = try bench()
        bench.run(ticks: 2)
        let ann = try #require(OperatorID("ann"))
        bench.body.channels.emergencyStop.raise()
        _ = bench.body.channels.commands.push(.resetEmergencyStop(by: ann))
        bench.run(ticks: 2)
        #expect(bench.snapshots.last?.state.mode == .holding(.emergencyStop))
    }

    @Test func anOperatorMovesTheArmAndTheDeadManSwitchStopsIt() throws {
        var bench = try bench()
        for _ in 0..<50 {
            push(&bench)
            bench.run(ticks: 1)
        }
        let moving = try #require(bench.snapshots.last)
        #expect(moving.state.mode == .manual && !moving.isAtRest)
        #expect(abs(moving.state.setpoint.velocities[0] - 0.3) < 1e-9)
        #expect(moving.state.measured.gripper < 0.2)
        push(&bench, held: false)
        bench.run(ticks: 30)
        #expect(bench.snapshots.last?.state.mode == .holding(.released))
        #expect(bench.snapshots.last?.isAtRest == true)
        for _ in 0..<3 {
            push(&bench)
            bench.run(ticks: 1)
        }
        #expect(bench.snapshots.last?.state.mode == .manual)
        bench.run(ticks: 40)
        #expect(bench.snapshots.last?.state.mode == .holding(.released), "silence is letting go")
    }

    @Test func anArmFoundBeyondALimitSaysSoAndIsBroughtBackOnDemand() throws {
        let arm = try widowX()
        var outside = arm.neutral
        outside[1] = arm.joints[1].lower - 0.1
        var bench = try LoopBench(SimulatedArm(positions: outside))
        bench.run(ticks: 10)
        let found = try #require(bench.snapshots.last).state
        #expect(found.mode == .holding(.beyondLimits) && found.blamedJoint == 1)
        _ = bench.body.channels.commands.push(.clearFault)
        bench.run(ticks: 10)
        #expect(bench.snapshots.last?.state.mode == .holding(.beyondLimits), "it is there still")
        _ = bench.body.channels.commands.push(.recover)
        bench.run(ticks: 200)
        #expect(bench.snapshots.contains { $0.state.mode == .recovering })
        #expect(bench.snapshots.last?.state.mode == .holding(.released))
        #expect(try #require(bench.snapshots.last).state.measured.positions[1] > arm.joints[1].lower - 0.02)
    }

    @Test func isAtRestOnlyWhileItHolds() throws {
        var bench = try bench()
        bench.run(ticks: 1)
        var snapshot = try #require(bench.snapshots.last)
        #expect(snapshot.isAtRest)
        for mode in [ArmMode.manual, .recovering, .executing(chunkID: 0, step: 0)] {
            snapshot.state.mode = mode
            #expect(!snapshot.isAtRest)
        }
    }
}

/// Every strategy with every action space, an operator and emergency stops in between: a hundred thousand ticks each.
@Suite struct ArmLoopAllocationTests {
    static let strategies: [ChunkStrategy] = [
        .recedingHorizon(executionHorizon: 2), .temporalEnsemble(weight: 0.1, size: 4),
        .asynchronous(executionHorizon: 1, blend: .milliseconds(400)),
    ]

    private func chunk(_ space: ActionSpace, _ index: Int, _ arm: ArmCalibration) throws -> FixedActionChunk {
        let pose = arm.chain.baseFromEEF(arm.neutral)
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        var actions: [Float] = []
        for step in 0..<4 {
            let sign = (step + index).isMultiple(of: 2) ? 1.0 : -1.0
            let base =
                switch space {
                case .eefDelta, .jointDelta: [Double](repeating: 0, count: 6)
                case .jointPosition: arm.neutral.array
                case .eefAbsolute: [0, 1, 2].map { pose.translation[$0] } + [0, 1, 2].map { angles[$0] }
                }
            actions += base.map { Float($0 + 0.005 * sign) } + [sign > 0 ? 1 : 0]
        }
        let time = MonotonicTime.zero + .milliseconds(index * 200)
        return try FixedActionChunk(
            ActionChunk(
                id: UInt64(index), goalID: "", observationTime: time, captureTime: time, inferredTime: time,
                stepDuration: .milliseconds(200), actionDimension: 7, actions: actions, actionSpace: space,
                noiseSeed: 0,
                noiseCounter: 0), jointCount: 6)
    }

    @Test(arguments: strategies, ActionSpace.allCases)
    func aHundredThousandTicksMakeNoAllocation(strategy: ChunkStrategy, space: ActionSpace) throws {
        let arm = try widowX()
        let configuration = ArmControllerConfiguration(
            rate: Rate(hertz: 100), strategy: strategy, gripper: .sticky(threshold: 0.5, steps: 2),
            watchdog: .milliseconds(700))
        var bench = try LoopBench(SimulatedArm(positions: arm.neutral), configuration: configuration)
        let ann = try #require(OperatorID("ann"))
        let chunks = try (0..<5000).map { try chunk(space, $0, arm) }
        bench.warmUp()
        var (executing, manual, stopped, reports) = (0, 0, 0, 0)
        let before = octo_thread_allocation_count()
        for tick in 0..<100_000 {
            let deadline = MonotonicTime(nanoseconds: Int64(tick + 1) * 10_000_000)
            if tick % 20 == 3 { bench.body.channels.chunks.push(chunks[tick / 20]) }
            if (4000..<4100).contains(tick % 5000) {
                bench.body.channels.manual.put(
                    ManualCommand(
                        time: deadline, isDeadManHeld: true,
                        motion: .twist(linear: Vector3(repeating: 0.01), angular: Vector3(repeating: -0.01))))
            }
            if tick % 10_000 == 7000 { bench.body.channels.emergencyStop.raise() }
            if tick % 10_000 == 7200 {
                bench.body.channels.commands.push(.resetEmergencyStop(by: ann))
                bench.body.channels.commands.push(.resume(by: ann))
            }
            bench.clock.sleep(until: deadline)
            bench.body.tick(TickTime(index: UInt64(tick), deadline: deadline, wake: bench.clock.now()))
            while bench.body.channels.reports.pop() != nil { reports += 1 }
            guard let snapshot = bench.body.channels.snapshots.take() else { continue }
            switch snapshot.state.mode {
            case .executing: executing += 1
            case .manual: manual += 1
            case .holding(.emergencyStop): stopped += 1
            case .holding, .recovering: break
            }
        }
        let allocations = octo_thread_allocation_count() - before
        #expect(allocations == 0)
        #expect(
            executing > 80_000 && manual > 1500 && stopped > 1900 && reports > 1000, "\(executing) \(manual) \(stopped)"
        )
    }
}

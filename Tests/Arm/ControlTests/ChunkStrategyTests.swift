import Control
import Kinematics
import Maths
import Messages
import OctoModel
import TestSupport
import Testing
import Time

/// An arm whose workspace is in nobody's way.
func widowXInTheOpen() throws -> ArmCalibration {
    var arm = try widowX()
    arm.workspace.lower = [-2, -2, -2]
    arm.workspace.upper = [2, 2, 2]
    return arm
}

func controller(
    of calibration: ArmCalibration, hertz: Double = 100, strategy: ChunkStrategy, gripper: GripperRule = .absolute,
    watchdog: Duration = .seconds(1), startMargin: Duration = .zero, at measured: JointState? = nil
) -> ArmController {
    ArmController(
        calibration: calibration,
        configuration: ArmControllerConfiguration(
            rate: Rate(hertz: hertz), strategy: strategy, gripper: gripper, watchdog: watchdog, startMargin: startMargin
        ),
        measured: measured ?? standing(at: calibration.neutral))
}

/// The official wrappers' outputs against the arm's own setpoints, at the end of each step.
@Suite struct OfficialWrapperTests {
    private static let scale = 0.05
    private static let stepSeconds = 2

    private func recorded() throws -> SafetensorsFile {
        try SafetensorsFile(path: Fixture.url("octo/wrappers/wrappers.safetensors").path)
    }

    /// The recorded numbers as joint positions: means survive a shift and a scale. The gripper's is made an opening.
    private func positions(_ numbers: ArraySlice<Double>, _ arm: ArmCalibration) -> [Double] {
        numbers.enumerated().map { index, number in
            let element = index % 7
            return Self.scale * number + (element < 6 ? arm.neutral[element] : 0.5)
        }
    }

    /// Executes the recorded chunks, one every `stride` steps, and returns what the arm was told at each step's end.
    private func execute(
        _ strategy: ChunkStrategy, chunks: Range<Int>, stride: Int = 1, steps: Int
    ) throws -> [[Double]] {
        let arm = try widowXInTheOpen()
        let numbers = try recorded().doubles("in.chunks")
        var bench = Bench(
            controller(of: arm, hertz: 50, strategy: strategy, watchdog: .seconds(30)), at: arm.neutral)
        var executed: [[Double]] = []
        for step in 0..<steps {
            if step.isMultiple(of: stride), chunks.lowerBound + step / stride < chunks.upperBound {
                let index = chunks.lowerBound + step / stride
                let flat = positions(numbers[index * 28..<(index + 1) * 28], arm)
                let rows = (0..<4).map { Array(flat[$0 * 7..<$0 * 7 + 7]) }
                bench.receive(
                    try chunk(
                        rows, id: UInt64(index), observedAt: step * 1000 * Self.stepSeconds, space: .jointPosition,
                        step: .seconds(Self.stepSeconds)))
            }
            // The tick at which one step ends begins the next: the chunk for it must be there by then. The joints are
            // at the end of the step then, while the gripper is on its way already.
            bench.run(milliseconds: 1000 * Self.stepSeconds - (step == 0 ? 20 : 0))
            let gripper = try #require(bench.setpoints.last).gripper
            var ahead = bench
            executed.append(ahead.tick().setpoint.positions.array + [gripper])
        }
        return executed
    }

    private func expect(_ found: [[Double]], _ name: String, rows: Range<Int>? = nil) throws {
        let arm = try widowXInTheOpen()
        let all = try recorded().doubles(name)
        for (index, row) in (rows ?? 0..<all.count / 7).enumerated() {
            let expected = positions(all[row * 7..<(row + 1) * 7], arm)
            for element in 0..<7 {
                #expect(abs(found[index][element] - expected[element]) < 2e-6, "\(name) step \(row) element \(element)")
            }
        }
    }

    @Test(arguments: [1, 2, 4], ["-0.5", "0", "0.25"])
    func theEnsembleIsTheOfficialOne(size: Int, weight: String) throws {
        let strategy = ChunkStrategy.temporalEnsemble(weight: try #require(Double(weight)), size: size)
        try expect(try execute(strategy, chunks: 0..<9, steps: 9), "out.ensemble.h\(size).w\(weight)")
    }

    @Test func aResetForgetsTheChunksOfBefore() throws {
        let strategy = ChunkStrategy.temporalEnsemble(weight: 0, size: 4)
        let name = "out.ensemble.h4.w0.reset_before_5"
        try expect(try execute(strategy, chunks: 0..<5, steps: 5), name, rows: 0..<5)
        try expect(try execute(strategy, chunks: 5..<9, steps: 4), name, rows: 5..<9)
    }

    @Test(arguments: [1, 2, 4])
    func theRecedingHorizonIsTheOfficialOne(horizon: Int) throws {
        let strategy = ChunkStrategy.recedingHorizon(executionHorizon: horizon)
        try expect(
            try execute(strategy, chunks: 0..<9, stride: horizon, steps: 9 * horizon), "out.rhc.e\(horizon)")
    }
}

@Suite struct TemporalEnsembleTests {
    /// Joint 0 shall be at these angles (relative to neutral), step by step.
    private func chunk(_ angles: [Double], id: UInt64, observedAt time: Int) throws -> FixedActionChunk {
        let neutral = try widowX().neutral
        return try ControlTests.chunk(
            angles.map { [neutral[0] + $0] + neutral.array.dropFirst() + [1] }, id: id, observedAt: time,
            space: .jointPosition)
    }

    private func bench(weight: Double = 0, size: Int = 4) throws -> Bench {
        let arm = try widowXInTheOpen()
        return Bench(
            controller(of: arm, strategy: .temporalEnsemble(weight: weight, size: size)), at: arm.neutral)
    }

    private func angle(_ bench: Bench) throws -> Double {
        try #require(bench.setpoints.last).positions[0] - widowX().neutral[0]
    }

    @Test func aLostChunkLeavesTheOthersTheirTimesteps() throws {
        var bench = try bench()
        bench.receive(try chunk([0.01, 0.02, 0.03, 0.04], id: 0, observedAt: 0))
        bench.run(milliseconds: 390)
        // The chunk observed at 200 is lost; the one of 400 belongs to the third timestep.
        bench.receive(try chunk([0.05, 0.06, 0.06, 0.06], id: 2, observedAt: 400))
        bench.run(milliseconds: 210)
        #expect(abs(try angle(bench) - 0.04) < 1e-6, "the mean of 0.03 and 0.05")
        bench.run(milliseconds: 200)
        #expect(abs(try angle(bench) - 0.05) < 1e-6, "the mean of 0.04 and 0.06")
        bench.run(milliseconds: 200)
        #expect(abs(try angle(bench) - 0.06) < 1e-6, "the second chunk alone")
    }

    @Test func eachChunkIsReportedWithTheStepsItHadASayIn() throws {
        var bench = try bench()
        bench.receive(try chunk([0.01, 0.02, 0.03, 0.04], id: 0, observedAt: 0))
        bench.run(milliseconds: 210)
        bench.receive(try chunk([0.03, 0.04, 0.05, 0.06], id: 1, observedAt: 200))
        bench.run(milliseconds: 900)
        #expect(bench.reports.map(\.chunkID) == [0, 1])
        #expect(bench.reports.map(\.outcome) == [.executed, .executed])
        // The second came when the timestep of its first action had begun.
        #expect(bench.reports.map(\.stepsExecuted) == [4, 3])
        #expect(bench.reports.map(\.stepsSkipped) == [0, 1])
        #expect(bench.reports[1].receivedTime == .zero + .milliseconds(210))
        #expect(bench.reports[1].delay == .milliseconds(10))
        #expect(bench.reports[1].firstSetpointTime > .zero + .milliseconds(390))
        #expect(bench.modes.last == .holding(.chunkExhausted))
        #expect(bench.modes.contains(.executing(chunkID: 1, step: 1)))
    }

    @Test func aHoldForgetsEverything() throws {
        var bench = try bench()
        bench.receive(try chunk([0.01, 0.02, 0.03, 0.04], id: 0, observedAt: 0))
        bench.run(milliseconds: 300)
        bench.controller.driverFailed()
        bench.tick()
        bench.controller.clearFault()
        #expect(bench.reports.map(\.outcome) == [.interrupted])
        bench.run(milliseconds: 90)
        let held = try angle(bench)
        bench.receive(try chunk([0.1, 0.1, 0.1, 0.1], id: 1, observedAt: 400))
        bench.run(milliseconds: 600)
        #expect(abs(try angle(bench) - 0.1) < 1e-6 && held < 0.03, "the first chunk has no say any more")
    }

    @Test func chunksOfAnotherKindTakeOverInsteadOfBeingAveraged() throws {
        var bench = try bench()
        bench.receive(try chunk([0.01, 0.02, 0.03, 0.04], id: 0, observedAt: 0))
        bench.run(milliseconds: 300)
        bench.receive(
            try ControlTests.chunk(
                Array(repeating: [0, 0, 0, 0, 0, 0.01, 1], count: 4), id: 1, observedAt: 290, space: .jointDelta))
        bench.run(milliseconds: 150)
        #expect(bench.modes.last == .executing(chunkID: 1, step: 0))
        #expect(bench.reports.map(\.outcome) == [.executed])
    }

    @Test func anglesAreAveragedTheShortWayRound() throws {
        let arm = try widowXInTheOpen()
        let start: JointVector = [0, -0.76, 0.44, 0, 1.756, 0]
        let pose = arm.chain.baseFromEEF(start)
        // Both say "turned by half a turn about the vertical, nearly", from two sides; their mean is not straight
        // ahead.
        let position = pose.translation
        func action(_ yaw: Double) -> [Double] { [position.x, position.y, position.z, 0, 0, yaw, 1] }
        var bench = Bench(
            controller(of: arm, strategy: .temporalEnsemble(weight: 0, size: 4)), at: start)
        bench.receive(
            try ControlTests.chunk([action(3.1), action(3.1), action(3.1)], id: 0, observedAt: 0, space: .eefAbsolute))
        bench.run(milliseconds: 200)
        bench.receive(
            try ControlTests.chunk([action(-3.1), action(-3.1)], id: 1, observedAt: 200, space: .eefAbsolute))
        let before = bench.setpoints.last?.positions[5] ?? 0
        bench.run(milliseconds: 200)
        let after = bench.setpoints.last?.positions[5] ?? 0
        #expect(abs(after - before) > 0.2, "still turning towards half a turn: \(before) -> \(after)")
        #expect(abs(before) > 0.2 && before.sign == after.sign)
    }
}

@Suite struct AsynchronousTests {
    private func bench(horizon: Int, blend: Duration) throws -> Bench {
        let arm = try widowXInTheOpen()
        return Bench(
            controller(of: arm, strategy: .asynchronous(executionHorizon: horizon, blend: blend)), at: arm.neutral)
    }

    private func deltas(_ size: Double, count: Int, id: UInt64, observedAt time: Int) throws -> FixedActionChunk {
        try chunk(
            Array(repeating: [size, 0, 0, 0, 0, 0, 1], count: count), id: id, observedAt: time, space: .jointDelta)
    }

    @Test func theNextChunkTakesOverAtTheEndOfTheStepItArrivesIn() throws {
        var bench = try bench(horizon: 1, blend: .zero)
        bench.receive(try deltas(0.01, count: 4, id: 0, observedAt: 0))
        bench.run(milliseconds: 310)
        bench.receive(try deltas(0.02, count: 4, id: 1, observedAt: 50))
        bench.run(milliseconds: 90)
        // 360 ms after its observation one whole step has elapsed.
        #expect(bench.modes.last == .executing(chunkID: 1, step: 1))
        #expect(bench.reports.map(\.chunkID) == [0])
        bench.run(milliseconds: 1000)
        let report = try #require(bench.reports.last)
        #expect(report.chunkID == 1 && report.stepsSkipped == 1 && report.stepsExecuted == 3)
        #expect(report.delay == .milliseconds(260), "measured, from the stamps")
    }

    @Test func overTheBlendTheOldChunksShareFallsEvenly() throws {
        var bench = try bench(horizon: 1, blend: .milliseconds(400))
        let neutral = try widowX().neutral[0]
        bench.receive(try deltas(0.01, count: 8, id: 0, observedAt: 0))
        bench.run(milliseconds: 190)
        bench.receive(try deltas(0.04, count: 8, id: 1, observedAt: 190))
        var ends: [Double] = []
        for _ in 0..<5 {
            bench.run(milliseconds: ends.isEmpty ? 10 : 200)
            ends.append(try #require(bench.setpoints.last).positions[0] - neutral)
        }
        let steps = zip(ends.dropFirst(), ends).map { $0 - $1 }
        for (found, expected) in zip(steps, [0.02, 0.03, 0.04, 0.04]) {
            #expect(abs(found - expected) < 1e-6, "\(steps)")
        }
    }

    @Test func enoughOfAChunkIsLeftToBlendWith() throws {
        // Four actions executed would leave none; blending over two steps, the next takes over after two.
        var bench = try bench(horizon: 4, blend: .milliseconds(400))
        bench.receive(try deltas(0.01, count: 4, id: 0, observedAt: 0))
        bench.run(milliseconds: 150)
        bench.receive(try deltas(0.04, count: 8, id: 1, observedAt: 150))
        bench.run(milliseconds: 260)
        #expect(bench.modes.contains(.executing(chunkID: 0, step: 1)))
        #expect(bench.modes.last == .executing(chunkID: 1, step: 1))
        #expect(bench.reports.first?.stepsExecuted == 2)
    }

    @Test func chunksOfDifferentKindsAreNotMixed() throws {
        var bench = try bench(horizon: 1, blend: .milliseconds(400))
        let neutral = try widowX().neutral
        bench.receive(try deltas(0.01, count: 8, id: 0, observedAt: 0))
        bench.run(milliseconds: 200)
        let goal = neutral + [0.02, 0, 0, 0, 0, 0.05]
        bench.receive(
            try chunk(Array(repeating: goal.array + [1], count: 3), id: 1, observedAt: 200, space: .jointPosition))
        bench.run(milliseconds: 400)
        #expect((try #require(bench.setpoints.last).positions - goal).magnitude < 1e-6)
    }

    @Test func aWholeRunOnSlowInferenceNeverHolds() throws {
        // Each inference takes 500 ms and begins when the one before is done; chunks of six 200 ms steps.
        var bench = try bench(horizon: 4, blend: .milliseconds(200))
        bench.tick()
        bench.receive(try deltas(0.01, count: 6, id: 0, observedAt: 0))
        for index in 1..<12 {
            bench.run(milliseconds: 500)
            bench.receive(try deltas(0.01, count: 6, id: UInt64(index), observedAt: (index - 1) * 500 + 1))
        }
        let moving = bench.modes.drop { $0 == .holding(.waitingForFirstChunk) }
        #expect(moving.allSatisfy { if case .executing = $0 { true } else { false } })
        #expect(bench.reports.allSatisfy { $0.delay.map { $0 >= .zero } ?? false })
    }
}

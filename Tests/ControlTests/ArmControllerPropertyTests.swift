import Control
import Geometry
import Messages
import TestSupport
import Testing
import Time

/// One thing that happens to the controller, at a time.
private enum Event {
    case chunk(FixedActionChunk)
    case readFailure
    case writeFailure
    case stop
}

/// A random but repeatable run: chunks that are late, lost, doubled, disordered or absurd, driver faults, stalls.
private struct Scenario {
    let calibration: ArmCalibration
    let configuration: ArmControllerConfiguration
    /// Events by tick.
    var events: [[Event]]
    /// Ticks that the loop was too late for.
    var isSkipped: [Bool]

    init(seed: UInt64, calibration: ArmCalibration, faults: Bool) throws {
        var random = SeededGenerator(seed: seed)
        self.calibration = calibration
        let hertz: Double = [50, 100, 250].randomElement(using: &random) ?? 100
        let rate = Rate(hertz: hertz)
        configuration = ArmControllerConfiguration(
            rate: rate, executionHorizon: .random(in: 1...5, using: &random),
            watchdog: .milliseconds(.random(in: 200...1500, using: &random)),
            startMargin: .milliseconds(.random(in: 0...100, using: &random)))
        let count = Int(6 * rate.hertz)
        events = Array(repeating: [], count: count)
        isSkipped = (0..<count).map { _ in Int.random(in: 0..<50, using: &random) == 0 }
        let violence: Double = [0.1, 1, 20].randomElement(using: &random) ?? 1
        let step = Duration.milliseconds(.random(in: 40...250, using: &random))
        let space = ActionSpace.allCases.randomElement(using: &random) ?? .eefDelta
        var observed = MonotonicTime.zero + .milliseconds(50)
        var id: UInt64 = 0
        let end = MonotonicTime.zero + .milliseconds(5000)
        while observed < end {
            let actions = Self.actions(space, calibration, violence: violence, using: &random)
            let message = ActionChunk(
                id: id, goalID: "", observationTime: observed, captureTime: observed, inferredTime: observed,
                stepDuration: step, actionDimension: 7, actions: actions, actionSpace: space, noiseSeed: 0,
                noiseCounter: 0)
            let chunk = try FixedActionChunk(message, jointCount: 6)
            for _ in 0..<([0, 1, 1, 1, 1, 2].randomElement(using: &random) ?? 1) {
                let delay = Int64.random(in: 0...Int64(900), using: &random)
                let arrival = (observed + .milliseconds(delay)).nanoseconds / rate.periodNanoseconds
                if arrival < count { events[Int(arrival)].append(.chunk(chunk)) }
            }
            id += 1
            observed += .milliseconds(.random(in: 20...700, using: &random))
        }
        guard faults else { return }
        for tick in 0..<count where Int.random(in: 0..<60, using: &random) == 0 {
            events[tick].append(Bool.random(using: &random) ? .readFailure : .writeFailure)
        }
        if Bool.random(using: &random) { events[Int.random(in: count / 2..<count, using: &random)].append(.stop) }
    }

    private static func actions(
        _ space: ActionSpace, _ calibration: ArmCalibration, violence: Double, using random: inout SeededGenerator
    ) -> [Float] {
        var numbers: [Float] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            for element in 0..<6 {
                let small = Double.random(in: -0.05...0.05, using: &random) * violence
                numbers.append(Float(space == .jointPosition ? calibration.neutral[element] + 4 * small : small))
            }
            numbers.append(Float.random(in: -0.5...1.5, using: &random))
        }
        // Finite but absurd numbers are legal input.
        if Int.random(in: 0..<20, using: &random) == 0 { numbers[0] = 3e38 }
        return numbers
    }

    /// Runs it with an arm that follows with a lag.
    func run() -> [ArmTick] {
        var controller = ArmController(
            calibration: calibration, configuration: configuration,
            measured: standing(at: calibration.neutral))
        var measured = standing(at: calibration.neutral)
        var ticks: [ArmTick] = []
        for index in events.indices {
            let now = MonotonicTime(nanoseconds: Int64(index) * configuration.rate.periodNanoseconds)
            var reading: JointState? = measured
            var writes = true
            for event in events[index] {
                switch event {
                case .chunk(let chunk): controller.receive(chunk, at: now)
                case .readFailure: reading = nil
                case .writeFailure: writes = false
                case .stop: controller.beginStopping()
                }
            }
            if isSkipped[index] { continue }
            let tick = controller.tick(at: now, measured: reading)
            if writes { controller.wrote(at: now) } else { controller.driverFailed() }
            ticks.append(tick)
            measured.positions = measured.positions + (tick.setpoint.positions - measured.positions) * 0.3
        }
        return ticks
    }
}

@Suite struct ArmControllerPropertyTests {
    private let runs = 60

    /// Every setpoint within position, velocity and acceleration limits, whatever comes: so position and velocity are
    /// continuous at every seam, and no chunk, late or not, makes the arm jump.
    @Test func everySetpointKeepsEveryLimit() throws {
        let calibration = try widowX()
        let first = SeededGenerator.freshSeed()
        var moved = 0
        for run in 0..<runs {
            let seed = first &+ UInt64(run)
            let scenario = try Scenario(seed: seed, calibration: calibration, faults: true)
            let period = scenario.configuration.rate.periodSeconds
            var last = JointSetpoint(
                positions: calibration.neutral, velocities: JointVector(repeating: 0, count: 6), gripper: 1)
            var problems: [String] = []
            for tick in scenario.run() {
                let next = tick.setpoint
                for (joint, limits) in calibration.joints.enumerated() {
                    let (q, v) = (next.positions[joint], (next.positions[joint] - last.positions[joint]) / period)
                    let a = (v - last.velocities[joint]) / period
                    if !(q >= limits.lower && q <= limits.upper) { problems.append("position \(q) of \(joint)") }
                    if !(abs(v) <= limits.velocity + 1e-9) { problems.append("velocity \(v) of \(joint)") }
                    if !(abs(a) <= limits.acceleration + 1e-6) { problems.append("acceleration \(a) of \(joint)") }
                    if !(abs(v - next.velocities[joint]) < 1e-9) { problems.append("stated velocity of \(joint)") }
                }
                if !(0...1 ~= next.gripper) { problems.append("gripper \(next.gripper)") }
                if !(abs(next.gripper - last.gripper) <= 3 * period + 1e-9) { problems.append("gripper too fast") }
                if next.positions != last.positions { moved += 1 }
                last = next
            }
            #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(3))")
        }
        #expect(moved > 1000, "the arm did move")
    }

    @Test func theSameEventsGiveTheSameSetpoints() throws {
        let calibration = try widowX()
        let first = SeededGenerator.freshSeed()
        for run in 0..<10 {
            let scenario = try Scenario(seed: first &+ UInt64(run), calibration: calibration, faults: true)
            #expect(scenario.run() == scenario.run(), "seed \(first &+ UInt64(run))")
        }
    }

    @Test func everyHoldComesWithinTheWatchdogAndEndsAtRest() throws {
        let calibration = try widowX()
        let first = SeededGenerator.freshSeed()
        for run in 0..<runs {
            let seed = first &+ UInt64(run)
            var scenario = try Scenario(seed: seed, calibration: calibration, faults: false)
            let rate = scenario.configuration.rate
            // Nothing comes in the second half; the slowest joint needs π/15 s to stop.
            let silence = scenario.events.count / 2
            for tick in silence..<scenario.events.count { scenario.events[tick] = [] }
            scenario.isSkipped = scenario.isSkipped.map { _ in false }
            let ticks = scenario.run()
            let bound = silence + Int((scenario.configuration.watchdog.inSeconds * rate.hertz).rounded(.up)) + 1
            let stopped = bound + Int((Double.pi / 15 * rate.hertz).rounded(.up)) + 1
            for tick in ticks[bound...] {
                if case .executing = tick.state.mode { Issue.record("seed \(seed): still executing at \(tick.state.tick)") }
            }
            #expect(
                ticks[min(stopped, ticks.count - 1)...].allSatisfy { $0.setpoint.velocities.magnitude == 0 },
                "seed \(seed)")
        }
    }

    @Test func everyChunkIsReportedOnceAndNothingElseIs() throws {
        let calibration = try widowX()
        let first = SeededGenerator.freshSeed()
        for run in 0..<runs {
            let seed = first &+ UInt64(run)
            let scenario = try Scenario(seed: seed, calibration: calibration, faults: true)
            var sent = Set<UInt64>()
            for case .chunk(let chunk) in scenario.events.joined() { sent.insert(chunk.id) }
            let reports = scenario.run().compactMap(\.report)
            let executed = reports.filter { $0.outcome == .executed }
            #expect(Set(executed.map(\.chunkID)).count == executed.count, "seed \(seed)")
            for report in reports {
                #expect(sent.contains(report.chunkID), "seed \(seed)")
                let begun = report.stepsExecuted > 0
                if report.outcome == .tooLate || report.outcome == .superseded || report.outcome == .rejected {
                    #expect(!begun && report.firstSetpointTime == .zero, "seed \(seed): \(report)")
                }
                if report.outcome == .executed { #expect(begun, "seed \(seed): \(report)") }
            }
        }
    }

    /// With a reachable, gentle motion the setpoints are the planned cubic itself: the envelope changes nothing.
    @Test func gentleMotionsPassTheEnvelopeUnchanged() throws {
        let arm = try widowX()
        var bench = Bench(controller(of: arm, hertz: 250, executing: 8, watchdog: .seconds(5)), at: arm.neutral)
        let delta = [0.02, 0.01, -0.02, 0, 0.01, 0, 1]
        bench.receive(try chunk(Array(repeating: delta, count: 8), observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 1592)
        var velocities = bench.setpoints.map { $0.velocities[0] }
        velocities.removeFirst(50)
        velocities.removeLast(50)
        // Equal steps: after the first and before the last the speed is that of the steps.
        #expect(velocities.allSatisfy { abs($0 - 0.1) < 1e-3 })
    }
}

import Control
import Kinematics
import Maths
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
    case manual(ManualCommand)
    case emergencyStop
    case reset
    case clearFault
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
            rate: rate, strategy: Self.strategy(using: &random), gripper: Self.gripper(using: &random),
            watchdog: .milliseconds(.random(in: 200...1500, using: &random)),
            startMargin: .milliseconds(.random(in: 0...100, using: &random)))
        let count = Int(6 * rate.hertz)
        events = Array(repeating: [], count: count)
        isSkipped = (0..<count).map { _ in Int.random(in: 0..<50, using: &random) == 0 }
        let violence: Double = [0.1, 1, 20].randomElement(using: &random) ?? 1
        let step = Duration.milliseconds(.random(in: 40...250, using: &random))
        let space = ActionSpace.allCases.randomElement(using: &random) ?? .eefDelta
        let pose = calibration.chain.baseFromEEF(calibration.neutral)
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        let base =
            switch space {
            case .eefDelta, .jointDelta: [Double](repeating: 0, count: 6)
            case .jointPosition: calibration.neutral.array
            case .eefAbsolute: [0, 1, 2].map { pose.translation[$0] } + [0, 1, 2].map { angles[$0] }
            }
        var observed = MonotonicTime.zero + .milliseconds(50)
        var id: UInt64 = 0
        let end = MonotonicTime.zero + .milliseconds(5000)
        while observed < end {
            let actions = Self.actions(
                about: base, spread: violence * (space.rawValue.hasSuffix("delta") ? 1 : 4), &random)
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
        for tick in 0..<count where Int.random(in: 0..<25, using: &random) == 0 {
            let time = MonotonicTime(nanoseconds: Int64(tick) * rate.periodNanoseconds)
            let roll = Int.random(in: 0..<12, using: &random)
            events[tick].append(
                roll == 0
                    ? .emergencyStop
                    : roll < 4
                        ? .reset
                        : roll == 4
                            ? .clearFault
                            : .manual(Self.manual(at: time, using: &random)))
        }
        if Bool.random(using: &random) { events[Int.random(in: count / 2..<count, using: &random)].append(.stop) }
    }

    private static func strategy(using random: inout SeededGenerator) -> ChunkStrategy {
        let horizon = Int.random(in: 1...5, using: &random)
        return switch Int.random(in: 0..<3, using: &random) {
        case 0: .recedingHorizon(executionHorizon: horizon)
        case 1: .temporalEnsemble(weight: .random(in: -0.5...0.5, using: &random), size: horizon)
        default: .asynchronous(executionHorizon: horizon, blend: .milliseconds(.random(in: 0...600, using: &random)))
        }
    }

    private static func gripper(using random: inout SeededGenerator) -> GripperRule {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .absolute
        case 1: .binary(threshold: 0.5)
        default: .sticky(threshold: 0.4, steps: .random(in: 1...3, using: &random))
        }
    }

    private static func actions(
        about base: [Double], spread: Double, _ random: inout SeededGenerator
    ) -> [Float] {
        var numbers: [Float] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            for element in 0..<6 {
                numbers.append(Float(base[element] + .random(in: -0.05...0.05, using: &random) * spread))
            }
            numbers.append(Float.random(in: -0.5...1.5, using: &random))
        }
        // Finite but absurd numbers are legal input.
        if Int.random(in: 0..<20, using: &random) == 0 { numbers[0] = 3e38 }
        return numbers
    }

    private static func manual(at time: MonotonicTime, using random: inout SeededGenerator) -> ManualCommand {
        func numbers(_ size: Double) -> [Double] { (0..<6).map { _ in .random(in: -size...size, using: &random) } }
        let motion: ManualCommand.Motion
        switch Int.random(in: 0..<3, using: &random) {
        case 0: motion = .joints(JointVector(numbers(5)))
        case 1:
            let twist = numbers(1)
            motion = .twist(linear: [twist[0], twist[1], twist[2]], angular: [twist[3], twist[4], twist[5]])
        default: motion = .positions(JointVector(numbers(2)), speed: .random(in: 0.01...1, using: &random))
        }
        return ManualCommand(
            time: time, isDeadManHeld: Int.random(in: 0..<4, using: &random) > 0, motion: motion,
            gripper: Bool.random(using: &random) ? .random(in: -1...2, using: &random) : nil)
    }

    /// One tick, and where the arm was read to be if the setpoint was drawn there.
    struct Outcome {
        var tick: ArmTick
        var drawnTo: JointState?
    }

    func run() -> [ArmTick] { outcomes().map(\.tick) }

    /// Runs it with an arm that follows with a lag.
    func outcomes() -> [Outcome] {
        var controller = ArmController(
            calibration: calibration, configuration: configuration,
            measured: standing(at: calibration.neutral))
        var measured = standing(at: calibration.neutral)
        var ticks: [Outcome] = []
        for index in events.indices {
            let now = MonotonicTime(nanoseconds: Int64(index) * configuration.rate.periodNanoseconds)
            measured.time = now
            var reading: JointState? = measured
            var writes = true
            for event in events[index] {
                switch event {
                case .chunk(let chunk): controller.receive(chunk, at: now)
                case .readFailure: reading = nil
                case .writeFailure: writes = false
                case .stop: controller.beginStopping()
                case .manual(let command): controller.receive(command, at: now)
                case .emergencyStop: controller.emergencyStop()
                case .reset:
                    guard let ann = OperatorID("ann") else { continue }
                    controller.resetEmergencyStop(by: ann)
                    controller.resume(by: ann)
                case .clearFault: controller.clearFault()
                }
            }
            if isSkipped[index] { continue }
            let recoveries = controller.counts.recoveries
            let tick = controller.tick(at: now, measured: reading)
            if writes { controller.wrote(at: now) } else { controller.driverFailed() }
            ticks.append(Outcome(tick: tick, drawnTo: controller.counts.recoveries > recoveries ? measured : nil))
            measured.positions = measured.positions + (tick.setpoint.positions - measured.positions) * 0.3
            measured.gripper += (tick.setpoint.gripper - measured.gripper) * 0.3
        }
        return ticks
    }
}

@Suite struct ArmControllerPropertyTests {
    private let runs = 120

    /// Every setpoint within position, velocity and acceleration limits, whatever comes: so position and velocity are
    /// continuous at every seam, and no chunk, late or not, makes the arm jump.
    @Test func everySetpointKeepsEveryLimit() throws {
        let calibration = try widowX()
        let first = SeededGenerator.freshSeed()
        var (moved, drawn) = (0, 0)
        var modes = Set<String>()
        // An arm that is found elsewhere is so rare that some hundred runs may have none: it goes on until there was
        // one.
        for run in 0..<(20 * runs) where run < runs || drawn == 0 {
            let seed = first &+ UInt64(run)
            let scenario = try Scenario(seed: seed, calibration: calibration, faults: true)
            let period = scenario.configuration.rate.periodSeconds
            var last = JointSetpoint(
                positions: calibration.neutral, velocities: JointVector(repeating: 0, count: 6), gripper: 1)
            var problems: [String] = []
            for outcome in scenario.outcomes() {
                let (tick, next) = (outcome.tick, outcome.tick.setpoint)
                // Nothing was sent: the arm is not certain to be where it was.
                if tick.isWithheld {
                    if next.positions != last.positions { problems.append("the setpoint moves unsent") }
                    last.velocities = next.velocities
                    continue
                }
                defer { last = next }
                if let measured = outcome.drawnTo {
                    drawn += 1
                    problems += Self.problems(of: next, after: last, drawnTo: measured, calibration, period)
                    continue
                }
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
                modes.insert(Self.name(tick.state.mode))
            }
            #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(3))")
        }
        #expect(moved > 1000 && drawn > 0, "the arm did move, and was found elsewhere after faults")
        #expect(modes == ["executing", "holding", "manual"], "everything did happen")
    }

    /// After a fault or a pause the next goal is a tick's travel from where the arm was read to be; what is where it
    /// was told to be goes on as it did.
    private static func problems(
        of setpoint: JointSetpoint, after last: JointSetpoint, drawnTo measured: JointState,
        _ calibration: ArmCalibration,
        _ period: Double
    ) -> [String] {
        func isNear(_ value: Double, _ one: Double, _ other: Double, _ travel: Double) -> Bool {
            min(abs(value - one), abs(value - other)) <= travel + 1e-9
        }
        var problems: [String] = []
        for (joint, limits) in calibration.joints.enumerated() {
            let (next, read) = (setpoint.positions[joint], measured.positions[joint])
            if !isNear(next, read, last.positions[joint], limits.velocity * period) {
                problems.append("\(next) of joint \(joint), which was read at \(read)")
            }
        }
        if !isNear(setpoint.gripper, measured.gripper, last.gripper, 3 * period) {
            problems.append("the gripper jumps")
        }
        return problems
    }

    private static func name(_ mode: ArmMode) -> String {
        switch mode {
        case .executing: "executing"
        case .holding: "holding"
        case .manual: "manual"
        case .recovering: "recovering"
        }
    }

    /// The tool stays in the box, not only at the ends of steps. Poses that an operator names are not bound to it.
    @Test func theToolStaysInsideTheWorkspaceBox() throws {
        let calibration = try widowX()
        let first = SeededGenerator.freshSeed()
        let chain = calibration.chain
        for run in 0..<runs {
            let seed = first &+ UInt64(run)
            var scenario = try Scenario(seed: seed, calibration: calibration, faults: true)
            for tick in scenario.events.indices {
                scenario.events[tick].removeAll {
                    if case .manual(let command) = $0 { command.namesAPose } else { false }
                }
            }
            var farthest = 0.0
            for tick in scenario.run() {
                let tool = chain.baseFromEEF(tick.setpoint.positions).translation
                let beyond = max(
                    (tool - calibration.workspace.upper).max(), (calibration.workspace.lower - tool).max())
                farthest = max(farthest, beyond)
            }
            #expect(farthest < 3 * ArmController.boxTolerance, "seed \(seed): \(farthest * 1000) mm outside")
        }
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
                if case .executing = tick.state.mode {
                    Issue.record("seed \(seed): still executing at \(tick.state.tick)")
                }
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
                if let delay = report.delay {
                    #expect(delay >= .milliseconds(-20) && delay <= .seconds(1), "seed \(seed): \(report)")
                }
                if report.outcome == .executed { #expect(begun, "seed \(seed): \(report)") }
            }
        }
    }

    /// With a reachable, gentle motion the setpoints are the planned cubic itself: the envelope changes nothing.
    @Test func gentleMotionsPassTheEnvelopeUnchanged() throws {
        let arm = try widowXInTheOpen()
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

extension ManualCommand {
    fileprivate var namesAPose: Bool { if case .positions = motion { true } else { false } }
}

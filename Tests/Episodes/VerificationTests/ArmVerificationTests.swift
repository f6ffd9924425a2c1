import ArmDrivers
import ArmLoop
import Control
import Foundation
import Kinematics
import Maths
import Messages
import RealTime
import TestSupport
import Testing
import Time
import Verification
import Wire

/// A clock that stands still between ticks.
private struct ToldClock: LoopClock, Sendable {
    // Sendable: used by the one thread of the test.
    final class Present: @unchecked Sendable { var time = MonotonicTime.zero }
    let present = Present()
    func now() -> MonotonicTime { present.time }
    func sleep(until deadline: MonotonicTime) { present.time = max(present.time, deadline) }
}

/// A simulated arm whose line fails now and then.
private struct NoisyArm: ArmDriver {
    var arm: SimulatedArm
    var chance: SeededGenerator
    var jointCount: Int { arm.jointCount }
    mutating func release(at now: MonotonicTime) throws(ArmDriverError) { try arm.release(at: now) }

    mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        if Int.random(in: 0..<300, using: &chance) == 0 { throw .noReply(servo: 3) }
        return try arm.read(at: now)
    }
    mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        if Int.random(in: 0..<300, using: &chance) == 0 { throw .systemCall(errno: 5) }
        try arm.write(setpoint, at: now)
    }
}

/// The control loop itself with everything that can happen to it, as a recording has it.
private struct RecordedLoop {
    var chunks: [ActionChunk] = []
    var traces: [ArmTrace] = []
    let configuration: ArmControllerConfiguration
    let calibration: ArmCalibration

    init(ticks: Int, strategy: ChunkStrategy, seed: UInt64) throws {
        let path = "calibration/widowx-250s.json"
        calibration = try ArmCalibration(
            parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(path)), file: path)
        configuration = ArmControllerConfiguration(rate: Rate(hertz: 100), strategy: strategy, watchdog: .seconds(1))
        var chance = SeededGenerator(seed: seed)
        let clock = ToldClock()
        var body = try ArmLoopBody(
            driver: NoisyArm(
                arm: SimulatedArm(positions: calibration.neutral, timeConstant: .milliseconds(60)),
                chance: SeededGenerator(seed: seed ^ 1)),
            calibration: calibration, configuration: configuration, clock: clock)
        for tick in 0..<ticks {
            let deadline = MonotonicTime(nanoseconds: Int64(tick + 1) * 10_000_000)
            clock.sleep(until: deadline + .microseconds(Int.random(in: 20..<400, using: &chance)))
            if tick % 20 == 0 { try give(UInt64(tick), to: body.channels, at: deadline, using: &chance) }
            if tick == ticks - 100 { body.channels.stop.raise() }
            body.tick(TickTime(index: UInt64(tick), deadline: deadline, wake: clock.now()))
            // Recordings come in messages.
            if tick % 7 == 0 { try drain(body.channels) }
        }
        try drain(body.channels)
    }

    private mutating func give(
        _ id: UInt64, to channels: ArmLoopChannels, at now: MonotonicTime, using chance: inout SeededGenerator
    ) throws {
        let actions = (0..<28).map { index in
            index % 7 == 6 ? Float.random(in: 0...1, using: &chance) : Float.random(in: -0.02...0.02, using: &chance)
        }
        let chunk = ActionChunk(
            id: id, goalID: "cup", observationTime: now - .milliseconds(Int.random(in: 0..<300, using: &chance)),
            captureTime: now,
            inferredTime: now, stepDuration: .milliseconds(200), actionDimension: 7, actions: actions,
            actionSpace: .eefDelta,
            noiseSeed: 0, noiseCounter: 0)
        chunks.append(chunk)
        channels.chunks.push(try FixedActionChunk(chunk, jointCount: 6))
        switch Int.random(in: 0..<10, using: &chance) {
        case 0: channels.emergencyStop.raise()
        case 1, 2: if let someone = OperatorID("ann") { channels.commands.push(.resetEmergencyStop(by: someone)) }
        case 3:
            channels.manual.put(
                ManualCommand(
                    time: now, isDeadManHeld: true, motion: .twist(linear: [0.05, 0, -0.02], angular: .zero),
                    gripper: 0.3))
        case 4: channels.commands.push(.clearFault)
        case 5: channels.commands.push(.recover)
        case 6, 7: if let someone = OperatorID("ann") { channels.commands.push(.resume(by: someone)) }
        default: break
        }
    }

    /// Over the wire, as the recorder has it.
    private mutating func drain(_ channels: ArmLoopChannels) throws {
        var entries: [ArmTrace.Entry] = []
        while let entry = channels.trace.pop() { entries.append(entry) }
        let encoded = try ArmTrace(entries: entries, dropped: channels.trace.dropped).encoded()
        traces.append(try encoded.body.withUnsafeBytes { try ArmTrace(body: $0, bulk: nil) })
    }

    func verified(
        _ traces: [ArmTrace]? = nil, configuration: ArmControllerConfiguration? = nil
    ) -> ArmVerification.Report {
        var verification = ArmVerification(calibration: calibration, configuration: configuration ?? self.configuration)
        for chunk in chunks { verification.receive(chunk) }
        for trace in traces ?? self.traces { verification.receive(trace) }
        return verification.report
    }
}

@Suite struct ArmVerificationTests {
    @Test(arguments: [
        ChunkStrategy.recedingHorizon(executionHorizon: 2), .temporalEnsemble(weight: 0.1, size: 4),
        .asynchronous(executionHorizon: 3, blend: .milliseconds(200)),
    ])
    func everySetpointIsComputedAgainBitByBit(_ strategy: ChunkStrategy) throws {
        let seed = SeededGenerator.freshSeed()
        let loop = try RecordedLoop(ticks: 3000, strategy: strategy, seed: seed)
        let report = loop.verified()
        #expect(report.compared == 3000 && report.identical == 3000, "seed \(seed): \(report)")
        #expect(report.difference == nil && report.obstacle == nil && report.unchecked == 0, "seed \(seed)")
    }

    /// One bit of one number, of the inputs or of the outputs, is seen where it is.
    @Test func oneBitIsFound() throws {
        let loop = try RecordedLoop(ticks: 600, strategy: .recedingHorizon(executionHorizon: 2), seed: 11)
        var traces = loop.traces
        let (message, entry) = (traces.count / 2, 3)
        guard case .tick(var tick) = traces[message].entries[entry] else { throw NotATick() }
        tick.setpoint.positions[2] = tick.setpoint.positions[2].nextUp
        traces[message].entries[entry] = .tick(tick)
        let report = loop.verified(traces)
        #expect(report.compared == 600 && report.identical == 599)
        #expect(
            report.difference?.time == tick.deadline && report.difference?.what.contains("elbow") == true, "\(report)")
        #expect(report.difference?.logged == tick.setpoint.positions[2])
    }

    @Test func anotherConfigurationIsFound() throws {
        let loop = try RecordedLoop(ticks: 600, strategy: .recedingHorizon(executionHorizon: 2), seed: 12)
        let other = ArmControllerConfiguration(
            rate: Rate(hertz: 100), strategy: .recedingHorizon(executionHorizon: 4), watchdog: .seconds(1))
        #expect(loop.verified(configuration: other).difference != nil)
    }

    @Test func whatIsMissingIsSaidAndNotCalledDifferent() throws {
        let loop = try RecordedLoop(ticks: 600, strategy: .recedingHorizon(executionHorizon: 2), seed: 13)
        let late = loop.verified(Array(loop.traces.dropFirst(5)))
        #expect(late.compared == 0 && late.unchecked > 500 && late.obstacle == .joinedLate && late.difference == nil)
        var lost = loop.traces
        for index in lost.indices.dropFirst(40) { lost[index].dropped = 3 }
        let gap = loop.verified(lost)
        #expect(gap.identical == gap.compared && gap.compared > 200 && gap.unchecked > 200 && gap.difference == nil)
        if case .gap = gap.obstacle {} else { Issue.record("\(String(describing: gap.obstacle))") }
        var verification = ArmVerification(calibration: loop.calibration, configuration: loop.configuration)
        for trace in loop.traces { verification.receive(trace) }
        if case .noChunk = verification.report.obstacle {} else { Issue.record("\(verification.report)") }
        #expect(verification.report.difference == nil)
    }

    @Test func timesAreToldInSecondsAfterTheFirstMessage() {
        let start = MonotonicTime.zero + .seconds(70)
        #expect(
            ArmVerification.Obstacle.gap(after: start + .seconds(2)).words(since: start)
                == "part of arm/trace is missing after 2.000 s")
        let lost = ArmVerification.Obstacle.noChunk(id: 7, at: start + .milliseconds(1_500)).words(since: start)
        #expect(lost.hasPrefix("chunk 7, which the arm took at 1.500 s,"), "\(lost)")
        let frame = ObservationVerification.Failure.noFrame(camera: "wrist", captureTime: start + .seconds(1))
        #expect(frame.words(since: start) == "the frame of camera 'wrist' taken at 1.000 s is not in the file")
    }

    private struct NotATick: Error {}
}

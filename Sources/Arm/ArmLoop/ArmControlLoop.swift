import ArmDrivers
import Control
import Kinematics
import Messages
import RealTime
import Threads
import Time

/// Why the control loop of an arm cannot start.
package enum ArmLoopError: Error, Equatable, CustomStringConvertible {
    case wrongArm(calibration: String, expected: Int, found: Int)
    case firstRead(ArmDriverError)
    /// Never were several readings in a row whole, in `attempts` of them.
    case firstReadNotWhole(attempts: Int)
    case firstReadNotFinite
    case thread(ThreadStartError)
    /// The kernel refused rights without which the loop is not to run.
    case lacksRights(RealTimeReport)

    package var description: String {
        switch self {
        case .wrongArm(let calibration, let expected, let found):
            "starting the control loop: the driver's arm has \(found) joints, calibration '\(calibration)' expects "
                + "\(expected). Set the calibration file in the manifest to this arm's."
        case .firstRead(let error): "starting the control loop: the arm could not be read. \(error)"
        case .firstReadNotWhole(let attempts):
            "starting the control loop: in \(attempts) attempts the servos were never read whole three times in a "
                + "row, expected that before the arm may move. Check the cables and other devices on the line."
        case .firstReadNotFinite:
            "starting the control loop: the driver read a position that is NaN or infinite, expected one finite angle "
                + "for each joint. Check the driver's configuration; nothing was sent to the arm."
        case .thread(let error): error.description
        case .lacksRights(let report):
            "the control loop was refused real-time rights that arm.realtime.required asks for: \(report). "
                + "To get them: \(report.advice ?? ""). Or set arm.realtime.required to false."
        }
    }
}

/// One arm, driven by one controller in one real-time thread.
///
/// All methods are for one thread of the slow side, which calls the `take…` methods often enough: 256 chunk reports and
/// 4096 timings can wait, what comes beyond is dropped and counted.
package final class ArmControlLoop<Driver: ArmDriver> {
    private let loop: FixedRateLoop<ArmLoopBody<Driver, MachineClock>>
    private let channels: ArmLoopChannels
    private var timings: LoopTimings
    private var rights = RealTimeReport()
    private var hasEnded = false

    /// Makes a loop for an arm, which it reads and sends nothing yet.
    /// - Parameter latch: what an earlier process of the same run left.
    package init(
        driver: consuming Driver, calibration: ArmCalibration, configuration: ArmControllerConfiguration,
        latch: ArmLatchedState = ArmLatchedState()
    ) throws(ArmLoopError) {
        let body = try ArmLoopBody(
            driver: driver, calibration: calibration, configuration: configuration, clock: MachineClock(), latch: latch)
        channels = body.channels
        loop = FixedRateLoop(rate: configuration.rate, body: body)
        timings = LoopTimings(rate: configuration.rate)
    }

    /// Starts the thread: the arm holds where it is until a chunk comes. To be called once.
    /// - Parameter areRequired: whether lacking rights are an error; the thread has ended then.
    /// - Returns: the rights it runs with, and what it was refused.
    @discardableResult
    package func start(
        rights wanted: RealTimeRights, areRequired: Bool = false
    ) throws(ArmLoopError) -> RealTimeReport {
        do {
            rights = try loop.start(rights: wanted)
        } catch {
            throw .thread(error)
        }
        guard rights.isComplete || !areRequired else {
            _ = end()
            throw .lacksRights(rights)
        }
        return rights
    }

    /// Hands a chunk to the loop.
    /// - Returns: false if the loop has not taken the last eight yet, which means that it hangs; the chunk is lost.
    package func submit(_ chunk: FixedActionChunk) -> Bool { channels.chunks.push(chunk) }

    /// Makes the arm brake and hold; from then on it takes no chunks. The loop runs on: wait for `isAtRest`.
    package func beginStopping() { channels.stop.raise() }

    /// Makes the arm brake and hold until somebody resets it. For any thread; never lost.
    package func emergencyStop() { channels.emergencyStop.raise() }

    /// Hands what an operator asks for to the loop; nothing moves by that but a joint that goes back inside its limits.
    /// - Parameter name: name of who asks; an empty one, that is nobody, resets and resumes nothing.
    /// - Returns: false if the loop has not taken the last sixteen commands, which means that it hangs.
    @discardableResult
    package func obey(_ action: ArmCommand.Action, by name: String) -> Bool {
        switch action {
        case .emergencyStop: emergencyStop()
        case .resetEmergencyStop:
            if let someone = OperatorID(name) { return channels.commands.push(.resetEmergencyStop(by: someone)) }
        case .clearFault: return channels.commands.push(.clearFault)
        case .recover: return channels.commands.push(.recover)
        case .resume: if let someone = OperatorID(name) { return channels.commands.push(.resume(by: someone)) }
        }
        return true
    }

    /// Hands an operator's motion to the loop; it takes the newest.
    package func submit(_ command: ManualCommand) { channels.manual.put(command) }

    /// Takes the newest state; nil if no tick has run since the last call.
    package func takeSnapshot() -> ArmLoopSnapshot? { channels.snapshots.take() }

    /// Takes the next report on a chunk, oldest first.
    package func takeChunkReport() -> ChunkReport? { channels.reports.pop() }

    /// Takes what the loop took and decided since the last call, oldest first, in pieces of a message each; nil when
    /// there is nothing.
    package func takeTrace() -> ArmTrace? {
        var entries: [ArmTrace.Entry] = []
        while entries.count < ArmTrace.mostEntries, let entry = channels.trace.pop() { entries.append(entry) }
        return entries.isEmpty ? nil : ArmTrace(entries: entries, dropped: channels.trace.dropped)
    }

    /// Takes how punctual the loop was since the last call.
    package func takeLoopReport() -> LoopReport {
        timings.drain(loop.timings)
        return timings.takeReport(rights: rights)
    }

    /// How many events found a channel full, since the start: chunks, commands, chunk reports, timings.
    package var droppedEvents: Int64 {
        channels.chunks.dropped + channels.commands.dropped + channels.reports.dropped + loop.timings.dropped
    }

    /// Ends the thread. A moving arm stays on its last setpoint: first `beginStopping` and wait for `isAtRest`.
    /// - Returns: the driver, to be closed; nil when the loop had ended before, for a driver is closed once.
    package func end() -> Driver? {
        guard !hasEnded else { return nil }
        hasEnded = true
        loop.requestStop()
        return loop.join().driver
    }
}

extension ArmLoopSnapshot {
    /// Whether the arm holds, and its setpoint no longer moves.
    package var isAtRest: Bool {
        guard case .holding = state.mode else { return false }
        return state.setpoint.velocities.magnitude == 0
    }
}

/// Gathers tick timings into a report. For the slow side.
package struct LoopTimings {
    private let rate: Rate
    private var jitter = LatencyHistogram()
    private var work = LatencyHistogram()
    private var ticks: Int64 = 0
    private var overruns: Int64 = 0

    package init(rate: Rate) { self.rate = rate }

    /// Takes all records that wait in `ring`.
    package mutating func drain(_ ring: EventRing<TickTiming>) {
        while let timing = ring.pop() {
            ticks += 1
            overruns += timing.skipped
            jitter.record(.nanoseconds(timing.latenessNanoseconds))
            work.record(.nanoseconds(timing.workNanoseconds))
        }
    }

    /// Takes what was gathered since the last call.
    package mutating func takeReport(rights: RealTimeReport) -> LoopReport {
        let report = LoopReport(
            rateHertz: rate.hertz, ticks: ticks, overruns: overruns, jitter: jitter.buckets, work: work.buckets,
            rights: rights.description, hasRealTimeRights: rights.hasRealTimeScheduling)
        self = LoopTimings(rate: rate)
        return report
    }
}

import ArmDrivers
import ArmLoop
import CAllocationCount
import CBareLoop
import Control
import Foundation
import Kinematics
import Messages
import RealTime
import Synchronization
import Threads
import Time

/// Punctuality of one loop at one rate, and the same for the plainest loop there is, in the same seconds.
struct ControlLoopRow: Equatable {
    var hertz: Double
    var ours: Lateness
    var bare: Lateness
    /// Work of a tick, from wake-up until the setpoint was with the driver and the state in the mailbox.
    var workP50: Duration
    var workP99: Duration
    /// Deadlines that our loop passed over.
    var overruns: Int64

    struct Lateness: Equatable {
        var ticks: Int64
        var p50: Duration
        var p99: Duration
        var p999: Duration
        var maximum: Duration

        init(_ histogram: LatencyHistogram) {
            ticks = histogram.count
            p50 = histogram.quantile(0.5)
            p99 = histogram.quantile(0.99)
            p999 = histogram.quantile(0.999)
            maximum = histogram.maximum
        }
    }
}

/// Everything the benchmark found.
struct ControlLoopResult: Equatable {
    var rows: [ControlLoopRow]
    /// Heap allocations in 10,000 ticks with chunks, faults and reports.
    var allocations: UInt64
    /// What the loops ran with.
    var rights: String
}

/// Measures the control loop (simulated arm, controller, end-effector chunks arriving all the time) beside a bare C
/// loop on clock_nanosleep that does nothing, with the same rights. They take turns, a slice each, so that both see the
/// same machine.
///
/// - Parameters:
///   - seconds: time of measuring for each loop at each rate, seconds.
///   - rights: rights that both loops ask for.
func benchmarkControlLoop(
    calibration: ArmCalibration, seconds: Double = 10, rates: [Double] = [100, 250, 1000],
    rights: RealTimeRights = RealTimeRights()
) throws -> ControlLoopResult {
    var granted = ""
    let rows = try rates.map { hertz in
        let slices = max(1, Int((seconds / 2).rounded()))
        var ours = LatencyHistogram()
        var work = LatencyHistogram()
        var bare = LatencyHistogram()
        var overruns: Int64 = 0
        for _ in 0..<slices {
            let ticks = max(1, Int64(hertz * seconds / Double(slices)))
            let report = try runOurLoop(calibration, hertz: hertz, ticks: ticks, rights: rights)
            granted = report.rights
            for bucket in report.jitter { ours.add(bucket) }
            for bucket in report.work { work.add(bucket) }
            overruns += report.overruns
            for lateness in try runBareLoop(hertz: hertz, ticks: ticks, rights: rights) {
                bare.record(.nanoseconds(lateness))
            }
        }
        return ControlLoopRow(
            hertz: hertz, ours: ControlLoopRow.Lateness(ours), bare: ControlLoopRow.Lateness(bare),
            workP50: work.quantile(0.5), workP99: work.quantile(0.99), overruns: overruns)
    }
    let result = ControlLoopResult(
        rows: rows, allocations: try countAllocations(calibration, ticks: 10_000), rights: granted)
    print(result.table)
    return result
}

extension ControlLoopResult {
    /// Table for people: microseconds, and ours over the bare loop.
    var table: String {
        func microseconds(_ duration: Duration) -> String { padded(oneDecimal(duration.inMilliseconds * 1000), 9) }
        var lines = [
            "control loop: wake-up lateness, µs (\(rights))",
            "    rate  loop      ticks      p50      p99    p99.9      max   work p50   work p99  overruns",
        ]
        for row in rows {
            let rate = padded(oneDecimal(row.hertz), 8)
            for (name, lateness) in [("ours", row.ours), ("bare", row.bare)] {
                var line = "\(rate)  \(name) \(padded(String(lateness.ticks), 10))"
                line += microseconds(lateness.p50) + microseconds(lateness.p99) + microseconds(lateness.p999)
                line += microseconds(lateness.maximum)
                if name == "ours" {
                    line += "  \(microseconds(row.workP50))  \(microseconds(row.workP99))"
                    line += padded(String(row.overruns), 10)
                }
                lines.append(line)
            }
            lines.append(
                "\(rate)  ratio           "
                    + ratio(row.ours.p50, row.bare.p50) + ratio(row.ours.p99, row.bare.p99)
                    + ratio(row.ours.p999, row.bare.p999) + ratio(row.ours.maximum, row.bare.maximum)
            )
        }
        lines.append("allocations in 10000 ticks: \(allocations)")
        return lines.joined(separator: "\n")
    }

    private func ratio(_ a: Duration, _ b: Duration) -> String {
        b > .zero ? padded(oneDecimal(a / b) + "x", 9) : padded("-", 9)
    }
    private func oneDecimal(_ value: Double) -> String { String((value * 10).rounded() / 10) }
    private func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// Keeps every core busy with ordinary threads, as a policy beside the arm does.
final class BusyCores: Sendable {
    private let isEnding = StopFlag()

    init() throws(ThreadStartError) {
        for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
            try NamedThread("busy core") { [isEnding] in
                var sum = 1.0
                while !isEnding.isSet {
                    for _ in 0..<1_000 { sum = (sum * 1.000_001).truncatingRemainder(dividingBy: 10) }
                }
            }
        }
    }

    func end() { isEnding.raise() }
}

private func makeConfiguration(_ hertz: Double) -> ArmControllerConfiguration {
    ArmControllerConfiguration(rate: Rate(hertz: hertz), executionHorizon: 2, watchdog: .seconds(1))
}

/// Makes a chunk that moves up and back by small steps: the arm keeps moving and stays where it is on the whole.
private func makeChunk(_ id: UInt64, observedAt time: MonotonicTime) throws -> FixedActionChunk {
    let away: [Float] = [0.01, 0, -0.01, 0.02, 0, 0.02, 1]
    let back: [Float] = [-0.01, 0, 0.01, -0.02, 0, -0.02, 0]
    return try FixedActionChunk(
        ActionChunk(
            id: id, goalID: "", observationTime: time, captureTime: time, inferredTime: time,
            stepDuration: .milliseconds(200), actionDimension: 7, actions: away + back + away + back,
            actionSpace: .eefDelta, noiseSeed: 0, noiseCounter: 0), jointCount: 6)
}

private func runOurLoop(
    _ calibration: ArmCalibration, hertz: Double, ticks: Int64, rights: RealTimeRights
) throws -> LoopReport {
    let loop = try ArmControlLoop(
        driver: SimulatedArm(positions: calibration.neutral), calibration: calibration,
        configuration: makeConfiguration(hertz))
    try loop.start(rights: rights)
    var report = loop.takeLoopReport()
    var jitter = LatencyHistogram()
    var work = LatencyHistogram()
    var nextChunk = MonotonicTime.now()
    var id: UInt64 = 0
    report.ticks = 0
    report.overruns = 0
    // By ticks and skipped deadlines together: a loop that falls behind must not take for ever.
    while report.ticks + report.overruns < ticks {
        if MonotonicTime.now() >= nextChunk {
            _ = loop.submit(try makeChunk(id, observedAt: nextChunk))
            id += 1
            nextChunk += .milliseconds(400)
        }
        while loop.takeChunkReport() != nil {}
        _ = loop.takeSnapshot()
        let part = loop.takeLoopReport()
        report.ticks += part.ticks
        report.overruns += part.overruns
        for bucket in part.jitter { jitter.add(bucket) }
        for bucket in part.work { work.add(bucket) }
        MachineClock().sleep(until: .now() + .milliseconds(20))
    }
    loop.beginStopping()
    _ = loop.end()
    report.jitter = jitter.buckets
    report.work = work.buckets
    report.rights = loop.takeLoopReport().rights
    return report
}

/// The bare loop gave up.
struct BareLoopError: Error, CustomStringConvertible {
    let errno: Int32
    var description: String {
        "running the bare loop: clock_nanosleep failed (errno \(errno)). Run the benchmark "
            + "on a kernel with high-resolution timers."
    }
}

private func runBareLoop(hertz: Double, ticks: Int64, rights: RealTimeRights) throws -> [Int64] {
    /// Room for the numbers, made before the loop and read after it; the loop holds it locked.
    final class Record: Sendable {
        let content: Mutex<(lateness: [Int64], error: Int32)>
        init(_ count: Int) { content = Mutex((Array(repeating: 0, count: count), 0)) }
    }
    let record = Record(Int(ticks))
    let period = Rate(hertz: hertz).periodNanoseconds
    let thread = RealTimeThread("bare loop", rights: rights) {
        record.content.withLock { content in
            content.error = content.lateness.withUnsafeMutableBufferPointer {
                octo_bare_loop(period, ticks, $0.baseAddress)
            }
        }
    }
    _ = try thread.start()
    thread.join()
    let (lateness, error) = record.content.withLock { $0 }
    if error != 0 { throw BareLoopError(errno: error) }
    return lateness
}

/// An arm that is silent every thousandth time.
private struct UnreliableArm: ArmDriver {
    var arm: SimulatedArm
    var reads = 0
    var jointCount: Int { arm.jointCount }
    mutating func release(at now: MonotonicTime) throws(ArmDriverError) { try arm.release(at: now) }

    mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        reads += 1
        if reads.isMultiple(of: 1000) { throw .noReply(servo: 1) }
        return try arm.read(at: now)
    }
    mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        try arm.write(setpoint, at: now)
    }
}

/// Runs the loop's body tick by tick in this thread and counts.
private func countAllocations(_ calibration: ArmCalibration, ticks: Int) throws -> UInt64 {
    var body = try ArmLoopBody(
        driver: UnreliableArm(arm: SimulatedArm(positions: calibration.neutral)), calibration: calibration,
        configuration: makeConfiguration(100), clock: MachineClock())
    // In the future of the machine's clock or not does not matter: the body is told the time.
    let start = MonotonicTime.now()
    let chunks = try (0...ticks / 40).map { try makeChunk(UInt64($0), observedAt: start + .milliseconds($0 * 400)) }
    // One tick before counting: the caller looks up the types it hands over, once, which allocates.
    body.tick(TickTime(index: 0, deadline: start - .milliseconds(10), wake: start - .milliseconds(10)))
    while body.channels.reports.pop() != nil {}
    _ = body.channels.snapshots.take()
    let before = octo_thread_allocation_count()
    for tick in 0..<ticks {
        let time = start + .milliseconds(tick * 10)
        if tick.isMultiple(of: 40) { body.channels.chunks.push(chunks[tick / 40]) }
        body.tick(TickTime(index: UInt64(tick), deadline: time, wake: time))
        while body.channels.reports.pop() != nil {}
        _ = body.channels.snapshots.take()
    }
    return octo_thread_allocation_count() - before
}

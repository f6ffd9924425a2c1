import ArmDrivers
import ArmLoop
import Bus
import Control
import Kinematics
import Foundation
import Manifests
import Maths
import Messages
import NodeShell
import RealTime
import Teleop
import Time
import Wire

/// Why the arm node cannot start.
enum ArmNodeError: Error, CustomStringConvertible {
    case wrongStartPosition(found: Int, calibration: String, joints: Int)
    case lacksRights(RealTimeReport)
    case otherServos(driver: String, calibration: String, found: String)

    var description: String {
        switch self {
        case .wrongStartPosition(let found, let calibration, let joints):
            "arm.simulated.initial_rad has \(found) numbers, '\(calibration)' has \(joints) joints. Give one angle "
                + "each."
        case .otherServos(let driver, let calibration, let found):
            "reading the servos of '\(calibration)': they are \(found) servos, arm.driver is \(driver). Set "
                + "arm.driver to \(found), or arm.calibration to this arm's file."
        case .lacksRights(let report):
            "the control loop was refused real-time rights that arm.realtime.required asks for: \(report). "
                + "To get them: \(report.advice ?? ""). Or set arm.realtime.required to false."
        }
    }
}

/// The arm node: chunks go into the control loop's thread, states and reports come out of it.
struct ArmNode<Driver: ArmDriver>: NodeBody {
    private let loop: ArmControlLoop<Driver>
    private let jointCount: Int
    /// The gripper comes last.
    private let jointNames: [String]
    private let policyStep: Duration
    private let isRecorded: Bool
    private var keeper: LatchKeeper
    private let rights: RealTimeReport
    private let chunks: Subscription<ActionChunk>
    private let commands: Subscription<ArmCommand>
    private let manual: Subscription<ManualCommand>
    private let states: Publisher<ArmState>
    private let chunkReports: Publisher<ChunkReport>
    private let loopReports: Publisher<LoopReport>
    private let events: Publisher<RunEvent>
    private let traces: Publisher<ArmTrace>
    private let bus: BusNode
    private var unheardTraces: [ArmTrace] = []
    /// A minute of a state rate of 50 Hz.
    private static var mostUnheardTraces: Int { 3000 }

    private var stateCadence: Cadence
    private var loopReportCadence: Cadence
    private var snapshot: ArmLoopSnapshot?
    /// The servos are those of `octo-sim run`.
    private let isSimulated: Bool
    private var isStopping = false
    private var interventions = InterventionLog(node: Manifest.armNode)
    private var counts = Counts()
    private var jitter = LatencyHistogram()
    private var frameToSetpoint = LatencyHistogram()

    private struct Counts {
        var chunks: Int64 = 0
        var rejected: Int64 = 0
        var overruns: Int64 = 0
        var ticks: Int64 = 0
        var clampedSteps: Int64 = 0
        var lastRejection: String?
    }

    /// Starts the control loop: the arm holds where it is.
    /// - Throws: `ArmLoopError`, `ArmNodeError`.
    init(
        driver: Driver, calibration: ArmCalibration, section: Manifest.Arm, latch: ArmLatch, context: NodeContext
    ) throws {
        let bus = context.bus
        self.bus = bus
        chunks = try bus.subscribe(Topics.policyChunk)
        commands = try bus.subscribe(Topics.armCommand)
        manual = try bus.subscribe(Topics.armManual)
        states = bus.publisher(Topics.armState)
        chunkReports = bus.publisher(Topics.armChunk)
        loopReports = bus.publisher(Topics.armLoop)
        events = bus.publisher(Topics.event(of: Manifest.armNode))
        traces = bus.publisher(Topics.armTrace)
        jointCount = driver.jointCount
        jointNames = calibration.joints.map(\.name) + ["gripper"]
        policyStep = context.run.manifest.policy.rate.period
        isSimulated = section.serialPort == Manifest.simulatedPort
        isRecorded = context.run.manifest.record.isEnabled
        keeper = LatchKeeper(latch, folder: context.run.folder) { context.log.error("\($0)") }
        loop = try ArmControlLoop(
            driver: driver, calibration: calibration,
            configuration: ArmControllerConfiguration(section, policyRate: context.run.manifest.policy.rate),
            latch: ArmLatchedState(latch))
        rights = try loop.start(as: section.realTime)
        if !rights.isComplete { context.log.warning("\(rights); 'octo-launch --check' says how to get them") }
        // Who stopped the arm while its process was still starting wrote it there.
        if !latch.isEmergencyStop, ArmLatch.load(folder: context.run.folder).isEmergencyStop { loop.emergencyStop() }
        let now = MonotonicTime.now()
        stateCadence = Cadence(start: now, rate: section.stateRate)
        loopReportCadence = Cadence(start: now + .seconds(1), rate: Rate(hertz: 1))
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        while let received = commands.take() { obey(received.message) }
        while let received = manual.take() { loop.submit(received.message) }
        while let received = chunks.take() { try submit(received.message, at: now) }
        while let report = loop.takeChunkReport() { try publish(report, at: now) }
        if now >= stateCadence.deadline {
            stateCadence.advance(past: now)
            try publishTrace(at: now)
            if let newest = loop.takeSnapshot() {
                snapshot = newest
                // Whoever hears that the arm is stopped may rely on it, whatever becomes of this process.
                keeper.keep(newest)
                try states.publish(newest.state, captureTime: newest.state.measured.time, at: now)
                let condition = armCondition(newest).headline
                for event in interventions.receive(newest.state.mode, condition: condition, at: now) {
                    try events.publish(event, at: now)
                }
            }
        }
        if now >= loopReportCadence.deadline {
            loopReportCadence.advance(past: now)
            try publishLoopReport(at: now)
        }
        return min(stateCadence.deadline, loopReportCadence.deadline)
    }

    private mutating func obey(_ command: ArmCommand) {
        // False means that the loop hangs; its missing state shows that. The emergency stop itself cannot be lost.
        switch command.action {
        case .emergencyStop:
            keeper.stopped(by: command.operatorID)
            loop.emergencyStop()
        case .resetEmergencyStop:
            keeper.reset()
            if let operatorID = OperatorID(command.operatorID) { _ = loop.resetEmergencyStop(by: operatorID) }
        case .clearFault: _ = loop.clearFault()
        case .recover: _ = loop.recover()
        case .resume: if let operatorID = OperatorID(command.operatorID) { _ = loop.resume(by: operatorID) }
        }
    }

    private mutating func submit(_ chunk: ActionChunk, at now: MonotonicTime) throws {
        counts.chunks += 1
        do throws(ChunkRejection) {
            let checked = try FixedActionChunk(chunk, jointCount: jointCount)
            try checked.checkStepDuration(policyStep)
            // False means that the loop hangs; its missing state shows that, and the chunk would be stale anyway.
            _ = loop.submit(checked)
            counts.lastRejection = nil
        } catch {
            counts.lastRejection = error.description
            let report = ChunkReport(
                chunkID: chunk.id, outcome: .rejected, captureTime: chunk.captureTime,
                observationTime: chunk.observationTime, firstSetpointTime: .zero, stepsSkipped: 0, stepsExecuted: 0,
                stepsClamped: 0)
            try publish(report, at: now)
        }
    }

    private mutating func publish(_ report: ChunkReport, at now: MonotonicTime) throws {
        if report.outcome == .rejected { counts.rejected += 1 }
        counts.clampedSteps += Int64(report.stepsClamped)
        if report.firstSetpointTime > .zero { frameToSetpoint.record(report.firstSetpointTime - report.captureTime) }
        try chunkReports.publish(report, captureTime: report.captureTime, at: now)
    }

    /// Publishes the loop's trace. Without a recorder nobody needs it. Until that one hears, the beginning is kept for
    /// it.
    private mutating func publishTrace(at now: MonotonicTime) throws {
        while let trace = loop.takeTrace() {
            if isRecorded && unheardTraces.count < Self.mostUnheardTraces { unheardTraces.append(trace) }
        }
        guard bus.isHeard(on: Topics.armTrace) else { return }
        for trace in unheardTraces { try traces.publish(trace, at: now) }
        unheardTraces.removeAll(keepingCapacity: true)
    }

    private mutating func publishLoopReport(at now: MonotonicTime) throws {
        let report = loop.takeLoopReport()
        counts.ticks += report.ticks
        counts.overruns += report.overruns
        for bucket in report.jitter { jitter.add(bucket) }
        try loopReports.publish(report, at: now)
    }

    /// Brakes, and ends once the arm stands still.
    mutating func stop(at now: MonotonicTime) -> Bool {
        if !isStopping {
            isStopping = true
            loop.beginStopping()
        }
        try? publishTrace(at: now)
        if let newest = loop.takeSnapshot() { snapshot = newest }
        // The loop needs a tick to see the request; at rest before that is at rest all the same.
        guard let snapshot, snapshot.isAtRest else { return false }
        // Asked again after it has ended: there is nothing left to do.
        guard loop.end() != nil else { return true }
        // What the loop still has to tell must reach the summary; a bus that fails now has nobody left to tell.
        while let report = loop.takeChunkReport() { try? publish(report, at: now) }
        try? publishTrace(at: now)
        try? publishLoopReport(at: now)
        return true
    }

    func status(at now: MonotonicTime) -> NodeStatus {
        let (state, headline) = condition
        return NodeStatus(
            node: Manifest.armNode, processID: 0, state: state, headline: headline,
            counters: [
                .init(name: "chunks", value: counts.chunks), .init(name: "rejected_chunks", value: counts.rejected),
                .init(name: "clamped_steps", value: counts.clampedSteps), .init(name: "ticks", value: counts.ticks),
                .init(name: "overruns", value: counts.overruns),
                .init(name: "read_faults", value: Int64(clamping: snapshot?.readFaults ?? 0)),
                .init(name: "write_faults", value: Int64(clamping: snapshot?.writeFaults ?? 0)),
                .init(name: "emergency_stops", value: Int64(clamping: snapshot?.counts.emergencyStops ?? 0)),
                .init(name: "pauses", value: Int64(clamping: snapshot?.counts.pauses ?? 0)),
                .init(name: "interventions", value: Int64(clamping: snapshot?.counts.interventions ?? 0)),
                .init(name: "dropped_events", value: loop.droppedEvents),
            ],
            latencies: [
                .init(name: "loop_jitter", of: jitter), .init(name: "frame_to_first_setpoint", of: frameToSetpoint),
            ])
    }

    private func armCondition(_ snapshot: ArmLoopSnapshot) -> ArmCondition {
        ArmCondition(snapshot, jointNames: jointNames, earlierCause: keeper.earlierCause, isSimulated: isSimulated)
    }

    private var condition: (NodeStatus.State, String) {
        guard let snapshot else { return (.starting, "waiting for the control loop's first tick") }
        let condition = armCondition(snapshot)
        if condition.state != .fault, let rejection = counts.lastRejection { return (.degraded, rejection) }
        // Lacking rights is loud, in every status, but the arm is as ready as it will be.
        let lacking = rights.refused.map { "\($0.right)" }.joined(separator: ", ")
        return (
            condition.state,
            condition.headline
                + (rights.isComplete ? "" : "; WITHOUT \(lacking): 'octo-launch --check' says how to get it")
        )
    }
}

extension Manifest.Arm.Simulated {
    /// Positions of the simulated arm at first, radians: as the manifest says, or the calibration's neutral pose.
    func startPositions(of calibration: ArmCalibration) throws(ArmNodeError) -> JointVector {
        guard let given = initialPositions else { return calibration.neutral }
        guard given.count == calibration.joints.count else {
            throw .wrongStartPosition(
                found: given.count, calibration: calibration.name, joints: calibration.joints.count)
        }
        return JointVector(given)
    }
}

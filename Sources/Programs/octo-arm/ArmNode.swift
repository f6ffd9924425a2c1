import ArmDrivers
import ArmLoop
import Bus
import Control
import Kinematics
import Manifests
import Messages
import NodeShell
import RealTime
import Teleop
import Time
import Wire

/// The arm node: chunks go into the control loop's thread, states and reports come out of it.
struct ArmNode<Driver: ArmDriver>: NodeBody {
    private let loop: ArmControlLoop<Driver>
    private let jointCount: Int
    private let policyStep: Duration
    private var keeper: LatchKeeper
    private var account: ArmAccount
    private let chunks: Subscription<ActionChunk>
    private let commands: Subscription<ArmCommand>
    private let manual: Subscription<ManualCommand>
    private let states: Publisher<ArmState>
    private let chunkReports: Publisher<ChunkReport>
    private let loopReports: Publisher<LoopReport>
    private let events: Publisher<RunEvent>
    private let traces: Publisher<ArmTrace>
    private let bus: BusNode
    private var backlog: TraceBacklog

    private var stateCadence: Cadence
    private var loopReportCadence: Cadence
    private var isStopping = false
    private var interventions = InterventionLog(node: Manifest.armNode)

    /// Starts the control loop: the arm holds where it is.
    /// - Throws: `ArmLoopError`, `BusError`.
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
        policyStep = context.run.manifest.policy.rate.period
        backlog = TraceBacklog(isRecorded: context.run.manifest.record.isEnabled)
        keeper = LatchKeeper(latch, folder: context.run.folder) { context.log.error("\($0)") }
        loop = try ArmControlLoop(
            driver: driver, calibration: calibration,
            configuration: ArmControllerConfiguration(section, policyRate: context.run.manifest.policy.rate),
            latch: ArmLatchedState(latch))
        let rights = try loop.start(
            rights: RealTimeRights(section.realTime), areRequired: section.realTime.isRequired)
        account = ArmAccount(
            jointNames: calibration.joints.map(\.name), isSimulated: section.serialPort == Manifest.simulatedPort,
            earlierCause: keeper.earlierCause, rights: rights)
        account.operators = ArmOperators(stopper: latch.stoppedBy)
        if !rights.isComplete { context.log.warning("\(rights); 'octo-launch --check' says how to get them") }
        // Who stopped the arm while its process was still starting wrote it there.
        if !latch.isEmergencyStop, ArmLatch.load(folder: context.run.folder).isEmergencyStop { loop.emergencyStop() }
        let now = MonotonicTime.now()
        stateCadence = Cadence(start: now, rate: section.stateRate)
        loopReportCadence = Cadence(start: now + .seconds(1), rate: Rate(hertz: 1))
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        while let received = commands.take() { obey(received.message) }
        while let received = manual.take() {
            interventions.noteMotion(by: received.envelope.sourceNode)
            account.operators.mover = received.envelope.sourceNode
            loop.submit(received.message)
        }
        while let received = chunks.take() { try submit(received.message, at: now) }
        while let report = loop.takeChunkReport() { try publish(report, at: now) }
        if now >= stateCadence.deadline {
            stateCadence.advance(past: now)
            try publishTrace(at: now)
            if let newest = loop.takeSnapshot() {
                account.receive(newest)
                // Whoever hears that the arm is stopped may rely on it, whatever becomes of this process.
                keeper.keep(newest)
                try states.publish(newest.state, captureTime: newest.state.measured.time, at: now)
                let condition = account.armCondition?.headline ?? ""
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
        keeper.prepare(for: command)
        interventions.noteCommand(by: command.operatorID)
        account.operators.note(command)
        // False means that the loop hangs; its missing state shows that.
        loop.obey(command.action, by: command.operatorID)
    }

    private mutating func submit(_ chunk: ActionChunk, at now: MonotonicTime) throws {
        do throws(ChunkRejection) {
            let checked = try FixedActionChunk(chunk, jointCount: jointCount)
            try checked.checkStepDuration(policyStep)
            // False means that the loop hangs; its missing state shows that, and the chunk would be stale anyway.
            _ = loop.submit(checked)
            account.noteChunk(nil)
        } catch {
            account.noteChunk(error)
            try publish(ChunkReport(rejected: chunk), at: now)
        }
    }

    private mutating func publish(_ report: ChunkReport, at now: MonotonicTime) throws {
        account.note(report)
        try chunkReports.publish(report, captureTime: report.captureTime, at: now)
    }

    /// Publishes the loop's trace, once somebody hears it.
    private mutating func publishTrace(at now: MonotonicTime) throws {
        while let trace = loop.takeTrace() { backlog.keep(trace) }
        guard bus.isHeard(on: Topics.armTrace) else { return }
        try backlog.deliver { [traces] trace throws(BusError) in try traces.publish(trace, at: now) }
    }

    private mutating func publishLoopReport(at now: MonotonicTime) throws {
        let report = loop.takeLoopReport()
        account.note(report)
        try loopReports.publish(report, at: now)
    }

    /// Brakes, and ends once the arm stands still.
    mutating func stop(at now: MonotonicTime) -> Bool {
        if !isStopping {
            isStopping = true
            loop.beginStopping()
        }
        try? publishTrace(at: now)
        if let newest = loop.takeSnapshot() { account.receive(newest) }
        // The loop needs a tick to see the request; at rest before that is at rest all the same.
        guard let snapshot = account.snapshot, snapshot.isAtRest else { return false }
        // Asked again after it has ended: there is nothing left to do.
        guard loop.end() != nil else { return true }
        // What the loop still has to tell must reach the summary; a bus that fails now has nobody left to tell.
        while let report = loop.takeChunkReport() { try? publish(report, at: now) }
        try? publishTrace(at: now)
        try? publishLoopReport(at: now)
        return true
    }

    func status(at now: MonotonicTime) -> NodeStatus { account.status(droppedEvents: loop.droppedEvents) }
}

import ArmDrivers
import ArmLoop
import Control
import Glibc
import Messages
import RealTime
import Testing
import Time

/// Refuses what it is told to.
private struct ScriptedKernel: RightsKernel {
    var fifoError: Int32 = 0
    func pin(toCPU cpu: Int) -> Int32 { 0 }
    func setTimerSlack(nanoseconds: Int) -> Int32 { 0 }
    func lockMemory() -> Int32 { 0 }
    func setFIFO(priority: Int) -> Int32 { fifoError }
    func prefaultStack() {}
}

/// What the arm's process tells of itself.
@Suite struct ArmAccountTests {
    private let granted = RealTimeRights().acquire(through: ScriptedKernel())
    private let refused = RealTimeRights().acquire(through: ScriptedKernel(fifoError: EPERM))
    private let rejection = ChunkRejection.empty(chunkID: 9)

    private func account(
        rights: RealTimeReport? = nil, earlierCause: String? = nil, isSimulated: Bool = false
    ) -> ArmAccount {
        ArmAccount(
            jointNames: ["waist", "shoulder"], isSimulated: isSimulated, earlierCause: earlierCause,
            rights: rights ?? granted)
    }

    private func snapshot(
        _ mode: ArmMode, _ change: (inout ArmLoopSnapshot) -> Void = { _ in }
    ) throws -> ArmLoopSnapshot {
        var bench = try LoopBench(SimulatedArm(positions: try widowX().neutral))
        bench.run(ticks: 1)
        var snapshot = try #require(bench.snapshots.last)
        snapshot.state.mode = mode
        change(&snapshot)
        return snapshot
    }

    @Test func beforeTheLoopsFirstTickTheNodeIsStarting() {
        let account = account(rights: refused)
        #expect(account.armCondition == nil && account.snapshot == nil)
        let status = account.status(droppedEvents: 0)
        #expect(status.node == "arm" && status.state == .starting)
        #expect(status.headline == "waiting for the control loop's first tick")
    }

    @Test func aChunkThatIsNotForThisArmDegradesItUntilOneIsTaken() throws {
        var account = account()
        account.receive(try snapshot(.executing(chunkID: 1, step: 0)))
        #expect(account.status(droppedEvents: 0).state == .ready)
        account.noteChunk(rejection)
        account.note(ChunkReport(rejected: try message()))
        let told = account.status(droppedEvents: 0)
        #expect(told.state == .degraded && told.headline == rejection.description)
        #expect(account.armCondition?.headline == "executing chunks", "the arm itself is well")
        #expect(value("chunks", told) == 1 && value("rejected_chunks", told) == 1)
        account.noteChunk(nil)
        let taken = account.status(droppedEvents: 0)
        #expect(taken.state == .ready && taken.headline == "executing chunks" && value("chunks", taken) == 2)
    }

    @Test func aFaultGoesBeforeAChunkThatIsNotForThisArm() throws {
        var account = account()
        account.noteChunk(rejection)
        account.receive(try snapshot(.holding(.driverFault)) { $0.cause = .noReply(servo: 3) })
        let status = account.status(droppedEvents: 0)
        #expect(status.state == .fault && status.headline.contains("servo 3"), "\(status.headline)")
    }

    @Test func lackingRightsAreLoudInEveryStatusAndChangeNoState() throws {
        var account = account(rights: refused)
        for mode in [ArmMode.executing(chunkID: 1, step: 0), .holding(.released), .holding(.emergencyStop)] {
            account.receive(try snapshot(mode))
            let status = account.status(droppedEvents: 0)
            let arm = try #require(account.armCondition)
            #expect(status.state == arm.state)
            let loud = "; WITHOUT SCHED_FIFO 80: 'octo-launch --check' says how to get it"
            #expect(status.headline == arm.headline + loud)
        }
    }

    @Test func theGripperIsNamedAfterTheJointsAndAnEarlierCauseIsTold() throws {
        var account = account(earlierCause: "the torque of servo 2 is off.")
        account.receive(
            try snapshot(.holding(.overheated)) {
                $0.state.blamedJoint = 2
                $0.state.measured.gripperTemperature = 80
            })
        #expect(account.armCondition?.headline.contains("gripper's servo is too hot") == true)
        account.receive(try snapshot(.holding(.driverFault)))
        #expect(account.armCondition?.headline.contains("the torque of servo 2 is off.") == true)
    }

    @Test func aSimulationThatIsLateIsNoCable() throws {
        let late = try snapshot(.holding(.driverFault)) { $0.cause = .noReply(servo: 3) }
        for isSimulated in [true, false] {
            var account = account(isSimulated: isSimulated)
            account.receive(late)
            #expect(account.armCondition?.headline.contains("the simulation was late") == isSimulated)
        }
    }

    @Test func whatTheLoopTellsIsAddedUp() throws {
        var account = account()
        var report = ChunkReport(rejected: try message())
        (report.outcome, report.stepsClamped) = (.executed, 3)
        report.firstSetpointTime = report.captureTime + .milliseconds(40)
        account.note(report)
        account.note(report)
        let loop = LoopReport(
            rateHertz: 100, ticks: 100, overruns: 2, jitter: [.init(nanoseconds: 50_000, count: 100)], work: [],
            rights: "", hasRealTimeRights: true)
        account.note(loop)
        account.note(loop)
        account.receive(
            try snapshot(.holding(.released)) { ($0.readFaults, $0.writeFaults, $0.counts.pauses) = (4, 5, 6) })
        let status = account.status(droppedEvents: 7)
        let expected = [
            "clamped_steps": 6, "ticks": 200, "overruns": 4, "read_faults": 4, "write_faults": 5, "pauses": 6,
            "rejected_chunks": 0, "dropped_events": 7,
        ]
        for (name, count) in expected { #expect(value(name, status) == Int64(count), "\(name)") }
        let latencies = Dictionary(uniqueKeysWithValues: status.latencies.map { ($0.name, $0) })
        #expect(latencies["loop_jitter"]?.count == 200)
        #expect(latencies["frame_to_first_setpoint"]?.count == 2)
        let typical = try #require(latencies["frame_to_first_setpoint"]).p50
        #expect(abs((typical - .milliseconds(40)).inSeconds) < 0.0005)
    }

    private func value(_ counter: String, _ status: NodeStatus) -> Int64? {
        status.counters.first { $0.name == counter }?.value
    }

    private func message() throws -> ActionChunk {
        let time = MonotonicTime.zero + .seconds(1)
        return ActionChunk(
            id: 9, goalID: "cup", observationTime: time, captureTime: time, inferredTime: time,
            stepDuration: .milliseconds(200), actionDimension: 7, actions: [], actionSpace: .eefDelta, noiseSeed: 0,
            noiseCounter: 0)
    }
}

import ArmDrivers
import ArmLoop
import Control
import Manifests
import Messages
import Testing
import Time

/// What is written down of what holds the arm.
@Suite struct LatchRecordTests {
    private func snapshot(
        _ latch: ArmLatchedState, cause: ArmDriverError? = nil
    ) throws -> ArmLoopSnapshot {
        var bench = try LoopBench(SimulatedArm(positions: try widowX().neutral))
        bench.run(ticks: 1)
        var snapshot = try #require(bench.snapshots.last)
        (snapshot.latch, snapshot.cause) = (latch, cause)
        return snapshot
    }

    private let fault = ArmFault(reason: .driverFault, joint: 2)

    @Test func whatIsWrittenAlreadyIsNotWrittenAgain() throws {
        var record = LatchRecord(ArmLatch())
        #expect(record.entry(for: try snapshot(ArmLatchedState())) == nil)
        let stopped = try snapshot(ArmLatchedState(isEmergencyStopped: true, awaitsResume: true))
        record.noteStop(by: "ann")
        let entry = try #require(record.entry(for: stopped))
        #expect(record.entry(for: stopped) == entry, "what could not be written is tried again")
        record.noteWritten(entry)
        #expect(record.entry(for: stopped) == nil)
        var latch = ArmLatch()
        entry.write(into: &latch)
        #expect(latch == ArmLatch(isEmergencyStop: true, stoppedBy: "ann", awaitsResume: true))
    }

    @Test func whoStoppedTheArmIsForgottenWithTheStop() throws {
        var record = LatchRecord(ArmLatch(isEmergencyStop: true, stoppedBy: "ann"))
        let reset = try #require(record.entry(for: try snapshot(ArmLatchedState(awaitsResume: true))))
        var latch = ArmLatch(isEmergencyStop: true, stoppedBy: "ann")
        reset.write(into: &latch)
        #expect(latch == ArmLatch(awaitsResume: true))
        record.noteWritten(reset)
        #expect(record.hasMissedStop(in: ArmLatch(isEmergencyStop: true)), "another process wrote it since")
        #expect(!record.hasMissedStop(in: latch))
    }

    @Test func theCauseOfAFaultIsWrittenAndStaysWhenTheNextProcessDoesNotKnowIt() throws {
        var first = LatchRecord(ArmLatch())
        let failed = try snapshot(ArmLatchedState(fault: fault), cause: .noReply(servo: 3))
        let entry = try #require(first.entry(for: failed))
        first.noteWritten(entry)
        var latch = ArmLatch()
        entry.write(into: &latch)
        #expect(latch.fault?.reason == .driverFault && latch.fault?.joint == 2)
        #expect(latch.fault?.text == ArmDriverError.noReply(servo: 3).description)
        let second = LatchRecord(latch)
        #expect(second.earlierCause == latch.fault?.text)
        #expect(second.entry(for: try snapshot(ArmLatchedState(fault: fault))) == nil)
        // Cleared, it is gone, words and all.
        try #require(second.entry(for: try snapshot(ArmLatchedState()))).write(into: &latch)
        #expect(latch == ArmLatch())
    }

    @Test func aFaultOfAJointIsNoEarlierCauseOfTheDrivers() {
        let latch = ArmLatch(fault: ArmLatch.Fault(.overheated, joint: 1, text: "too hot"))
        #expect(LatchRecord(latch).earlierCause == nil)
    }

    @Test func whatAnyoneFindsAgainIsNotWritten() throws {
        let record = LatchRecord(ArmLatch())
        let beyond = ArmLatchedState(fault: ArmFault(reason: .beyondLimits, joint: 0))
        var latch = ArmLatch()
        try #require(record.entry(for: try snapshot(beyond))).write(into: &latch)
        #expect(latch == ArmLatch())
    }

    @Test(arguments: ArmLatch.Fault.Reason.allCases)
    func everyLatchComesBackAsItWas(reason: ArmLatch.Fault.Reason) throws {
        let latch = ArmLatch(isEmergencyStop: true, fault: ArmLatch.Fault(reason, joint: 1, text: "why"))
        let state = ArmLatchedState(latch)
        #expect(state.isEmergencyStopped && state.awaitsResume && state.fault?.joint == 1)
        var record = LatchRecord(ArmLatch())
        record.noteStop(by: "ann")
        var again = ArmLatch()
        try #require(record.entry(for: try snapshot(state))).write(into: &again)
        #expect(again.fault?.reason == reason && again.isEmergencyStop && again.awaitsResume)
        #expect(latch.summary.contains("an emergency stop") && latch.summary.contains("why"))
    }

    @Test func torqueStaysOffWhereItWasOffOnPurposeOrNobodyHasSaidGoOn() {
        let stopped = ArmLatch(isEmergencyStop: true)
        let broken = ArmLatch(fault: ArmLatch.Fault(.driverFault))
        let both = ArmLatch(isEmergencyStop: true, fault: ArmLatch.Fault(.driverFault))
        #expect(TorqueAtStart(ArmLatch(), .torqueOff) == .on)
        #expect(TorqueAtStart(stopped, .torqueOff) == .released)
        #expect(TorqueAtStart(stopped, .hold) == .on)
        #expect(TorqueAtStart(broken, .torqueOff) == .suspended)
        #expect(TorqueAtStart(both, .torqueOff) == .released)
        #expect(TorqueAtStart(both, .hold) == .suspended)
        #expect(TorqueAtStart(ArmLatch(fault: ArmLatch.Fault(.overheated)), .hold) == .on)
    }
}

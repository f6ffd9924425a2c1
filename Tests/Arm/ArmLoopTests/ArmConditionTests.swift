import ArmDrivers
import ArmLoop
import Control
import Maths
import Messages
import ServoProtocol
import Testing
import Time

/// What is wrong, what the arm does now, what a person does next: for every state.
@Suite struct ArmConditionTests {
    private let names = ["waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate", "gripper"]

    private func condition(
        _ mode: ArmMode, joint: Int? = nil, earlierCause: String? = nil, operators: ArmOperators = ArmOperators(),
        _ change: (inout ArmLoopSnapshot) -> Void = { _ in }
    ) throws -> ArmCondition {
        var bench = try LoopBench(SimulatedArm(positions: try widowX().neutral))
        bench.run(ticks: 1)
        var snapshot = try #require(bench.snapshots.last)
        (snapshot.state.mode, snapshot.state.blamedJoint) = (mode, joint)
        snapshot.state.measured.temperatures = [20, 20, 76, 20, 20, 20]
        change(&snapshot)
        return ArmCondition(snapshot, jointNames: names, earlierCause: earlierCause, operators: operators)
    }

    @Test func everydayStatesAreReady() throws {
        let executing = try condition(.executing(chunkID: 1, step: 0))
        #expect(executing.state == .ready && executing.headline == "executing chunks")
        for reason in [HoldReason.waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .stopping, .released] {
            let found = try condition(.holding(reason))
            #expect(found.state == .ready && found.headline == "holding: \(reason)")
        }
    }

    @Test func whoMovesOrStoppedTheArmIsNamed() throws {
        var operators = ArmOperators(mover: "octo-teleop (pid 12)")
        #expect(try condition(.manual, operators: operators).headline == "moved by octo-teleop (pid 12)")
        operators.note(
            ArmCommand(id: 1, operatorID: "octo-arm (pid 13)", action: .emergencyStop, time: .zero))
        operators.note(
            ArmCommand(id: 2, operatorID: "octo-arm (pid 14)", action: .clearFault, time: .zero))
        let stopped = try condition(.holding(.emergencyStop), operators: operators).headline
        #expect(stopped.hasPrefix("emergency stop by octo-arm (pid 13). The arm holds"), "\(stopped)")
        #expect(try condition(.manual).headline == "moved by an operator", "nobody is made up")
    }

    @Test(arguments: [
        (HoldReason.stalled, ["elbow is blocked", "The arm holds", "Free it", "octo-arm clear"]),
        (.overloaded, ["elbow pushes harder", "The arm holds", "Take the load off", "octo-arm clear"]),
        (.overheated, ["elbow's servo is too hot (76 °C)", "The arm holds", "cool", "octo-arm clear"]),
        (
            .notFollowing,
            ["elbow", "no torque, or does not hear", "The arm holds", "cable and power", "octo-arm clear"]
        ),
        (.beyondLimits, ["elbow is beyond its limits", "The arm holds", "Press b", "by hand", "octo-arm clear"]),
        (.emergencyStop, ["emergency stop", "The arm holds", "octo-arm reset"]),
    ])
    func whatNeedsAPersonSaysWhatIsWrongWhatTheArmDoesAndWhatToDo(reason: HoldReason, words: [String]) throws {
        let found = try condition(.holding(reason), joint: 2)
        #expect(found.state == .degraded)
        for word in words { #expect(found.headline.contains(word), "\(found.headline)") }
    }

    @Test func aFaultOfTheDriverNamesItsServoItsCauseAndTheWayOut() throws {
        let found = try condition(.holding(.driverFault), joint: 2) {
            $0.cause = .dynamixelError(servo: 4, .overload)
            $0.driverWorks = false
        }
        #expect(found.state == .fault)
        for word in [
            "(elbow)", "servo 4 reports overload", "Free it", "until a person says go on", "Then run 'octo-arm clear'",
        ] {
            #expect(found.headline.contains(word), "\(found.headline)")
        }
        #expect(!found.headline.contains("The servos answer"))
        let mended = try condition(.holding(.driverFault)) {
            $0.cause = .systemCall(errno: 19)
            $0.driverWorks = true
        }
        #expect(mended.headline.contains("No such device") && mended.headline.contains("The servos answer."))
    }

    @Test func anArmWithoutTorqueIsCalledThat() throws {
        let limp = try condition(.holding(.emergencyStop)) { $0.isLimp = true }
        #expect(limp.headline.contains("The arm is without torque"))
    }

    @Test func whatAnEarlierProcessFoundIsStillTold() throws {
        let found = try condition(
            .holding(.driverFault), earlierCause: "watching the servos: the torque of servo 2 is off.")
        #expect(found.headline.contains("the torque of servo 2 is off."))
    }
}

@Suite struct LatchedLoopTests {
    private func arm() throws -> SimulatedArm { SimulatedArm(positions: try widowX().neutral) }

    private func bench(_ latch: ArmLatchedState, rule: EmergencyStopRule = .hold) throws -> LoopBench<SimulatedArm> {
        var configuration = usual
        configuration.emergencyStop = rule
        return try LoopBench(try arm(), configuration: configuration, latch: latch)
    }

    /// An emergency stop is ended by a person, not by the supervisor that starts the process again.
    @Test func anEmergencyStopOutlivesTheProcess() throws {
        var bench = try bench(ArmLatchedState(isEmergencyStopped: true))
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 30)
        #expect(bench.snapshots.allSatisfy { $0.state.mode == .holding(.emergencyStop) && $0.isAtRest })
        let ann = try #require(OperatorID("ann"))
        _ = bench.body.channels.commands.push(.resetEmergencyStop(by: ann))
        _ = bench.body.channels.commands.push(.resume(by: ann))
        _ = bench.body.channels.chunks.push(try chunk(2, observedAt: bench.clock.now()))
        bench.run(ticks: 2)
        #expect(bench.snapshots.last?.state.mode == .executing(chunkID: 2, step: 0))
    }

    /// So does what a person has not said yet.
    @Test func thatThePolicyWaitsOutlivesTheProcess() throws {
        var bench = try bench(ArmLatchedState(awaitsResume: true))
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 30)
        #expect(bench.snapshots.allSatisfy { $0.state.mode == .holding(.awaitingResume) && $0.isAtRest })
        let said = ArmCondition(try #require(bench.snapshots.last), jointNames: []).headline
        #expect(said.contains("'octo-arm resume'"), "\(said)")
    }

    @Test func anArmThatWasLimpStaysLimp() throws {
        var bench = try bench(ArmLatchedState(isEmergencyStopped: true), rule: .torqueOff)
        bench.run(ticks: 3)
        #expect(bench.snapshots.allSatisfy { $0.isLimp })
    }

    @Test(arguments: [HoldReason.overheated, .driverFault, .stalled, .notFollowing])
    func aFaultOutlivesTheProcessAndIsClearedAsEver(reason: HoldReason) throws {
        var bench = try bench(ArmLatchedState(isEmergencyStopped: true, fault: ArmFault(reason: reason, joint: 1)))
        let ann = try #require(OperatorID("ann"))
        bench.run(ticks: 2)
        _ = bench.body.channels.commands.push(.resetEmergencyStop(by: ann))
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 3)
        let held = try #require(bench.snapshots.last)
        #expect(held.state.mode == .holding(reason) && held.state.blamedJoint == 1, "one thing at a time")
        #expect(held.latch == ArmLatchedState(fault: ArmFault(reason: reason, joint: 1), awaitsResume: true))
        _ = bench.body.channels.commands.push(.resetEmergencyStop(by: ann))
        bench.run(ticks: 3)
        #expect(bench.snapshots.last?.state.mode == .holding(.awaitingResume))
        _ = bench.body.channels.commands.push(.resume(by: ann))
        bench.run(ticks: 1)
        #expect(bench.snapshots.last?.state.mode == .holding(.released))
        #expect(bench.snapshots.last?.latch == ArmLatchedState())
    }
}

import Control
import Kinematics
import Maths
import Messages
import TestSupport
import Testing
import Time

private let still = JointVector(repeating: 0, count: 6)

@Suite struct EmergencyStopTests {
    private func moving() throws -> Bench {
        let arm = try widowX()
        var bench = Bench(controller(of: arm, watchdog: .seconds(5)), at: arm.neutral)
        bench.receive(
            try chunk(Array(repeating: [0.05, 0, 0, 0, 0, 0, 1], count: 6), observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 300)
        return bench
    }

    // MARK: With the torque off

    private func limp() throws -> Bench {
        let arm = try widowX()
        var configuration = ArmControllerConfiguration(
            rate: Rate(hertz: 100), executionHorizon: 4, watchdog: .seconds(5))
        configuration.emergencyStop = .torqueOff
        let start = standing(at: arm.neutral)
        var bench = Bench(
            ArmController(calibration: arm, configuration: configuration, measured: start), at: arm.neutral)
        bench.receive(
            try chunk(Array(repeating: [0.05, 0, 0, 0, 0, 0, 1], count: 6), observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 300)
        bench.controller.emergencyStop()
        return bench
    }

    @Test func theServosLetGoOnceTheArmStands() throws {
        var bench = try limp()
        var ticks: [ArmTick] = []
        for _ in 0..<60 { ticks.append(bench.tick()) }
        let first = try #require(ticks.firstIndex { $0.isLimp })
        #expect(first > 0 && ticks[first - 1].setpoint.velocities.magnitude < 0.3, "it brakes first")
        #expect(!ticks[first...].contains { !$0.isLimp })
        #expect(bench.modes.last == .holding(.emergencyStop))
    }

    @Test func anArmThatSankIsTakenUpWhereItIs() throws {
        var bench = try limp()
        bench.run(milliseconds: 600)
        // By hand, or by its weight; jerkily.
        var place = try #require(bench.setpoints.last).positions
        for _ in 0..<50 {
            place[1] += 0.01
            place[2] -= 0.015
            bench.moveByHand(to: place)
            bench.tick()
        }
        bench.controller.resetEmergencyStop(by: try #require(OperatorID("ann")))
        let tick = bench.tick()
        #expect(!tick.isLimp)
        #expect((tick.setpoint.positions - place).magnitude < 1e-12 && tick.setpoint.velocities.magnitude == 0)
        bench.run(milliseconds: 300)
        #expect((try #require(bench.setpoints.last).positions - place).magnitude < 1e-12)
        #expect(bench.modes.last == .holding(.awaitingResume))
    }

    @Test func anArmThatSankBeyondALimitIsNotMovedByThat() throws {
        var bench = try limp()
        bench.run(milliseconds: 600)
        var place = try #require(bench.setpoints.last).positions
        place[1] = try widowX().joints[1].upper + 0.1
        bench.moveByHand(to: place)
        bench.tick()
        bench.controller.resetEmergencyStop(by: try #require(OperatorID("ann")))
        bench.moveByHand(to: place)
        let tick = bench.tick()
        #expect(!tick.isLimp && tick.state.blamedJoint == nil || tick.state.blamedJoint == 1)
        bench.tick()
        #expect(bench.modes.last == .holding(.beyondLimits))
    }

    @Test func brakesAndStaysWhateverComes() throws {
        var bench = try moving()
        #expect(bench.setpoints.last?.velocities.magnitude ?? 0 > 0.1)
        bench.controller.emergencyStop()
        bench.run(milliseconds: 300)
        #expect(bench.modes.last == .holding(.emergencyStop))
        #expect(bench.setpoints.last?.velocities.magnitude == 0)
        let held = bench.setpoints.last
        bench.receive(try chunk([[0.05, 0, 0, 0, 0, 0, 1]], id: 1, observedAt: 600, space: .jointDelta))
        bench.controller.receive(
            ManualCommand(time: bench.now, isDeadManHeld: true, motion: .joints([1, 0, 0, 0, 0, 0])), at: bench.now)
        bench.controller.clearFault()
        bench.controller.recover()
        bench.run(milliseconds: 300)
        #expect(bench.setpoints.last == held)
        #expect(bench.modes.last == .holding(.emergencyStop))
        #expect(bench.reports.map(\.outcome) == [.interrupted, .interrupted])
    }

    @Test func aResetMovesNothingAndThePolicyWaitsUntilItIsToldToGoOn() throws {
        var bench = try moving()
        bench.controller.emergencyStop()
        bench.run(milliseconds: 300)
        let held = bench.setpoints.last
        let ann = try #require(OperatorID("ann"))
        bench.controller.resume(by: ann)
        bench.run(milliseconds: 50)
        #expect(bench.modes.last == .holding(.emergencyStop), "it has to be reset first")
        bench.controller.resetEmergencyStop(by: ann)
        bench.receive(try chunk([[0.05, 0, 0, 0, 0, 0, 1]], id: 8, observedAt: 700, space: .jointDelta))
        bench.run(milliseconds: 250)
        #expect(bench.modes.last == .holding(.awaitingResume) && bench.setpoints.last == held)
        #expect(bench.reports.last?.outcome == .interrupted && bench.controller.lastResetBy == ann)
        let bo = try #require(OperatorID("bo"))
        bench.controller.resume(by: bo)
        bench.run(milliseconds: 50)
        #expect(
            bench.modes.last == .holding(.released) && bench.setpoints.last == held, "what came meanwhile is no plan")
        #expect(bench.controller.lastResetBy == bo)
        bench.receive(try chunk([[0.05, 0, 0, 0, 0, 0, 1]], id: 9, observedAt: 950, space: .jointDelta))
        bench.tick()
        #expect(bench.modes.last == .executing(chunkID: 9, step: 0))
    }

    /// A person may put things right by hand; letting go gives the arm to nobody.
    @Test func whileThePolicyWaitsAnOperatorMovesTheArm() throws {
        var bench = try moving()
        let ann = try #require(OperatorID("ann"))
        bench.controller.emergencyStop()
        bench.run(milliseconds: 300)
        bench.controller.resetEmergencyStop(by: ann)
        bench.run(milliseconds: 50)
        for held in [true, false] {
            for _ in 0..<20 {
                bench.controller.receive(
                    ManualCommand(time: bench.now, isDeadManHeld: held, motion: .joints([0.5, 0, 0, 0, 0, 0])),
                    at: bench.now)
                bench.tick()
            }
            #expect(bench.modes.last == (held ? .manual : .holding(.awaitingResume)))
        }
        let observed = Int(bench.now.nanoseconds) / 1_000_000 - 50
        bench.receive(try chunk([[0.05, 0, 0, 0, 0, 0, 1]], id: 9, observedAt: observed, space: .jointDelta))
        bench.run(milliseconds: 50)
        #expect(bench.modes.last == .holding(.awaitingResume))
    }

    @Test func aProcessThatComesBackGoesOnWaiting() throws {
        let arm = try widowX()
        var controller = ArmController(
            calibration: arm,
            configuration: ArmControllerConfiguration(
                rate: Rate(hertz: 100), executionHorizon: 4, watchdog: .seconds(5)),
            measured: standing(at: arm.neutral))
        controller.restore(isEmergencyStopped: false, fault: ArmFault(reason: .stalled, joint: 1), awaitsResume: true)
        let ann = try #require(OperatorID("ann"))
        controller.resume(by: ann)
        #expect(controller.awaitsResume && controller.state.mode == .holding(.stalled), "the fault first")
        controller.resetEmergencyStop(by: ann)
        #expect(controller.state.mode == .holding(.awaitingResume))
        controller.resume(by: ann)
        #expect(controller.state.mode == .holding(.released))
    }

    @Test func aFaultOfTheDriverDoesNotEndIt() throws {
        var bench = try moving()
        bench.controller.emergencyStop()
        bench.controller.driverFailed()
        bench.run(milliseconds: 300)
        #expect(bench.modes.last == .holding(.emergencyStop))
        #expect(bench.controller.counts.emergencyStops == 1)
        bench.controller.emergencyStop()
        #expect(bench.controller.counts.emergencyStops == 1, "asked again is not stopped again")
    }

    @Test func aSwitchThatWasHeldAllTheTimeMovesNothingAfterwards() throws {
        var bench = try moving()
        let ann = try #require(OperatorID("ann"))
        func hold(_ held: Bool) {
            bench.controller.receive(
                ManualCommand(time: bench.now, isDeadManHeld: held, motion: .joints([0.5, 0, 0, 0, 0, 0])),
                at: bench.now)
            bench.tick()
        }
        for _ in 0..<20 { hold(true) }
        #expect(bench.modes.last == .manual)
        bench.controller.emergencyStop()
        for _ in 0..<40 { hold(true) }
        bench.controller.resetEmergencyStop(by: ann)
        for _ in 0..<20 { hold(true) }
        #expect(bench.modes.last == .holding(.awaitingResume))
        hold(false)
        hold(true)
        #expect(bench.modes.last == .manual)
    }

    @Test func someoneMustAskForTheReset() {
        #expect(OperatorID("") == nil)
        #expect(OperatorID("ann") != OperatorID("bob"))
    }
}

@Suite struct ManualTests {
    private func bench(at positions: JointVector? = nil) throws -> Bench {
        let arm = try widowX()
        return Bench(controller(of: arm, watchdog: .seconds(1), at: positions), at: positions ?? arm.neutral)
    }

    private func run(
        _ bench: inout Bench, milliseconds: Int, _ motion: ManualCommand.Motion, gripper: Double? = nil
    ) {
        for _ in 0..<milliseconds / 10 {
            bench.controller.receive(
                ManualCommand(time: bench.now, isDeadManHeld: true, motion: motion, gripper: gripper), at: bench.now)
            bench.tick()
        }
    }

    @Test func movesJointsAtTheSpeedAskedFor() throws {
        var bench = try bench()
        run(&bench, milliseconds: 500, .joints([0.5, 0, 0, 0, 0, -0.2]))
        let velocities = try #require(bench.setpoints.last).velocities
        #expect(abs(velocities[0] - 0.5) < 1e-9 && abs(velocities[5] + 0.2) < 1e-9)
        #expect(bench.modes.allSatisfy { $0 == .manual })
    }

    @Test func movesTheToolAlongABaseAxis() throws {
        let arm = try widowXInTheOpen()
        let start: JointVector = [0, -0.4, 0.5, 0, 1.2, 0]
        var bench = Bench(controller(of: arm, watchdog: .seconds(1), at: start), at: start)
        run(&bench, milliseconds: 1000, .twist(linear: [0, 0.05, 0], angular: .zero))
        let (from, to) = (
            arm.chain.baseFromEEF(start), arm.chain.baseFromEEF(try #require(bench.setpoints.last).positions)
        )
        let moved = to.translation - from.translation
        #expect(abs(moved.y - 0.05) < 3e-3 && abs(moved.x) < 2e-3 && abs(moved.z) < 2e-3, "\(moved)")
        #expect((to.rotation * from.rotation.inverse).vector.length < 0.02)
    }

    @Test func stopsWhenNoCommandComesAnyMore() throws {
        var bench = try bench()
        run(&bench, milliseconds: 300, .joints([0.5, 0, 0, 0, 0, 0]))
        bench.run(milliseconds: 230)
        #expect(bench.modes.last == .manual)
        bench.run(milliseconds: 20)
        #expect(bench.modes.last == .holding(.released))
        bench.run(milliseconds: 200)
        #expect(bench.setpoints.last?.velocities.magnitude == 0)
    }

    @Test func goesBeforeThePolicyAndGivesTheArmBack() throws {
        var bench = try bench()
        bench.receive(
            try chunk(Array(repeating: [0.02, 0, 0, 0, 0, 0, 1], count: 8), observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 300)
        run(&bench, milliseconds: 100, .joints([-0.3, 0, 0, 0, 0, 0]))
        #expect(bench.modes.last == .manual)
        #expect(bench.controller.counts.interventions == 1)
        bench.receive(try chunk([[0.02, 0, 0, 0, 0, 0, 1]], id: 1, observedAt: 390, space: .jointDelta))
        run(&bench, milliseconds: 100, .joints([-0.3, 0, 0, 0, 0, 0]))
        #expect(bench.modes.last == .manual, "a chunk does not take the arm away")
        bench.controller.receive(
            ManualCommand(time: bench.now, isDeadManHeld: false, motion: .joints(still)), at: bench.now)
        bench.run(milliseconds: 300)
        #expect(bench.modes.last == .holding(.released), "nor begins when the operator lets go")
        #expect(bench.reports.map(\.outcome) == [.interrupted, .interrupted])
        bench.receive(try chunk([[0.02, 0, 0, 0, 0, 0, 1]], id: 2, observedAt: 790, space: .jointDelta))
        bench.tick()
        #expect(bench.modes.last == .executing(chunkID: 2, step: 0))
    }

    @Test func staysInsideTheWorkspaceBox() throws {
        let arm = try widowX()
        let directions: [Vector3] = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
        for direction in directions {
            let start: JointVector = [0, -0.4, 0.5, 0, 1.2, 0]
            var bench = Bench(controller(of: arm, watchdog: .seconds(1), at: start), at: start)
            run(&bench, milliseconds: 4000, .twist(linear: direction * 0.25, angular: .zero))
            for setpoint in bench.setpoints {
                let tool = arm.chain.baseFromEEF(setpoint.positions).translation
                for axis in 0..<3 {
                    #expect(
                        tool[axis] > arm.workspace.lower[axis] - 2e-3 && tool[axis] < arm.workspace.upper[axis] + 2e-3)
                }
            }
            run(&bench, milliseconds: 300, .twist(linear: direction * -0.1, angular: .zero))
            #expect(
                try #require(bench.setpoints.last).velocities.magnitude > 0.05, "the way back is free: \(direction)")
        }
    }

    @Test func goesToAPoseWithAllJointsTogether() throws {
        var bench = try bench()
        let arm = try widowX()
        run(&bench, milliseconds: 8000, .positions(arm.rest, speed: 0.1), gripper: 0)
        #expect((try #require(bench.setpoints.last).positions - arm.rest).magnitude < 1e-6)
        #expect(bench.setpoints.last?.gripper == 0)
        let top = arm.velocity[0]
        #expect(bench.setpoints.allSatisfy { $0.velocities.magnitude < top * 0.25 })
    }

    @Test func refusesWhatItCannotFollow() throws {
        var bench = try bench()
        let motions: [ManualCommand.Motion] = [
            .joints([1, 2]), .joints([.nan, 0, 0, 0, 0, 0]), .twist(linear: [.infinity, 0, 0], angular: .zero),
            .positions(still, speed: 0), .positions([1], speed: 0.5), .positions(still, speed: .nan),
        ]
        for motion in motions { run(&bench, milliseconds: 10, motion) }
        run(&bench, milliseconds: 10, .joints(still), gripper: .nan)
        bench.controller.receive(
            ManualCommand(time: bench.now + .seconds(60), isDeadManHeld: true, motion: .joints(still)), at: bench.now)
        bench.tick()
        #expect(bench.controller.counts.refusedManualCommands == 8)
        #expect(bench.modes.allSatisfy { $0 == .holding(.waitingForFirstChunk) })
    }

    @Test func aCommandThatIsOldOnArrivalMovesNothing() throws {
        var bench = try bench()
        bench.run(milliseconds: 1000)
        bench.controller.receive(
            ManualCommand(
                time: bench.now - .milliseconds(300), isDeadManHeld: true, motion: .joints([1, 0, 0, 0, 0, 0])),
            at: bench.now)
        bench.tick()
        #expect(bench.modes.last == .holding(.waitingForFirstChunk))
    }
}

@Suite struct ServoFaultTests {
    /// An arm in whose way something stands: joint 1 does not go below `wall`.
    private func run(_ bench: inout Bench, milliseconds: Int, wall: Double) -> [ArmTick] {
        var ticks: [ArmTick] = []
        for _ in 0..<milliseconds / 10 {
            bench.now += .milliseconds(10)
            let last = ticks.last?.setpoint.positions ?? bench.setpoints.last?.positions ?? still
            var measured = standing(at: last)
            measured.positions[1] = max(last[1], wall)
            let tick = bench.controller.tick(at: bench.now, measured: measured)
            bench.controller.wrote(at: bench.now)
            ticks.append(tick)
        }
        return ticks
    }

    @Test func aBlockedJointHoldsIsNamedAndStopsPushing() throws {
        let arm = try widowXInTheOpen()
        var bench = Bench(controller(of: arm, watchdog: .seconds(9)), at: arm.neutral)
        bench.tick()
        let wall = arm.neutral[1] - 0.1
        bench.receive(
            try chunk(Array(repeating: [0, -0.1, 0, 0, 0, 0, 1], count: 8), observedAt: 0, space: .jointDelta))
        let ticks = run(&bench, milliseconds: 3000, wall: wall)
        let last = try #require(ticks.last)
        #expect(last.state.mode == .holding(.stalled))
        #expect(last.state.blamedJoint == 1)
        #expect(abs(last.setpoint.positions[1] - wall) < 1e-3, "the setpoint is where the joint is")
        #expect(last.setpoint.velocities.magnitude == 0)
        // New chunks do not start by themselves.
        bench.controller.receive(
            try chunk([[0, -0.1, 0, 0, 0, 0, 1]], id: 5, observedAt: 2900, space: .jointDelta), at: bench.now)
        #expect(run(&bench, milliseconds: 100, wall: wall).last?.state.mode == .holding(.stalled))
        bench.controller.clearFault()
        bench.controller.receive(
            try chunk([[0, 0.05, 0, 0, 0, 0, 1]], id: 6, observedAt: 3050, space: .jointDelta), at: bench.now)
        #expect(run(&bench, milliseconds: 50, wall: wall).last?.state.mode == .executing(chunkID: 6, step: 0))
    }

    @Test func aHotServoHoldsTheArm() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        var measured = standing(at: arm.neutral)
        measured.temperatures = [30, 30, 30, 75, 30, 30]
        let tick = controller.tick(at: .zero, measured: measured)
        #expect(tick.state.mode == .holding(.overheated) && tick.state.blamedJoint == 3)
    }

    @Test func aDriverFaultMeanwhileDoesNotMakeItForgotten() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        var measured = standing(at: arm.neutral)
        measured.temperatures = JointVector(repeating: 90, count: 6)
        _ = controller.tick(at: .zero, measured: measured)
        #expect(controller.tick(at: .zero + .milliseconds(10), measured: nil).state.mode == .holding(.driverFault))
        measured.temperatures = nil
        var last: ArmTick?
        for index in 2..<5 { last = controller.tick(at: .zero + .milliseconds(index * 10), measured: measured) }
        #expect(last?.state.mode == .holding(.driverFault), "one thing at a time")
        controller.clearFault()
        for index in 5..<7 { last = controller.tick(at: .zero + .milliseconds(index * 10), measured: measured) }
        #expect(last?.state.mode == .holding(.overheated) && last?.state.blamedJoint == 0)
        controller.clearFault()
        #expect(controller.tick(at: .zero + .milliseconds(70), measured: measured).state.mode == .holding(.released))
    }
}

@Suite struct RecoveryTests {
    private func beyond() throws -> (ArmCalibration, JointVector) {
        let arm = try widowXInTheOpen()
        var outside = arm.neutral
        outside[1] = arm.joints[1].lower - 0.3
        return (arm, outside)
    }

    @Test func anArmFoundBeyondALimitStaysThereUntilAsked() throws {
        let (arm, outside) = try beyond()
        var bench = Bench(controller(of: arm, at: outside), at: outside)
        bench.receive(try chunk([[0, 0, 0, 0, 0, 0, 1]], observedAt: 0, space: .jointDelta))
        let tick = bench.tick()
        #expect(tick.state.mode == .holding(.beyondLimits) && tick.state.blamedJoint == 1)
        bench.run(milliseconds: 500)
        #expect(bench.setpoints.allSatisfy { $0.positions == outside })
        #expect(bench.reports.map(\.outcome) == [.interrupted])
    }

    @Test func recoveryIsSlowAndEndsInsideTheLimits() throws {
        let (arm, outside) = try beyond()
        var bench = Bench(controller(of: arm, at: outside), at: outside)
        bench.tick()
        bench.controller.recover()
        bench.run(milliseconds: 2500)
        #expect(bench.modes.contains(.recovering))
        #expect(bench.modes.last == .holding(.released))
        #expect(abs(try #require(bench.setpoints.last).positions[1] - arm.joints[1].lower) < 1e-6)
        #expect(bench.setpoints.allSatisfy { $0.velocities.magnitude < 0.5 })
        let moving = bench.modes.count { $0 == .recovering }
        #expect(moving >= 140, "0.3 rad at 0.2 rad/s takes 1.5 s, not \(moving) ticks")
        bench.receive(try chunk([[0, 0.01, 0, 0, 0, 0, 1]], id: 1, observedAt: 2500, space: .jointDelta))
        bench.tick()
        #expect(bench.modes.last == .executing(chunkID: 1, step: 0))
    }

    @Test func anOperatorMayMoveItBackToo() throws {
        let (arm, outside) = try beyond()
        var bench = Bench(controller(of: arm, at: outside), at: outside)
        for _ in 0..<150 {
            bench.controller.receive(
                ManualCommand(time: bench.now, isDeadManHeld: true, motion: .joints([0, 0.3, 0, 0, 0, 0])),
                at: bench.now)
            bench.tick()
        }
        bench.run(milliseconds: 400)
        #expect(bench.modes.last == .holding(.released))
        #expect(try #require(bench.setpoints.last).positions[1] > arm.joints[1].lower)
    }

    @Test func aHairBeyondIsNoFault() throws {
        let arm = try widowXInTheOpen()
        var start = arm.neutral
        start[1] = arm.joints[1].lower - 0.005
        var bench = Bench(controller(of: arm, at: start), at: start)
        bench.run(milliseconds: 300)
        #expect(bench.modes.last == .holding(.waitingForFirstChunk))
        #expect(abs(try #require(bench.setpoints.last).positions[1] - arm.joints[1].lower) < 1e-9)
    }
}

import Control
import Kinematics
import Maths
import Messages
import TestSupport
import Testing
import Time

/// Down by a centimetre a step; well within every limit.
private let down: [Double] = [0, 0, -0.01, 0, 0, 0, 1]

@Suite struct ArmControllerTests {
    private func bench(
        executing horizon: Int = 4, watchdog: Duration = .seconds(1), at positions: JointVector? = nil
    ) throws -> Bench {
        let arm = try widowX()
        return Bench(
            controller(of: arm, executing: horizon, watchdog: watchdog, at: positions), at: positions ?? arm.neutral)
    }

    private func tool(_ positions: JointVector) throws -> Vector3 {
        try widowX().chain.baseFromEEF(positions).translation
    }

    @Test func holdsWhereItWasFoundUntilAChunkComes() throws {
        var bench = try bench()
        let neutral = try widowX().neutral
        bench.run(milliseconds: 5000)
        #expect(bench.modes.allSatisfy { $0 == .holding(.waitingForFirstChunk) })
        #expect(bench.setpoints.allSatisfy { $0.positions == neutral && $0.velocities.magnitude == 0 })
        #expect(bench.reports.isEmpty)
    }

    @Test func theFirstChunkStartsAtOnceAndIsExecutedToItsEnd() throws {
        var bench = try bench()
        let start = try tool(try widowX().neutral)
        bench.run(milliseconds: 100)
        bench.receive(try chunk([down, down, down, down], id: 5, observedAt: 90))
        #expect(bench.tick().state.mode == .executing(chunkID: 5, step: 0))
        bench.run(milliseconds: 1000)
        #expect(bench.modes.last == .holding(.chunkExhausted))
        let end = try tool(try #require(bench.setpoints.last).positions)
        #expect((end - start - [0, 0, -0.04]).length < 1e-5)
        let report = try #require(bench.reports.first)
        #expect(bench.reports.count == 1)
        #expect(report.chunkID == 5 && report.outcome == .executed)
        #expect(report.stepsSkipped == 0 && report.stepsExecuted == 4 && report.stepsClamped == 0)
        #expect(report.captureTime == .zero + .milliseconds(60))
        #expect(report.firstSetpointTime == .zero + .milliseconds(110) + .microseconds(50))
    }

    @Test func eachStepTakesItsDuration() throws {
        var bench = try bench()
        bench.receive(try chunk([down, down, down, down], observedAt: 0))
        bench.run(milliseconds: 1000)
        for step in 0..<4 {
            let ticks = bench.modes.count { $0 == .executing(chunkID: 0, step: step) }
            #expect((19...20).contains(ticks), "step \(step) had \(ticks) ticks")
        }
    }

    @Test func dropsTheStepsThatElapsedBeforeAChunkTookOver() throws {
        var bench = try bench()
        bench.run(milliseconds: 1000)
        bench.receive(try chunk([down, down, down, down], id: 1, observedAt: 550))
        bench.run(milliseconds: 1500)
        // 450 ms are two whole steps of 200 ms: the third and the fourth remain.
        let report = try #require(bench.reports.first)
        #expect(report.stepsSkipped == 2 && report.stepsExecuted == 2 && report.outcome == .executed)
        let moved = try tool(try #require(bench.setpoints.last).positions) - tool(try widowX().neutral)
        #expect((moved - [0, 0, -0.02]).length < 1e-5)
    }

    @Test func aChunkWhoseStepsHaveAllElapsedNeverMovesTheArm() throws {
        var bench = try bench()
        bench.run(milliseconds: 1000)
        bench.receive(try chunk([down, down, down, down], id: 1, observedAt: 200))
        bench.run(milliseconds: 500)
        #expect(bench.reports.map(\.outcome) == [.tooLate])
        #expect(bench.reports.first?.firstSetpointTime == .zero)
        let neutral = try widowX().neutral
        #expect(bench.setpoints.allSatisfy { $0.positions == neutral })
    }

    @Test func executesItsHorizonThenTheNewestChunkTakesOver() throws {
        var bench = try bench(executing: 2)
        bench.receive(try chunk([down, down, down, down], id: 0, observedAt: 0))
        bench.run(milliseconds: 250)
        bench.receive(try chunk([down, down, down, down], id: 1, observedAt: 200))
        bench.run(milliseconds: 50)
        bench.receive(try chunk([down, down, down, down], id: 2, observedAt: 250))
        #expect(bench.modes.last == .executing(chunkID: 0, step: 1))
        bench.run(milliseconds: 100)
        #expect(bench.modes.last == .executing(chunkID: 2, step: 0))
        #expect(bench.reports.map(\.chunkID) == [1, 0])
        #expect(bench.reports.map(\.outcome) == [.superseded, .executed])
        #expect(bench.reports.last?.stepsExecuted == 2)
    }

    @Test func goesOnWithTheRestOfAChunkWhenNoneFollows() throws {
        var bench = try bench(executing: 2)
        bench.receive(try chunk([down, down, down, down], id: 0, observedAt: 0))
        bench.run(milliseconds: 500)
        #expect(bench.modes.last == .executing(chunkID: 0, step: 2))
        bench.receive(try chunk([down, down], id: 1, observedAt: 500))
        bench.run(milliseconds: 200)
        #expect(bench.modes.last == .executing(chunkID: 1, step: 0), "taken at the next step, not only at the end")
        #expect(bench.reports.first?.stepsExecuted == 3)
    }

    @Test func deltasAccumulateOnTheCommandedPoseWhateverTheArmDoes() throws {
        // The arm lags by a tenth of a radian in every joint; the commanded pose must not notice.
        let arm = try widowX()
        var controller = controller(of: arm, executing: 2)
        var lagging = standing(at: arm.neutral)
        var now = MonotonicTime.zero
        var last: ArmTick?
        for index in 0..<3 {
            controller.receive(try chunk([down, down, down], id: UInt64(index), observedAt: index * 400), at: now)
            for _ in 0..<40 {
                now += .milliseconds(10)
                lagging.positions = (last?.setpoint.positions ?? arm.neutral) - JointVector(repeating: 0.1, count: 6)
                last = controller.tick(at: now, measured: lagging)
            }
        }
        // A step began every 200 ms, the seventh at the last tick: 7 cm down, no drift in x and y.
        let commanded = try #require(last).state.commandedBaseFromEEF.translation
        let start = arm.chain.baseFromEEF(arm.neutral).translation
        #expect((commanded - start - [0, 0, -0.07]).length < 1e-5)
    }

    @Test func afterAHoldTheCommandedPoseStartsAtTheSetpoint() throws {
        var bench = try bench(executing: 1, watchdog: .milliseconds(300))
        bench.receive(try chunk([down, down, down, down], id: 0, observedAt: 0))
        bench.run(milliseconds: 1000)
        #expect(bench.modes.last == .holding(.noFreshChunk))
        let held = try #require(bench.setpoints.last)
        #expect(held.velocities.magnitude == 0)
        bench.receive(try chunk([down], id: 1, observedAt: 1000))
        bench.run(milliseconds: 600)
        let moved = try tool(try #require(bench.setpoints.last).positions) - tool(held.positions)
        #expect((moved - [0, 0, -0.01]).length < 1e-5, "one step from where it stood, not from where it was going")
    }

    @Test func aChunkThatAsksForNothingAfterAHoldMovesNothing() throws {
        // Held in full swing: the reference of before was far ahead of where the arm came to rest.
        var bench = try bench(executing: 1, watchdog: .milliseconds(300))
        let swing = [0.5, 0, 0, 0, 0, 0, 1]
        bench.receive(try chunk([swing, swing, swing, swing], id: 0, observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 1000)
        let held = try #require(bench.setpoints.last).positions
        bench.receive(try chunk([[0, 0, 0, 0, 0, 0, 1]], id: 1, observedAt: 1000, space: .jointDelta))
        for _ in 0..<20 {
            let tick = bench.tick()
            #expect((tick.setpoint.positions - held).magnitude < 1e-12)
        }
    }

    @Test func holdsWhenNoFreshChunkCame() throws {
        var bench = try bench(executing: 50, watchdog: .milliseconds(500))
        bench.receive(try chunk(Array(repeating: down, count: 8), id: 0, observedAt: 0))
        bench.run(milliseconds: 490)
        #expect(bench.modes.last == .executing(chunkID: 0, step: 2))
        bench.run(milliseconds: 10)
        #expect(bench.modes.last == .holding(.noFreshChunk))
        bench.run(milliseconds: 300)
        #expect(bench.setpoints.last?.velocities.magnitude == 0)
        #expect(bench.reports.map(\.outcome) == [.interrupted])
    }

    @Test func duplicatesAndOldChunksDoNotFeedTheWatchdog() throws {
        var bench = try bench(executing: 50, watchdog: .milliseconds(300))
        let first = try chunk(Array(repeating: down, count: 10), id: 3, observedAt: 0)
        let older = try chunk(Array(repeating: down, count: 10), id: 2, observedAt: -50)
        bench.receive(first)
        for _ in 0..<40 {
            bench.tick()
            bench.receive(first)
            bench.receive(older)
        }
        #expect(bench.modes.last == .holding(.noFreshChunk))
        #expect(bench.controller.counts.duplicateChunks == 40)
        #expect(bench.reports.contains { $0.chunkID == 2 && $0.outcome == .superseded })
    }

    @Test func aStampFromTheFutureIsRejectedAndPoisonsNothing() throws {
        var bench = try bench()
        bench.receive(try chunk([down], id: 1, observedAt: 3_600_000))
        bench.tick()
        #expect(bench.reports.map(\.outcome) == [.rejected])
        bench.receive(try chunk([down], id: 2, observedAt: 0))
        #expect(bench.tick().state.mode == .executing(chunkID: 2, step: 0))
    }

    @Test func aChunkForAnotherArmIsRejected() throws {
        var bench = try bench()
        bench.receive(try chunk([[0, 0, 0, 0, 0, 1]], observedAt: 0, space: .jointPosition, jointCount: 5))
        bench.tick()
        #expect(bench.reports.map(\.outcome) == [.rejected])
        #expect(bench.modes.last == .holding(.waitingForFirstChunk))
    }

    @Test func stoppingBrakesHoldsAndTakesNothingMore() throws {
        var bench = try bench()
        bench.receive(try chunk([down, down, down, down], id: 0, observedAt: 0))
        bench.run(milliseconds: 300)
        #expect(try #require(bench.setpoints.last).velocities.magnitude > 0)
        bench.controller.beginStopping()
        bench.receive(try chunk([down, down], id: 1, observedAt: 300))
        bench.run(milliseconds: 300)
        #expect(bench.modes.suffix(30).allSatisfy { $0 == .holding(.stopping) })
        #expect(bench.setpoints.last?.velocities.magnitude == 0)
        #expect(bench.reports.map(\.outcome) == [.interrupted, .interrupted])
        #expect(Set(bench.reports.map(\.chunkID)) == [0, 1])
    }

    @Test func aDriverFaultHoldsAndTheNextChunkAfterItGoesOn() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        controller.receive(try chunk([down, down, down, down], id: 0, observedAt: 0), at: .zero)
        var now = MonotonicTime.zero
        var last = standing(at: arm.neutral)
        func tick(_ reading: JointState?) -> ArmTick {
            now += .milliseconds(10)
            let tick = controller.tick(at: now, measured: reading)
            last.positions = tick.setpoint.positions
            return tick
        }
        for _ in 0..<20 { _ = tick(last) }
        var nan = last
        nan.positions[2] = .nan
        #expect(tick(nan).state.mode == .holding(.driverFault))
        #expect(tick(nil).state.mode == .holding(.driverFault))
        controller.receive(try chunk([down, down, down, down], id: 1, observedAt: 200), at: now)
        #expect(tick(nil).state.mode == .holding(.driverFault), "nothing starts while the driver fails")
        #expect(tick(last).state.mode == .holding(.driverFault), "the write after this read may fail yet")
        for _ in 0..<5 { #expect(tick(last).state.mode == .holding(.driverFault), "it waits for a person") }
        controller.clearFault()
        #expect(tick(last).isWithheld, "once is not enough to know where it stands")
        #expect(tick(last).state.mode == .holding(.released))
        controller.receive(try chunk([down, down, down, down], id: 2, observedAt: 250), at: now)
        #expect(tick(last).state.mode == .executing(chunkID: 2, step: 0))
        controller.driverFailed()
        let held = tick(last)
        #expect(held.state.mode == .holding(.driverFault))
        #expect(controller.counts.recoveries == 0, "the arm was where it should be")
    }

    /// Nothing was sent meanwhile, the servos have come to rest: the next goal is a tick's acceleration from the last
    /// one.
    @Test func afterAPauseTheArmStartsFromAStandstillAndCountsIt() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        controller.receive(try chunk([down, down, down, down], id: 0, observedAt: 0), at: .zero)
        var now = MonotonicTime.zero
        var last = standing(at: arm.neutral)
        func tick(after milliseconds: Int = 10) -> ArmTick {
            now += .milliseconds(milliseconds)
            last.time = now
            let tick = controller.tick(at: now, measured: last)
            controller.wrote(at: now)
            last.positions = tick.setpoint.positions
            return tick
        }
        var moving = tick()
        for _ in 0..<20 { moving = tick() }
        #expect(moving.setpoint.velocities.magnitude > 0.02 && controller.counts.pauses == 0)
        #expect(tick(after: 100).isWithheld)
        let next = tick()
        #expect(!next.isWithheld && controller.counts.pauses == 1)
        for (joint, limits) in arm.joints.enumerated() {
            let step = abs(next.setpoint.positions[joint] - moving.setpoint.positions[joint])
            #expect(step <= limits.acceleration * 0.01 * 0.01 + 1e-9, "joint \(joint)")
        }
    }

    @Test func anArmThatSaggedDuringAFaultIsHeldWhereItIs() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        _ = controller.tick(at: .zero + .milliseconds(10), measured: nil)
        let sagged = arm.neutral + [0, 0.5, 0, 0, 0, 0]
        let held = controller.tick(at: .zero + .milliseconds(20), measured: standing(at: sagged))
        #expect(held.setpoint.positions == arm.neutral, "an arm that sags is not let down further and further")
        controller.resetEmergencyStop(by: try #require(OperatorID("ann")))
        #expect(controller.tick(at: .zero + .milliseconds(30), measured: standing(at: sagged)).isWithheld)
        let tick = controller.tick(at: .zero + .milliseconds(40), measured: standing(at: sagged))
        // No further from where it was read than a tick's travel.
        #expect(abs(tick.setpoint.positions[1] - sagged[1]) <= arm.joints[1].velocity * 0.01 + 1e-12)
        #expect(tick.setpoint.velocities.magnitude == 0)
        #expect(controller.counts.recoveries == 1)
    }

    /// What is not read is not known: the setpoint stands until it is, and nobody draws it to a guess.
    @Test func whileAJointIsUnreadTheSetpointBrakesAndStands() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        controller.receive(try chunk([down, down, down, down], id: 0, observedAt: 0), at: .zero)
        var now = MonotonicTime.zero
        var reading = standing(at: arm.neutral)
        func tick(unread: JointSet = JointSet()) -> ArmTick {
            now += .milliseconds(10)
            (reading.time, reading.unread) = (now, unread)
            let tick = controller.tick(at: now, measured: reading)
            if unread.isEmpty { reading.positions = tick.setpoint.positions }
            return tick
        }
        for _ in 0..<20 { _ = tick() }
        #expect(tick().setpoint.velocities.magnitude > 0)
        for _ in 0..<30 { _ = tick(unread: JointSet(bits: 0b10)) }
        let stood = tick(unread: JointSet(bits: 0b10))
        #expect(
            stood.setpoint.velocities.magnitude == 0 && stood.setpoint == tick(unread: JointSet(bits: 0b10)).setpoint)
        let (next, place) = (tick(), reading.positions)
        for joint in 0..<6 {
            #expect(abs(next.setpoint.positions[joint] - place[joint]) <= arm.joints[joint].velocity * 0.01 + 1e-12)
        }
    }

    /// A process that was stopped, a loop that was late: the arm may be anywhere now.
    @Test func afterAPauseTheFirstSetpointIsWhereTheArmWasRead() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        var reading = standing(at: arm.neutral)
        for milliseconds in 1...20 {
            reading.time = .zero + .milliseconds(10 * milliseconds)
            _ = controller.tick(at: reading.time, measured: reading)
        }
        reading.time = .zero + .milliseconds(500)
        reading.positions[0] += 0.7
        reading.gripper = 0.4
        // A single reading may be wrong: nothing is sent by it.
        #expect(controller.tick(at: reading.time, measured: reading).isWithheld)
        reading.time += .milliseconds(10)
        let tick = controller.tick(at: reading.time, measured: reading)
        #expect(!tick.isWithheld)
        #expect(abs(tick.setpoint.positions[0] - reading.positions[0]) <= arm.joints[0].velocity * 0.01 + 1e-12)
        #expect(abs(tick.setpoint.gripper - 0.4) <= arm.gripper.speed * 0.01 + 1e-12)
    }

    @Test func limitsEachStepToWhatTheCalibrationAllows() throws {
        let arm = try widowX()
        // The start pose of the evaluation: 0.3, 0, 0.15, straight down.
        let ik = InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
        let start = ik.solve(
            Pose(rotation: BridgeConvention.baseFromDownwardEEF, translation: [0.3, 0, 0.15]), near: arm.neutral)
        #expect(start.isReached)
        var bench = try bench(at: start.positions)
        bench.receive(try chunk([[0.3, -0.3, 0.02, 0, 0, 1, 2]], observedAt: 0))
        bench.run(milliseconds: 600)
        let last = try #require(bench.setpoints.last)
        let pose = arm.chain.baseFromEEF(last.positions)
        #expect((pose.translation - [0.35, -0.05, 0.17]).length < 1e-5)
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        #expect((angles - [0, 0, 0.25]).length < 1e-5)
        #expect(last.gripper == 1)
        #expect(bench.reports.first?.stepsClamped == 1)
    }

    @Test func staysInsideTheWorkspaceBox() throws {
        let arm = try widowX()
        let ik = InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
        let start = ik.solve(
            Pose(rotation: BridgeConvention.baseFromDownwardEEF, translation: [0.3, 0, 0.05]), near: arm.neutral)
        var bench = try bench(executing: 8, watchdog: .seconds(10), at: start.positions)
        bench.receive(try chunk(Array(repeating: [0, 0, -0.04, 0, 0, 0, 1], count: 8), observedAt: 0))
        bench.run(milliseconds: 2000)
        for setpoint in bench.setpoints { #expect(try tool(setpoint.positions).z > -0.01 - 2e-3) }
        let end = try tool(try #require(bench.setpoints.last).positions)
        #expect(abs(end.z - -0.01) < 1e-5)
        // What lies beyond the box is not remembered: the way back up begins at once.
        bench.receive(try chunk([[0, 0, 0.02, 0, 0, 0, 1]], id: 1, observedAt: 2000))
        bench.run(milliseconds: 600)
        #expect(abs(try tool(try #require(bench.setpoints.last).positions).z - 0.01) < 1e-5)
    }

    @Test func walksBackIntoTheBoxFromOutside() throws {
        let arm = try widowX()
        let outside: JointVector = [1.5, -0.8, 0.5, 0, 1.5, 0]
        var bench = try bench(at: outside)
        let start = try tool(outside)
        #expect(start.y > arm.workspace.upper.y || start.x < arm.workspace.lower.x)
        bench.receive(try chunk([[0, 0, 0, 0, 0, 0, 1]], observedAt: 0))
        bench.run(milliseconds: 600)
        let moved = try tool(try #require(bench.setpoints.last).positions) - start
        for axis in 0..<3 { #expect(abs(moved[axis]) <= 0.05 + 1e-5) }
    }

    @Test func takesAbsoluteJointPositions() throws {
        let arm = try widowX()
        var bench = try bench()
        let goal = arm.neutral + [0.1, -0.05, 0.05, 0.1, -0.1, 0.1]
        bench.receive(try chunk([goal.array + [0.5]], observedAt: 0, space: .jointPosition))
        bench.run(milliseconds: 800)
        let last = try #require(bench.setpoints.last)
        #expect((last.positions - goal).magnitude < 1e-6)
        #expect(abs(last.gripper - 0.5) < 1e-9)
        #expect(bench.reports.first?.stepsClamped == 0)
    }

    @Test func addsJointDeltasToTheCommandedPositions() throws {
        let arm = try widowXInTheOpen()
        var bench = Bench(controller(of: arm), at: arm.neutral)
        let neutral = try widowX().neutral
        let delta = [0.02, 0, -0.02, 0, 0, 0.03, 0]
        bench.receive(try chunk([delta, delta, delta], observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 1000)
        let moved = try #require(bench.setpoints.last).positions - neutral
        #expect((moved - [0.06, 0, -0.06, 0, 0, 0.09]).magnitude < 1e-6)
        #expect(try #require(bench.setpoints.last).gripper == 0)
    }

    @Test func slowsAllJointsAlikeWhenOneWouldBeTooFast() throws {
        let arm = try widowX()
        var bench = try bench()
        var goal = arm.neutral
        goal[0] += 2
        goal[5] += 1
        bench.receive(try chunk([goal.array + [1]], observedAt: 0, space: .jointPosition))
        bench.run(milliseconds: 1500)
        let moved = try #require(bench.setpoints.last).positions - arm.neutral
        // At most π rad/s for 0.2 s.
        #expect(abs(moved[0] - .pi * 0.2) < 1e-6)
        #expect(abs(moved[5] - moved[0] / 2) < 1e-6)
        #expect(bench.reports.first?.stepsClamped == 1)
    }

    @Test func theGripperMovesAtItsSpeed() throws {
        var bench = try bench()
        var closing = down
        closing[6] = 0
        bench.receive(try chunk([closing], observedAt: 0))
        let first = bench.tick().setpoint.gripper
        #expect(abs(first - 0.97) < 1e-9, "3 strokes a second, 10 ms")
        bench.run(milliseconds: 400)
        #expect(bench.setpoints.last?.gripper == 0)
    }
}

import Control
import Kinematics
import Maths
import Messages
import TestSupport
import Testing
import Time

@Suite struct EEFAbsoluteTests {
    private let start: JointVector = [0, -0.76, 0.44, 0, 1.756, 0]

    private func bench(_ arm: ArmCalibration) -> Bench {
        Bench(controller(of: arm, strategy: .recedingHorizon(executionHorizon: 4)), at: start)
    }

    private func action(_ arm: ArmCalibration, at position: Vector3, _ angles: Vector3, gripper: Double = 1) -> [Double]
    {
        [position.x, position.y, position.z, angles.x, angles.y, angles.z, gripper]
    }

    @Test func goesToThePoseThatIsNamed() throws {
        let arm = try widowXInTheOpen()
        var bench = bench(arm)
        let pose = arm.chain.baseFromEEF(start)
        let wanted = pose.translation + [0.02, 0.01, -0.02]
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation) + [0.05, 0, 0.1]
        bench.receive(try chunk([action(arm, at: wanted, angles)], observedAt: 0, space: .eefAbsolute))
        bench.run(milliseconds: 800)
        let found = arm.chain.baseFromEEF(try #require(bench.setpoints.last).positions)
        #expect((found.translation - wanted).length < 1e-5)
        #expect((BridgeConvention.rollPitchYaw(of: found.rotation) - angles).length < 1e-5)
        #expect(bench.reports.first?.stepsClamped == 0)
    }

    @Test func aPoseThatIsFarIsApproachedStepByStepInAStraightLine() throws {
        let arm = try widowXInTheOpen()
        let start: JointVector = [0, -0.4, 0.5, 0, 1.2, 0]
        var bench = Bench(controller(of: arm, at: start), at: start)
        let pose = arm.chain.baseFromEEF(start)
        let far = pose.translation + [0.2, 0.1, 0]
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        bench.receive(
            try chunk(
                Array(repeating: action(arm, at: far, angles), count: 2), observedAt: 0, space: .eefAbsolute,
                step: .milliseconds(450)))
        bench.run(milliseconds: 980)
        let moved = arm.chain.baseFromEEF(try #require(bench.setpoints.last).positions).translation - pose.translation
        #expect((moved - [0.1, 0.05, 0]).length < 1e-5, "two steps of the limit of 5 cm, in the same direction")
        #expect(bench.reports.first?.stepsClamped == 2)
    }

    @Test func staysInsideTheWorkspaceBox() throws {
        let arm = try widowX()
        var bench = bench(arm)
        let pose = arm.chain.baseFromEEF(start)
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        let outside = Vector3(arm.workspace.lower.x - 0.04, pose.translation.y, pose.translation.z)
        bench.receive(
            try chunk(Array(repeating: action(arm, at: outside, angles), count: 4), observedAt: 0, space: .eefAbsolute))
        bench.run(milliseconds: 1200)
        for setpoint in bench.setpoints {
            #expect(arm.chain.baseFromEEF(setpoint.positions).translation.x > arm.workspace.lower.x - 2e-3)
        }
    }

    @Test func whereAChunkTakesOverInTheMiddleOfAStepTheArmIsLedOn() throws {
        // The hand moves at 0.1 m/s. A chunk that starts 150 ms after its observation is read at the right times.
        let arm = try widowXInTheOpen()
        var bench = bench(arm)
        let pose = arm.chain.baseFromEEF(start)
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        let rows = (1...6).map { action(arm, at: pose.translation + [0.02 * Double($0), 0, 0], angles) }
        bench.run(milliseconds: 150)
        bench.receive(try chunk(rows, observedAt: 0, space: .eefAbsolute))
        bench.run(milliseconds: 400)
        let moved = arm.chain.baseFromEEF(try #require(bench.setpoints.last).positions).translation - pose.translation
        #expect(abs(moved.x - 0.1 * 0.55) < 2e-3, "at 550 ms: \(moved)")
    }
}

@Suite struct JointSpaceWorkspaceTests {
    @Test(arguments: [ActionSpace.jointPosition, .jointDelta])
    func jointActionsStopAtTheWall(space: ActionSpace) throws {
        let arm = try widowX()
        let start: JointVector = [0, -0.4, 0.5, 0, 1.2, 0]
        var bench = Bench(controller(of: arm, executing: 8, watchdog: .seconds(10), at: start), at: start)
        // The waist turns to the right until the tool would be beyond the wall.
        let rows = (1...8).map { step in
            let turn = -0.15 * (space == .jointDelta ? 1 : Double(step))
            return (0..<6).map { ($0 == 0 ? turn : 0) + (space == .jointDelta ? 0 : start[$0]) } + [1]
        }
        bench.receive(try chunk(rows, observedAt: 0, space: space))
        bench.run(milliseconds: 2500)
        for setpoint in bench.setpoints {
            let tool = arm.chain.baseFromEEF(setpoint.positions).translation
            for axis in 0..<3 {
                #expect(tool[axis] > arm.workspace.lower[axis] - 3e-3 && tool[axis] < arm.workspace.upper[axis] + 3e-3)
            }
        }
        #expect(try #require(bench.reports.first).stepsClamped > 0)
        #expect(try #require(bench.setpoints.last).positions[0] < -0.3, "it went as far as it could")
    }
}

@Suite struct GripperLatchTests {
    private func openings(_ rule: GripperRule, start: Double = 1, _ asked: [Double]) -> [Double] {
        var latch = GripperLatch(rule: rule, opening: start)
        return asked.map { latch.opening(for: $0) }
    }

    @Test func absoluteIsTheOpeningItself() {
        #expect(openings(.absolute, [0.3, -1, 2, 1]) == [0.3, 0, 1, 1])
    }

    @Test func binaryIsOneOrTheOther() {
        #expect(openings(.binary(threshold: 0.5), [0.5, 0.49, 0.7, -3]) == [1, 0, 1, 0])
        #expect(openings(.binary(threshold: 0.9), [0.5, 0.95]) == [0, 1])
    }

    @Test func withOneStepStickyIsBinary() {
        let asked = [1, 0.2, 0.8, 0.8, 0.1, 0.5]
        #expect(openings(.sticky(threshold: 0.5, steps: 1), asked) == openings(.binary(threshold: 0.5), asked))
    }

    @Test func stickyWaitsForEnoughActionsInARow() {
        #expect(openings(.sticky(threshold: 0.5, steps: 2), [0, 1, 0, 0, 1, 0, 1, 1]) == [1, 1, 1, 0, 0, 0, 0, 1])
    }

    @Test func itStartsAsTheGripperWasFound() {
        #expect(openings(.sticky(threshold: 0.5, steps: 3), start: 0.1, [1, 1, 0, 1, 1, 1]) == [0, 0, 0, 0, 0, 1])
        var latch = GripperLatch(rule: .sticky(threshold: 0.5, steps: 2), opening: 1)
        _ = latch.opening(for: 0)
        latch.restart(at: 0)
        #expect(latch.opening(for: 1) == 0, "what was counted before is forgotten")
    }

    @Test func theControllerAppliesIt() throws {
        let arm = try widowX()
        var bench = Bench(
            controller(
                of: arm, strategy: .recedingHorizon(executionHorizon: 4), gripper: .sticky(threshold: 0.5, steps: 2)),
            at: arm.neutral)
        let openings = [0.1, 0.9, 0.1, 0.2]
        bench.receive(try chunk(openings.map { [0, 0, 0, 0, 0, 0, $0] }, observedAt: 0, space: .jointDelta))
        bench.run(milliseconds: 590)
        #expect(try #require(bench.setpoints.last).gripper == 1, "one stray action closes nothing")
        bench.run(milliseconds: 700)
        #expect(try #require(bench.setpoints.last).gripper == 0)
    }
}

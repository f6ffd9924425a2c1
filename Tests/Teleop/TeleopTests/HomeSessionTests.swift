import Control
import Maths
import Messages
import Teleop
import Testing
import Time

/// A home session and the arm it moves.
private struct HomedArm {
    var robot: ControlledArm
    var session: HomeSession

    init(pose: TeleopArm.Pose = .neutral, speed: Double = 0.2, at positions: JointVector? = nil) throws {
        robot = try ControlledArm(at: positions)
        session = HomeSession(arm: TeleopArm(robot.calibration), pose: pose, speed: speed, at: robot.now)
    }

    mutating func run(_ milliseconds: Int) {
        for _ in 0..<(milliseconds / 10) where session.outcome(at: robot.now) == nil {
            if let state = robot.tick(session.command(at: robot.now)) { session.receive(state, at: robot.now) }
        }
    }

    var outcome: HomeSession.Outcome? { session.outcome(at: robot.now) }
    var off: Double { (robot.measured.positions - session.arm[session.pose]).magnitude }
    var isStill: Bool { robot.setpoints.last?.velocities.magnitude == 0 }
}

private let elsewhere: JointVector = [0.5, -1, 0.8, 0.3, 0.9, -0.4]

@Suite struct HomeSessionTests {
    @Test(arguments: TeleopArm.Pose.allCases, [0.05, 0.2, 1])
    func arrivesFromAnywhereAndLetsGo(pose: TeleopArm.Pose, speed: Double) throws {
        var arm = try HomedArm(pose: pose, speed: speed, at: elsewhere)
        arm.run(60_000)
        #expect(arm.outcome == .arrived && arm.off < 0.01 && arm.isStill)
        #expect(arm.robot.commands.first?.isDeadManHeld == false && arm.robot.commands.last?.isDeadManHeld == false)
        #expect(arm.robot.mode == .holding(.released))
        for joint in 0..<6 {
            let fastest = arm.robot.setpoints.map { abs($0.velocities[joint]) }.max() ?? 0
            #expect(fastest <= speed * arm.robot.calibration.velocity[joint] * 1.05)
        }
    }

    @Test func isThereAtOnceWhereItAlreadyStands() throws {
        var arm = try HomedArm()
        arm.run(3_000)
        #expect(arm.outcome == .arrived)
    }

    @Test func isInterruptedByBraking() throws {
        var arm = try HomedArm(pose: .rest)
        arm.run(1_000)
        #expect(!arm.isStill)
        arm.session.interrupt(at: arm.robot.now)
        #expect(arm.outcome == nil)
        arm.run(2_000)
        #expect(arm.outcome == .interrupted && arm.isStill && arm.off > 0.3)
    }

    @Test func doesNotBeginUnderAnEmergencyStop() throws {
        var arm = try HomedArm(pose: .rest)
        arm.robot.controller.emergencyStop()
        arm.run(3_000)
        let outcome = try #require(arm.outcome)
        #expect(outcome == .gaveUp(.hindered(.hold(.emergencyStop, joint: nil))))
        #expect(arm.session.summary(of: outcome).contains("octo-arm reset"))
        #expect(arm.robot.commands.allSatisfy { !$0.isDeadManHeld })
    }

    @Test func givesUpWhenSomebodyStopsIt() throws {
        var arm = try HomedArm(pose: .rest)
        arm.run(1_000)
        arm.robot.controller.emergencyStop()
        arm.run(3_000)
        #expect(arm.outcome == .gaveUp(.hindered(.hold(.emergencyStop, joint: nil))))
        let stand = arm.robot.measured.positions
        // It went on only if it were told to again.
        let someone = try #require(OperatorID("someone"))
        arm.robot.controller.resetEmergencyStop(by: someone)
        for _ in 0..<100 { _ = arm.robot.tick(arm.session.command(at: arm.robot.now)) }
        #expect(arm.robot.measured.positions == stand)
    }

    @Test func namesAJointThatIsBlocked() throws {
        var arm = try HomedArm(pose: .rest)
        arm.robot.stuckJoint = 2
        arm.robot.measured.load = JointVector([0, 0, 2, 0, 0, 0])
        arm.run(20_000)
        let outcome = try #require(arm.outcome)
        guard case .gaveUp(.hindered(.hold(let reason, joint: 2))) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(reason == .stalled || reason == .overloaded)
        #expect(arm.session.summary(of: outcome).contains("joint elbow"))
    }

    @Test func namesAJointThatDoesNotArriveAlthoughNothingSaysWhy() throws {
        var arm = try HomedArm(pose: .rest)
        arm.robot.sag = [0, 0, 0.1, 0, 0, 0]
        arm.run(30_000)
        let outcome = try #require(arm.outcome)
        guard case .gaveUp(.noProgress(joint: 2, let off)) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(abs(off - 0.1) < 0.01 && arm.session.summary(of: outcome).contains("joint elbow stays 5.7° off"))
    }

    @Test func givesUpOnAnArmThatSaysNothing() throws {
        var arm = try HomedArm()
        arm.robot.isCutOff = true
        arm.run(10_000)
        #expect(arm.outcome == .gaveUp(.hindered(.silence)))
        #expect(arm.robot.commands.allSatisfy { !$0.isDeadManHeld })
    }

    @Test func givesUpOnAnArmThatFallsSilent() throws {
        var arm = try HomedArm(pose: .rest)
        arm.run(1_000)
        arm.robot.isCutOff = true
        arm.run(6_000)
        #expect(arm.outcome == .gaveUp(.hindered(.silence)))
        // What is not heard does not last: the arm brakes by itself.
        #expect(arm.isStill)
    }

    @Test func givesUpOnAnArmThatDoesNotObey() throws {
        var arm = try HomedArm(pose: .rest)
        for _ in 0..<600 where arm.outcome == nil {
            _ = arm.session.command(at: arm.robot.now)
            if let state = arm.robot.tick(nil) { arm.session.receive(state, at: arm.robot.now) }
        }
        #expect(arm.outcome == .gaveUp(.notObeyed))
    }
}

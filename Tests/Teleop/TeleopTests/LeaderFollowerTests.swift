import Maths
import Messages
import Teleop
import TestSupport
import Testing
import Time

@Suite struct LeaderFollowerTests {
    /// A leader that stands `away` from the arm's neutral pose, said 50 times a second.
    private func follow(_ arm: inout SteeredArm, away: JointVector, gripper: Double = 1, for milliseconds: Int) {
        let pose = arm.robot.calibration.neutral + away
        arm.run(milliseconds) { $0.session.receive(leader: pose, gripper: gripper, at: $0.now) }
    }

    @Test func theArmGoesWhereTheLeaderGoes() throws {
        var arm = try SteeredArm(leader: .refuse, follows: true)
        let neutral = arm.robot.calibration.neutral
        follow(&arm, away: [0.1, 0, 0, 0, 0, 0], for: 1_000)
        #expect((arm.position - neutral - [0.1, 0, 0, 0, 0, 0]).magnitude < 0.01)
        // Once it follows, the leader may go far.
        follow(&arm, away: [0.6, 0.2, 0, 0, -0.3, 0.4], gripper: 0.25, for: 3_000)
        #expect((arm.position - neutral - [0.6, 0.2, 0, 0, -0.3, 0.4]).magnitude < 0.01)
        #expect(abs(arm.robot.measured.gripper - 0.25) < 0.01)
        #expect(arm.session.isFollowing)
    }

    @Test func aLeaderThatStandsElsewhereIsRefusedWithTheJoint() throws {
        var arm = try SteeredArm(leader: .refuse, follows: true)
        let start = arm.position
        follow(&arm, away: [0.1, 0, -0.4, 0, 0, 0], for: 500)
        #expect(arm.position == start && !arm.session.isFollowing)
        let message = arm.session.jog.message
        #expect(
            message.contains(arm.robot.calibration.joints[2].name) && message.contains("23°")
                && message.contains("--ramp"), "\(message)")
        // Brought near, and asked for, it is followed.
        arm.press("v")
        follow(&arm, away: [0.1, 0, -0.2, 0, 0, 0], for: 1_000)
        #expect((arm.position - start - [0.1, 0, -0.2, 0, 0, 0]).magnitude < 0.01)
    }

    /// A ramp there would lead the arm away from the leader's pose, to its limit.
    @Test(arguments: [LeaderFollower.Start.refuse, .ramp], [1.0, -1])
    func aLeaderThatIsAWholeTurnOffIsRefused(start: LeaderFollower.Start, turns: Double) throws {
        var arm = try SteeredArm(leader: start, follows: true)
        let place = arm.position
        follow(&arm, away: [turns * 2 * .pi + 0.1, 0, 0, 0, 0, 0], for: 1_000)
        #expect(arm.position == place && !arm.session.isFollowing)
        let message = arm.session.jog.message
        #expect(
            message.contains("joint waist of the leader is a whole turn") && message.contains("turn it back by a turn"),
            "\(message)")
        #expect(!message.contains("--ramp"))
    }

    @Test(arguments: [LeaderFollower.Start.refuse, .ramp])
    func aLeaderBeyondTheArmsLimitsIsRefused(start: LeaderFollower.Start) throws {
        var arm = try SteeredArm(leader: start, follows: true)
        let place = arm.position
        let beyond = arm.robot.calibration.upper[1] - arm.robot.calibration.neutral[1] + 0.5
        follow(&arm, away: [0, beyond, 0, 0, 0, 0], for: 1_000)
        #expect(arm.position == place && !arm.session.isFollowing)
        let message = arm.session.jog.message
        #expect(
            message.contains("joint shoulder") && message.contains("-108° ... 114°") && message.contains("calibrate"),
            "\(message)")
    }

    @Test func aRampAlongAWayOfMoreThanHalfATurnIsNoTurnTooMany() throws {
        var start = try widowX().neutral
        start[0] = -1.9
        var arm = try SteeredArm(at: start, leader: .ramp, follows: true)
        arm.run(200) {
            $0.session.receive(leader: $0.robot.calibration.neutral + [1.9, 0, 0, 0, 0, 0], gripper: 1, at: $0.now)
        }
        #expect(arm.session.isFollowing, "\(arm.session.jog.message)")
    }

    @Test func aRampIsSlowUntilBothStandAlike() throws {
        var arm = try SteeredArm(leader: .ramp, follows: true)
        let away: JointVector = [0, 0, 0, 0, 0, 1]
        let top = arm.robot.calibration.velocity[5]
        follow(&arm, away: away, gripper: 0, for: 1_000)
        let highest = arm.robot.setpoints.map { abs($0.velocities[5]) }.max() ?? 0
        #expect(highest > 0.05 * top && highest < 0.115 * top, "\(highest) of \(top)")
        #expect(arm.robot.measured.gripper == 1, "the gripper keeps what it has until then")
        follow(&arm, away: away, gripper: 0, for: 6_000)
        #expect(abs(arm.position[5] - arm.robot.calibration.neutral[5] - 1) < 0.01 && arm.robot.measured.gripper < 0.01)
        arm.robot.setpoints = []
        follow(&arm, away: .init(repeating: 0, count: 6), gripper: 0, for: 1_000)
        #expect(
            arm.robot.setpoints.map { abs($0.velocities[5]) }.max() ?? 0 > 0.2 * top, "then it follows at full pace")
    }

    @Test func aSilentLeaderIsLetGoAndCheckedAnew() throws {
        var arm = try SteeredArm(leader: .refuse, follows: true)
        follow(&arm, away: [0.1, 0, 0, 0, 0, 0], for: 500)
        #expect(!arm.hasLetGo)
        arm.run(250)
        #expect(arm.hasLetGo && arm.session.jog.message.contains("silent"))
        arm.run(500)
        let rested = arm.position
        #expect(arm.isStill)
        follow(&arm, away: [0.9, 0, 0, 0, 0, 0], for: 500)
        #expect(arm.position == rested && !arm.session.isFollowing, "it came back somewhere else")
    }

    @Test func aKeyTakesTheArmFromTheLeader() throws {
        var arm = try SteeredArm(leader: .refuse, follows: true)
        follow(&arm, away: [0.2, 0, 0, 0, 0, 0], for: 200)
        arm.press(" ")
        #expect(!arm.session.isFollowing)
        follow(&arm, away: [0.2, 0, 0, 0, 0, 0], for: 500)
        #expect(arm.isStill && arm.hasLetGo)
    }

    /// After a reset an arm that follows at once would jump.
    @Test func whatHoldsTheArmEndsTheFollowing() throws {
        var arm = try SteeredArm(leader: .refuse, follows: true)
        follow(&arm, away: [0.2, 0, 0, 0, 0, 0], for: 300)
        arm.robot.controller.emergencyStop()
        follow(&arm, away: [0.2, 0, 0, 0, 0, 0], for: 500)
        #expect(!arm.session.isFollowing && arm.session.jog.message.contains("emergency stop"))
        arm.press("x")
        let held = arm.position
        follow(&arm, away: [0.35, 0, 0, 0, 0, 0], for: 1_000)
        #expect(arm.position == held)
        arm.press("v")
        follow(&arm, away: [0.35, 0, 0, 0, 0, 0], for: 1_000)
        #expect(arm.position != held)
    }

    @Test func aLostLeaderIsLetGoAtOnce() throws {
        var arm = try SteeredArm(leader: .refuse, follows: true)
        follow(&arm, away: [0.2, 0, 0, 0, 0, 0], for: 200)
        arm.session.loseDevice("the leader arm is gone", at: arm.now)
        arm.run(10)
        #expect(arm.hasLetGo && !arm.session.isFollowing)
    }

    @Test func readingsThatCannotBeAreNone() throws {
        var arm = try SteeredArm(leader: .ramp, follows: true)
        let start = arm.position
        arm.run(500) { arm in
            arm.session.receive(leader: [0.1, 0.2], gripper: 1, at: arm.now)
            arm.session.receive(leader: JointVector(repeating: .nan, count: 6), gripper: 1, at: arm.now)
            arm.session.receive(leader: JointVector(repeating: 0, count: 6), gripper: .infinity, at: arm.now)
        }
        #expect(arm.position == start)
    }
}

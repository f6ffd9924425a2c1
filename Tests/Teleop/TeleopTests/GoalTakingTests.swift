import Maths
import Messages
import Teleop
import TestSupport
import Testing
import Time

@Suite struct GoalTakingTests {
    private func result(_ isAccepted: Bool = true, _ message: String = "goal 'cup' recorded") -> GoalResult {
        GoalResult(
            id: 1, operatorID: "a", isAccepted: isAccepted, goalID: "abc", goalName: "cup", path: "goals/cup",
            message: message,
            time: .zero)
    }

    /// Lets time pass; counts how often the goal node was to be asked.
    private func run(_ taking: inout GoalTaking, _ arm: inout SteeredArm, _ milliseconds: Int) -> Int {
        var asked = 0
        for _ in 0..<(milliseconds / 10) {
            if taking.advance(&arm.session, at: arm.now) { asked += 1 }
            arm.run(10)
        }
        return asked
    }

    @Test func withoutPreparationItIsTakenWhereTheArmStands() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.none))
        let start = arm.position
        taking.begin(&arm.session, at: arm.now)
        #expect(taking.isTaking)
        _ = run(&taking, &arm, 500)
        taking.receive(result(), &arm.session)
        #expect(taking.phase == .taken(result()) && arm.session.jog.message.contains("y accepts it"))
        taking.accept(&arm.session)
        #expect(taking.phase == .accepted(result()) && taking.failure.isEmpty && !taking.retakes)
        #expect(arm.position == start)
    }

    @Test func theArmFirstOpensItsGripperAndRetreats() throws {
        var arm = try SteeredArm()
        arm.press("g")
        arm.run(3_000)
        #expect(arm.robot.measured.gripper < 0.01)
        var taking = GoalTaking(.init(opensGripper: true, pose: .rest))
        taking.begin(&arm.session, at: arm.now)
        #expect(!taking.isTaking && run(&taking, &arm, 300) == 0)
        #expect((arm.position - arm.robot.calibration.neutral).magnitude < 1e-3, "what is held is let go where it is")
        var asked = 0
        for _ in 0..<400 where asked == 0 { asked = run(&taking, &arm, 100) }
        #expect(asked == 1 && taking.isTaking, "\(taking.failure)")
        #expect(arm.robot.measured.gripper > 0.99)
        #expect((arm.position - arm.robot.calibration.rest).magnitude < 0.06)
    }

    /// Whoever holds a gamepad's switch holds the arm still, and does not keep it from getting there.
    @Test func aSwitchThatIsHeldHindersNothing() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.init(opensGripper: true, pose: .rest)))
        arm.press("g")
        arm.run(3_000)
        arm.say(.pad())
        arm.run(100)
        taking.begin(&arm.session, at: arm.now)
        var asked = 0
        for _ in 0..<400 where asked == 0 { asked = run(&taking, &arm, 100) }
        #expect(asked == 1 && taking.isTaking, "\(taking.failure)")
        #expect((arm.position - arm.robot.calibration.rest).magnitude < 0.06 && arm.robot.measured.gripper > 0.99)
    }

    /// A stick that is moved takes the arm from its way.
    @Test func aStickOnTheWayTakesNoGoal() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.init(opensGripper: false, pose: .rest)))
        taking.begin(&arm.session, at: arm.now)
        #expect(run(&taking, &arm, 300) == 0)
        arm.say(.pad(linear: [0, 1, 0]))
        #expect(run(&taking, &arm, 300) == 0)
        #expect(taking.phase == .driving && taking.failure.contains("rest pose"), "\(taking.failure)")
    }

    /// The leader's handle would hold the gripper closed, and its owner's hand is at the keys.
    @Test func aLeaderIsLetGoForThePicture() throws {
        var (arm, taking) = (
            try SteeredArm(leader: .refuse, follows: true), GoalTaking(.init(opensGripper: true, pose: nil))
        )
        let pose = arm.robot.calibration.neutral
        func follow(_ milliseconds: Int) {
            arm.run(milliseconds) { $0.session.receive(leader: pose, gripper: 0, at: $0.now) }
        }
        follow(2_000)
        #expect(arm.session.isFollowing && arm.robot.measured.gripper < 0.05)
        taking.begin(&arm.session, at: arm.now)
        #expect(!arm.session.isFollowing)
        var asked = 0
        for _ in 0..<300 where asked == 0 {
            if taking.advance(&arm.session, at: arm.now) { asked += 1 }
            follow(10)
        }
        #expect(asked == 1 && arm.robot.measured.gripper > 0.99, "\(taking.phase)")
    }

    @Test func anArmThatIsStoppedOnItsWayTakesNoGoal() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.init(opensGripper: false, pose: .rest)))
        taking.begin(&arm.session, at: arm.now)
        #expect(run(&taking, &arm, 300) == 0)
        arm.press("e")
        #expect(run(&taking, &arm, 500) == 0)
        #expect(taking.phase == .driving && taking.failure.contains("rest pose"), "\(taking.failure)")
    }

    @Test func anotherMayTakeItsPlace() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.none))
        taking.begin(&arm.session, at: arm.now)
        taking.receive(result(), &arm.session)
        taking.begin(&arm.session, at: arm.now)
        #expect(taking.isTaking && taking.retakes, "what was taken may be overwritten")
    }

    @Test func aRefusalIsTheFailure() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.none))
        taking.begin(&arm.session, at: arm.now)
        taking.receive(result(false, "there is a goal 'cup' already"), &arm.session)
        #expect(taking.phase == .driving && taking.failure.contains("a goal 'cup' already") && !taking.retakes)
        // A late answer counts for nothing, and neither does accepting.
        taking.receive(result(), &arm.session)
        taking.accept(&arm.session)
        #expect(taking.phase == .driving)
        taking.begin(&arm.session, at: arm.now)
        #expect(taking.failure.isEmpty)
    }

    @Test func aGoalNodeThatIsSilentIsTold() throws {
        var (arm, taking) = (try SteeredArm(), GoalTaking(.none))
        taking.begin(&arm.session, at: arm.now)
        _ = run(&taking, &arm, 8_900)
        #expect(taking.isTaking, "it waits for pictures that stand still")
        _ = run(&taking, &arm, 200)
        #expect(taking.phase == .driving && taking.failure.contains("does not answer"))
    }
}

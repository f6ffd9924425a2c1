import Control
import Maths
import Messages
import Teleop
import TestSupport
import Testing
import Time

/// The tool is well inside its workspace, and no joint near a limit or a singular place.
private let amidst: JointVector = [0, 0, 0.6, 0, 0.9, 0]

@Suite struct JogSessionTests {
    /// Beside seven live lines and the prompt.
    @Test(arguments: JogSession.pages + TeleopSession.pages)
    func eachPageOfTheHelpFitsTheSmallestScreen(page: String) {
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 14 && lines.allSatisfy { $0.count <= 80 }, "\(lines.filter { $0.count > 80 })")
    }

    @Test func thePagesComeInTurnAndEveryKeyIsOnOne() {
        let pages = TeleopSession.pages
        #expect((1...4).map { KeyHelp.page($0, of: pages).hasPrefix(pages[($0 - 1) % 3]) } == [true, true, true, true])
        #expect(KeyHelp.page(2, of: pages).hasSuffix("(2 of 3; ? the next)") && KeyHelp.page(9, of: ["one"]) == "one")
        for key in [
            "w s", "a d", "r f", "u o", "i k", "j l", "[ ]", ", .", " g ", " h ", " z ", " x ", " m ", " c ", " b ",
            " p ", " y ", " n ", " T ", " v ",
        ] {
            #expect(TeleopSession.help.contains(key), "\(key)")
        }
    }

    @Test func nothingIsSaidBeforeAKey() throws {
        var arm = try JoggedArm()
        arm.run(2_000)
        arm.press("123[]t?")
        arm.run(1_000)
        #expect(arm.robot.commands.isEmpty && arm.requests.isEmpty && arm.isStill)
        #expect(arm.session.helpRequests == 1)
    }

    @Test func aKeyMovesTheChosenJointTheRightWay() throws {
        var arm = try JoggedArm(at: amidst)
        let start = arm.position
        arm.press("2+", then: 1_000)
        #expect(arm.position[1] > start[1] + 0.02)
        for joint in [0, 2, 3, 4, 5] { #expect(arm.position[joint] == start[joint]) }
        let up = arm.position[1]
        arm.session.press(.left, at: arm.now)
        arm.run(1_000)
        #expect(arm.position[1] < up - 0.02)
        arm.session.press(.up, at: arm.now)
        arm.press("-", then: 1_000)
        #expect(arm.position[2] < start[2] - 0.02)
    }

    @Test func theSwitchIsLetGoThreeTenthsOfASecondAfterTheLastStroke() throws {
        var arm = try JoggedArm()
        arm.hold(.sign("+"), for: 900)
        let last = arm.now - .milliseconds(30)
        arm.run(2_000)
        let held = arm.robot.commands.filter(\.isDeadManHeld)
        #expect(held.allSatisfy { $0.time < last + JogSession.holdTime })
        #expect(held.contains { $0.time >= last + JogSession.holdTime - .milliseconds(20) })
        // Then it is said to be let go, and after that nothing: another operator may have the arm.
        let released = arm.robot.commands.drop { $0.isDeadManHeld }
        #expect(!released.isEmpty && released.allSatisfy { !$0.isDeadManHeld && $0.time < last + .seconds(1) })
        #expect(arm.isStill && arm.robot.mode == .holding(.released))
    }

    @Test func everyOtherKeyEndsTheMotionAtOnce() throws {
        for key in [Key.sign(" "), .sign("3"), .tab, .sign("]"), .sign("?"), .sign("y"), .other, .escape, .interrupt] {
            var arm = try JoggedArm()
            arm.press("+", then: 100)
            #expect(arm.session.isMoving)
            arm.session.press(key, at: arm.now)
            let command = arm.session.command(at: arm.now)
            #expect(command?.isDeadManHeld == false, "\(key)")
        }
    }

    @Test func theToolMovesAlongTheAxesOfTheBase() throws {
        let steps: [(Character, Int, Double)] = [
            ("w", 0, 1), ("s", 0, -1), ("a", 1, 1), ("d", 1, -1), ("r", 2, 1), ("f", 2, -1),
        ]
        for (sign, axis, direction) in steps {
            var arm = try JoggedArm(at: amidst)
            let chain = arm.robot.calibration.chain
            let start = chain.baseFromEEF(arm.position).translation
            arm.press("t")
            arm.press(String(sign), then: 1_000)
            let way = chain.baseFromEEF(arm.position).translation - start
            #expect(way[axis] * direction > 0.005, "\(sign): \(way)")
            for other in 0..<3 where other != axis { #expect(abs(way[other]) < 0.002, "\(sign): \(way)") }
        }
    }

    @Test func theToolTurnsAboutItsPoint() throws {
        for (sign, axis, direction) in [
            ("o", 0, 1.0), ("u", 0, -1), ("k", 1, 1), ("i", 1, -1), ("j", 2, 1), ("l", 2, -1),
        ] {
            var arm = try JoggedArm(at: amidst)
            let chain = arm.robot.calibration.chain
            let start = chain.baseFromEEF(arm.position)
            arm.press("t\(sign)", then: 1_000)
            let end = chain.baseFromEEF(arm.position)
            let turn = (end.rotation * start.rotation.inverse).vector
            #expect(turn[axis] * direction > 0.02, "\(sign): \(turn)")
            #expect((end.translation - start.translation).length < 0.003, "\(sign)")
        }
    }

    @Test func speedsAreBounded() throws {
        var arm = try JoggedArm()
        for _ in 0..<20 { arm.press("]", then: 10) }
        #expect(arm.session.speed == JogSession.speeds.last)
        arm.hold(.sign("+"), for: 600)
        let top = arm.robot.setpoints.map { abs($0.velocities[0]) }.max() ?? 0
        #expect(top > 0.4 * arm.robot.calibration.velocity[0] && top <= 0.5 * arm.robot.calibration.velocity[0] + 1e-9)
        for _ in 0..<20 { arm.press("[", then: 10) }
        #expect(arm.session.speed == JogSession.speeds.first)
    }

    @Test func theGripperGoesInStepsAndAllTheWay() throws {
        var arm = try JoggedArm()
        arm.press(",", then: 1_000)
        #expect(abs(arm.robot.measured.gripper - 0.95) < 0.01 && !arm.session.isMoving)
        arm.press(",,,", then: 1_000)
        #expect(abs(arm.robot.measured.gripper - 0.8) < 0.01)
        // Held down, a toggle is one press.
        arm.hold(.sign("g"), for: 2_000)
        #expect(arm.robot.measured.gripper < 0.01)
        arm.run(1_000)
        arm.press("g", then: 1_500)
        #expect(arm.robot.measured.gripper > 0.99)
        #expect(arm.position == arm.robot.calibration.neutral, "the arm itself stood still")
    }

    @Test(arguments: [("h", TeleopArm.Pose.neutral), ("z", .rest)])
    func posesAreReachedWithoutAKeyHeld(sign: String, pose: TeleopArm.Pose) throws {
        var arm = try JoggedArm(at: [0.5, -1, 0.8, 0.3, 0.9, -0.4])
        arm.press(sign, then: 20_000)
        let way = arm.position - arm.session.arm[pose]
        #expect(way.magnitude < PoseApproach.tolerance && arm.isStill && !arm.session.isMoving)
        #expect(arm.session.message.contains("arrived at the \(pose.rawValue) pose"))
        let top = JogSession.topPoseSpeed
        for joint in 0..<6 {
            let fastest = arm.robot.setpoints.map { abs($0.velocities[joint]) }.max() ?? 0
            #expect(fastest <= top * arm.robot.calibration.velocity[joint] * 1.05)
        }
    }

    @Test func anyKeyStopsAPoseButItsOwnRepeats() throws {
        var arm = try JoggedArm()
        arm.hold(.sign("z"), for: 600)
        #expect(arm.session.isMoving && !arm.isStill)
        arm.press(" ", then: 500)
        #expect(!arm.session.isMoving && arm.isStill)
        #expect((arm.position - arm.session.arm.rest).magnitude > 0.3)
    }

    @Test func theEmergencyStopIsLatchedUntilItsOwnKey() throws {
        for stop in [Key.sign("e"), .escape] {
            var arm = try JoggedArm()
            arm.hold(.sign("+"), for: 300)
            arm.session.press(stop, at: arm.now)
            #expect(arm.session.isStopUnconfirmed)
            arm.run(500)
            #expect(arm.robot.mode == .holding(.emergencyStop) && !arm.session.isStopUnconfirmed && arm.isStill)
            #expect(arm.requests.map(\.action) == [.emergencyStop])
            let held = arm.position
            for key in ["+", "h", "c", "b", "g", "t", "w"] { arm.press(key, then: 500) }
            #expect(arm.position == held && arm.robot.mode == .holding(.emergencyStop))
            #expect(arm.session.lines(at: arm.now).joined().contains("x resets it"))
            arm.press("x", then: 500)
            #expect(arm.robot.mode == .holding(.awaitingResume) && arm.position == held)
            arm.press("w", then: 500)
            #expect(arm.position != held)
        }
    }

    @Test func anEmergencyStopIsRepeatedUntilItIsConfirmed() throws {
        var arm = try JoggedArm()
        arm.robot.isCutOff = true
        arm.press("e", then: 900)
        #expect(arm.requests.count >= 4 && Set(arm.requests.map(\.number)).count == 1)
        arm.run(4_000)
        #expect(arm.session.isStopUnconfirmed && arm.session.message.contains("SWITCH ITS POWER OFF"))
    }

    @Test func nothingTakesThePlaceOfAnEmergencyStopThatIsNotConfirmed() throws {
        for keys in ["ex", "ec", "eb", "e+", "eh", "eq", "e x"] {
            var arm = try JoggedArm()
            arm.hold(.sign("+"), for: 300)
            arm.press(keys, then: 500)
            #expect(
                arm.requests.map(\.action) == [.emergencyStop] && arm.robot.mode == .holding(.emergencyStop), "\(keys)")
        }
    }

    @Test(arguments: [HoldReason.driverFault, .stalled, .overloaded, .overheated])
    func aResetAlsoClearsAFault(_ reason: HoldReason) throws {
        var arm = try JoggedArm()
        arm.holdState(for: reason, joint: 1)
        #expect(arm.session.lines(at: arm.now).joined().contains(", then x"), "\(reason)")
        arm.session.press(.sign("x"), at: arm.now)
        #expect(arm.session.takeRequest(at: arm.now)?.action == .resetEmergencyStop)
        arm.holdState(for: reason, joint: 1)
        #expect(arm.session.message == "reset asked for", "the arm has not obeyed yet")
        arm.holdState(for: .released)
        #expect(arm.session.message == "the fault is cleared")
    }

    @Test func aResetEndsOneThingAndSaysWhatHoldsTheArmStill() throws {
        var arm = try JoggedArm()
        arm.holdState(for: .emergencyStop)
        arm.session.press(.sign("x"), at: arm.now)
        arm.holdState(for: .driverFault, joint: 2)
        let message = arm.session.message
        #expect(message.hasPrefix("the emergency stop is reset; still ") && message.contains("(joint elbow)"))
        #expect(message.contains("then x goes on"))
    }

    @Test func afterAnEmergencyStopThePolicyGoesOnByAKeyOfItsOwn() throws {
        var arm = try JoggedArm()
        arm.press("e", then: 300)
        arm.press("m", then: 100)
        #expect(arm.session.message.hasPrefix("not yet: emergency stop"), "\(arm.session.message)")
        // Held down: one wish, and one answer.
        arm.hold(.sign("x"), for: 1_000)
        #expect(arm.robot.mode == .holding(.awaitingResume))
        #expect(arm.session.message == "the emergency stop is reset: m lets the policy move the arm again")
        arm.press("m", then: 300)
        #expect(arm.robot.mode == .holding(.released) && arm.session.message == "the policy may move the arm again")
        arm.press("m", then: 300)
        #expect(arm.session.message == "nothing keeps the policy from moving the arm")
    }

    @Test func anEscapeThatStopsTheArmSaysThatItWasOne() throws {
        var arm = try JoggedArm()
        arm.session.press(.escape, at: arm.now)
        arm.run(100)
        #expect(arm.session.message.contains("ESC; over a slow line"), "\(arm.session.message)")
    }

    @Test func aResetOfNothingSaysSo() throws {
        var arm = try JoggedArm()
        arm.press("x", then: 100)
        #expect(arm.session.message == "there is no emergency stop, and no fault to clear")
    }

    @Test func aFaultThatComesBackAtOnceIsNotCalledCleared() throws {
        var arm = try JoggedArm()
        arm.holdState(for: .driverFault)
        arm.session.press(.sign("x"), at: arm.now)
        for _ in 0..<350 {
            arm.holdState(for: .driverFault)
            _ = arm.session.takeRequest(at: arm.now)
        }
        #expect(arm.session.message.contains("did not do that"))
    }

    @Test func aRefusalSaysHowToGetOut() throws {
        var arm = try JoggedArm()
        arm.press("e", then: 100)
        arm.press("h")
        #expect(arm.session.message.contains("x resets it"))
    }

    @Test func resetsAreNotRepeated() throws {
        var arm = try JoggedArm()
        arm.press("e", then: 300)
        arm.robot.isCutOff = true
        arm.press("x", then: 2_000)
        #expect(arm.requests.map(\.action) == [.emergencyStop, .resetEmergencyStop])
    }

    @Test func aKeyThatStaysDownDoesNotMoveTheArmAfterAReset() throws {
        var arm = try JoggedArm()
        arm.hold(.sign("+"), for: 300)
        arm.robot.controller.emergencyStop()
        arm.hold(.sign("+"), for: 300)
        let someone = try #require(OperatorID("another"))
        arm.robot.controller.resetEmergencyStop(by: someone)
        let held = arm.position
        arm.hold(.sign("+"), for: 900)
        #expect(arm.position == held && !arm.session.isMoving)
        arm.run(400)
        arm.press("+", then: 400)
        #expect(arm.position[0] > held[0])
    }

    @Test func motionEndsWhenTheArmFallsSilent() throws {
        var arm = try JoggedArm()
        arm.press("z", then: 300)
        arm.robot.isCutOff = true
        arm.run(1_500)
        #expect(!arm.session.isMoving && arm.session.message.contains("does not come"))
        arm.press("+")
        #expect(!arm.session.isMoving)
    }

    @Test func aBlockedJointIsNamedAndClearedByAKey() throws {
        var arm = try JoggedArm()
        arm.robot.measured.load = JointVector([0, 0, 2, 0, 0, 0])
        arm.robot.stuckJoint = 2
        arm.session.press(.sign("3"), at: arm.now)
        arm.hold(.sign("+"), for: 3_000)
        guard case .holding(let reason) = arm.robot.mode, [.stalled, .overloaded].contains(reason) else {
            Issue.record("\(arm.robot.mode)")
            return
        }
        #expect(!arm.session.isMoving && arm.session.lines(at: arm.now).joined().contains("joint elbow"))
        arm.robot.measured.load = nil
        arm.robot.stuckJoint = nil
        arm.run(400)
        arm.press("c", then: 300)
        #expect(arm.robot.mode == .holding(.released))
        let held = arm.position
        arm.press("-", then: 500)
        #expect(arm.position[2] < held[2])
    }

    @Test func aJointBeyondItsLimitIsBroughtBackByItsKey() throws {
        var outside = try widowX().neutral
        outside[1] = try widowX().upper[1] + 0.1
        var arm = try JoggedArm(at: outside)
        #expect(arm.session.lines(at: arm.now).joined().contains("shoulder is beyond its limits"))
        arm.run(1_000)
        #expect(arm.position == outside)
        arm.press("b", then: 5_000)
        #expect(arm.position[1] <= arm.robot.calibration.upper[1] + 1e-6 && arm.robot.mode == .holding(.released))
    }

    @Test func quittingStopsFirst() throws {
        for key in [Key.sign("q"), .interrupt] {
            var arm = try JoggedArm()
            arm.hold(.sign("+"), for: 300)
            arm.session.press(key, at: arm.now)
            #expect(!arm.session.isDone(at: arm.now))
            arm.session.press(.sign("+"), at: arm.now)
            #expect(!arm.session.isMoving, "no more motion")
            arm.run(1_000)
            #expect(arm.session.isDone(at: arm.now) && arm.isStill)
        }
    }

    @Test func theEndOfKeysLetsTheMotionComeToItsEnd() throws {
        var arm = try JoggedArm()
        arm.press("z", then: 10)
        arm.session.finishKeys()
        arm.run(1_000)
        #expect(arm.session.isMoving && !arm.session.isDone(at: arm.now))
        arm.run(20_000)
        #expect(
            arm.session.isDone(at: arm.now) && (arm.position - arm.session.arm.rest).magnitude < PoseApproach.tolerance)
    }

    @Test func aSilentArmDoesNotKeepAnybodyFromQuitting() throws {
        var arm = try JoggedArm()
        arm.robot.isCutOff = true
        arm.press("q", then: 2_500)
        #expect(arm.session.isDone(at: arm.now))
    }

    @Test func statesOfAnotherArmMoveNothing() throws {
        var session = JogSession(arm: TeleopArm(try widowX()), at: .zero)
        let three = JointVector(repeating: 0, count: 3)
        let pose = Pose.identity
        session.receive(
            ArmState(
                tick: 0, mode: .holding(.released),
                measured: JointState(time: .zero, positions: three, velocities: three, gripper: 1),
                setpoint: JointSetpoint(positions: three, velocities: three, gripper: 1), baseFromEEF: pose,
                commandedBaseFromEEF: pose), at: .zero)
        session.press(.sign("+"), at: .zero)
        #expect(session.command(at: .zero) == nil && !session.isMoving)
    }

    @Test func theGripperComesAfterTheLastJoint() throws {
        let arm = TeleopArm(try widowX())
        #expect(Hindrance.hold(.overheated, joint: 6).description(of: arm).contains("joint gripper"))
        #expect(Hindrance.hold(.overheated, joint: 0).description(of: arm).contains("joint waist"))
        for joint in [-1, 7, nil] { #expect(arm.name(of: joint) == nil) }
    }

    /// Whatever is pressed, and whenever.
    @Test func anyKeysKeepTheArmInsideItsEnvelope() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let all: [Key] =
            Array("12345678+-wsadrfuoikjl[],.ghz exmcbt?q").map { .sign($0) } + [.up, .down, .left, .right, .other]
        for round in 0..<20 {
            var arm = try JoggedArm()
            let (lower, upper) = (arm.robot.calibration.lower, arm.robot.calibration.upper)
            for _ in 0..<200 {
                guard let key = all.randomElement(using: &generator), key != .sign("q") else { continue }
                arm.session.press(key, at: arm.now)
                arm.run(Int.random(in: 0...40, using: &generator) * 10)
            }
            arm.session.press(.sign("x"), at: arm.now)
            arm.run(1_000)
            for joint in 0..<6 {
                let bad = arm.robot.setpoints.contains {
                    $0.positions[joint] < lower[joint] - 1e-9 || $0.positions[joint] > upper[joint] + 1e-9
                        || abs($0.velocities[joint]) > arm.robot.calibration.velocity[joint] + 1e-9
                }
                #expect(!bad, "round \(round), joint \(joint), seed \(generator.seed)")
            }
            #expect(arm.isStill && arm.robot.controller.counts.refusedManualCommands == 0, "seed \(generator.seed)")
        }
    }
}

import Maths
import Messages
import Teleop
import TestSupport
import Testing
import Time

@Suite struct TeleopSessionTests {
    // MARK: The switch

    @Test func nothingMovesWithoutTheSwitch() throws {
        var arm = try SteeredArm()
        let start = arm.position
        arm.say(.pad(linear: [1, 1, 1], angular: [1, 1, 1], holding: []))
        arm.run(1_000)
        arm.say(.pad(linear: [1, 0, 0], holding: [.toggleGripper, .home, .faster]))
        arm.run(1_000)
        #expect(arm.position == start && arm.robot.measured.gripper == 1)
        #expect(arm.sent.allSatisfy { $0?.isDeadManHeld != true })
    }

    @Test func aHeldStickMovesTheToolItsWayAtTheChosenSpeed() throws {
        var arm = try SteeredArm()
        let start = try #require(arm.tool)
        arm.say(.pad(linear: [1, 0, 0]))
        arm.run(1_000)
        let moved = try #require(arm.tool).translation - start.translation
        // 10 % of 0.5 m/s, less the way up to speed.
        #expect(moved.x > 0.03 && moved.x < 0.051, "\(moved)")
        #expect(abs(moved.y) < 0.003 && abs(moved.z) < 0.003, "\(moved)")
        #expect(arm.sent.allSatisfy { $0?.isDeadManHeld == true }, "a command each time it is asked for")
    }

    @Test func lettingTheSwitchGoStopsAtOnceWhateverTheStickSays() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0, 1, 0]))
        arm.run(500)
        #expect(!arm.isStill)
        arm.say(.pad(linear: [0, 1, 0], holding: []))
        arm.run(10)
        #expect(arm.hasLetGo)
        arm.run(500)
        #expect(arm.isStill && arm.robot.mode == .holding(.released))
    }

    @Test func theSwitchEndsWhatTheDeviceBegan() throws {
        var folded = try widowX().rest
        folded[0] = 0.2
        var arm = try SteeredArm(at: folded)
        arm.say(.pad(holding: [.deadMan, .home]))
        arm.run(500)
        #expect(!arm.isStill, "on its way home while the switch is held")
        arm.say(.pad(holding: []))
        arm.run(500)
        #expect(arm.isStill && (arm.position - arm.robot.calibration.neutral).magnitude > 0.1)
        let (place, opening) = (arm.position, arm.robot.measured.gripper)
        arm.say(.pad(holding: [.deadMan, .toggleGripper]))
        arm.run(100)
        #expect(arm.robot.measured.gripper < opening)
        arm.say(.pad(holding: []))
        arm.run(500)
        let halfway = arm.robot.measured.gripper
        #expect(halfway > 0.01, "the stroke ended with the switch")
        arm.run(1_000)
        #expect(arm.robot.measured.gripper == halfway && (arm.position - place).magnitude < 1e-9)
    }

    // MARK: A device that says nothing

    /// A stick held still says nothing, and so does a pad whose radio link broke.
    @Test func aHeldStickThatSaysNothingForTwoSecondsBrakesTheArm() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0.3, 0, 0]))
        arm.run(1_900)
        #expect(!arm.isStill && !arm.session.isUnconfirmed)
        arm.run(600)
        #expect(arm.isStill && arm.session.isUnconfirmed)
        #expect(arm.session.jog.message.contains("said nothing for 2.0 s: move the stick"))
        let place = arm.position
        arm.run(5_000)
        #expect(arm.position == place && arm.robot.mode == .manual, "it stands still, and nobody else moves it")
        // Moved, it is in a hand again.
        arm.say(.pad(linear: [0.31, 0, 0]))
        arm.run(500)
        #expect(arm.position != place && !arm.session.isUnconfirmed)
    }

    @Test func aStickThatSaysTheSameAgainAndAgainMovesOn() throws {
        var arm = try SteeredArm()
        arm.run(4_000) { if $0.now.nanoseconds % 1_000_000_000 == 0 { $0.say(.pad(linear: [0.1, 0, 0])) } }
        #expect(!arm.isStill && !arm.session.isUnconfirmed)
    }

    @Test func aSwitchHeldAgainConfirmsThePad() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0, 0.3, 0]))
        arm.run(3_000)
        let place = arm.position
        arm.say(.pad(linear: [0, 0.3, 0], holding: []))
        arm.run(500)
        #expect(arm.position == place && arm.robot.mode == .holding(.released))
        arm.say(.pad(linear: [0, 0.3, 0]))
        arm.run(500)
        #expect(arm.position != place)
    }

    @Test func aWayHomeAndAStrokeEndAsWell() throws {
        var folded = try widowX().rest
        folded[0] = 1.5
        var arm = try SteeredArm(at: folded)
        arm.say(.pad(holding: [.deadMan, .home]))
        arm.say(.pad())
        arm.run(2_500)
        #expect(arm.isStill && arm.session.isUnconfirmed)
        #expect((arm.position - arm.robot.calibration.neutral).magnitude > 0.1, "it is not home yet")
    }

    @Test func aPadWhoseSticksRestMayBeSilentForLong() throws {
        var arm = try SteeredArm()
        let place = arm.position
        arm.say(.pad())
        arm.run(10_000)
        #expect(!arm.session.isUnconfirmed && arm.position == place && arm.robot.mode == .manual)
        arm.say(.pad(linear: [1, 0, 0]))
        arm.run(300)
        #expect(arm.position != place)
    }

    @Test func keysMoveTheArmBesideASilentPad() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0.3, 0, 0]))
        arm.run(3_000)
        arm.say(.pad(linear: [0.3, 0, 0], holding: []))
        arm.run(500)
        let place = arm.position
        arm.run(3_000) { $0.press("+") }
        #expect(arm.position != place)
    }

    @Test func theGripperClosesAndOpensWhileTheSwitchIsHeld() throws {
        var arm = try SteeredArm()
        for wanted in [0.0, 1.0] {
            arm.say(.pad(holding: [.deadMan, .toggleGripper]))
            arm.say(.pad())
            arm.run(3_000)
            #expect(abs(arm.robot.measured.gripper - wanted) < 0.01)
        }
    }

    @Test(arguments: [false, true])
    func aDeviceThatIsGoneHoldsNothing(homing: Bool) throws {
        var arm = try SteeredArm(at: try widowX().rest)
        arm.say(homing ? .pad(holding: [.deadMan, .home]) : .pad(linear: [0, 0, 1]))
        arm.run(500)
        #expect(!arm.isStill)
        arm.session.loseDevice("the device is gone", at: arm.now)
        arm.run(10)
        #expect(arm.hasLetGo)
        arm.run(600)
        #expect(arm.isStill && arm.session.jog.message == "the device is gone")
    }

    /// A lost last report must not leave the arm moving.
    @Test func aPuckThatFallsSilentIsLetGo() throws {
        var arm = try SteeredArm(needsReports: true)
        var decoder = SpaceMouseDecoder()
        for _ in 0..<20 {
            if let reading = decoder.receive(RecordedBytes.puckTogether, at: arm.now) { arm.say(reading) }
            arm.run(10)
        }
        #expect(!arm.hasLetGo)
        arm.run(170)
        #expect(arm.hasLetGo)
        arm.run(500)
        #expect(arm.isStill)
        // A button says nothing about where the puck is.
        let place = arm.position
        if let reading = decoder.receive([3, 4, 0], at: arm.now) { arm.say(reading) }
        arm.run(500)
        #expect(arm.position == place && arm.hasLetGo)
    }

    @Test func aPuckWithASwitchMovesTheArmWhileItIsHeld() throws {
        var arm = try SteeredArm(needsReports: true)
        var decoder = SpaceMouseDecoder(deadMan: .button)
        func push(_ milliseconds: Int) {
            for _ in 0..<(milliseconds / 10) {
                if let reading = decoder.receive(RecordedBytes.puckTogether, at: arm.now) { arm.say(reading) }
                arm.run(10)
            }
        }
        let start = arm.position
        push(500)
        #expect(arm.position == start && arm.hasLetGo, "a knock")
        _ = decoder.receive([3, 1, 0], at: arm.now)
        push(500)
        #expect(arm.position != start && !arm.hasLetGo)
        _ = decoder.receive([3, 0, 0], at: arm.now)
        push(500)
        #expect(arm.isStill && arm.hasLetGo)
    }

    /// The policy would go on in the middle of a take-over, whenever the stick passes its middle.
    @Test func whoHoldsTheSwitchKeepsTheArmWithTheStickInItsMiddle() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0, 1, 0]))
        arm.run(300)
        arm.say(.pad())
        arm.run(1_000)
        #expect(arm.sent.allSatisfy { $0?.isDeadManHeld == true } && arm.robot.mode == .manual)
        let rested = arm.position
        arm.run(1_000)
        #expect(arm.isStill && arm.position == rested, "and it stands still")
        // A key that is pressed meanwhile moves the arm; when it ends, nobody else has the arm for a moment.
        arm.sent = []
        for sign in "1+" as String { arm.press(sign) }
        arm.run(1_000)
        #expect(arm.position != rested && arm.isStill)
        #expect(arm.sent.allSatisfy { $0?.isDeadManHeld == true })
        arm.say(.pad(holding: []))
        arm.run(10)
        #expect(arm.hasLetGo)
    }

    /// The stick of a switch that is held is not what the arm waits for after a stop.
    @Test func aSwitchHeldThroughAStopMovesNothing() throws {
        var arm = try SteeredArm()
        arm.say(.pad())
        arm.run(200)
        arm.press("e")
        arm.run(500)
        #expect(arm.robot.mode == .holding(.emergencyStop) && arm.hasLetGo)
        let place = arm.position
        arm.press("x")
        arm.run(500)
        #expect(arm.position == place && arm.robot.mode != .holding(.emergencyStop))
        arm.say(.pad(linear: [0, 1, 0]))
        arm.run(300)
        #expect(arm.position != place)
    }

    /// A gamepad tells changes alone: a stick held still is silent.
    @Test func aStickThatIsHeldStillGoesOn() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0, 0.2, 0]))
        arm.run(1_000)
        #expect(!arm.hasLetGo && !arm.isStill)
    }

    // MARK: Emergency stops

    private static let stops: [(name: String, readings: [DeviceReading])] = {
        var decoder = JoystickDecoder()
        var pad = Gamepad()
        var puck = SpaceMouseDecoder()
        return [
            ("gamepad", padReadings(RecordedBytes.button(RecordedBytes.emergencyStopCode, 1) + RecordedBytes.report)),
            ("joystick", pad.receive(decoder.receive(RecordedBytes.joystick(1, 1, 1)))),
            ("SpaceMouse", [puck.receive([3, 2, 0], at: .zero)].compactMap { $0 }),
        ]
    }()

    @Test(arguments: ["gamepad", "joystick", "SpaceMouse", "e", "\u{1B}", "leader"])
    func everyDeviceHasAnEmergencyStop(device: String) throws {
        var arm = try SteeredArm(leader: device == "leader" ? .ramp : nil, follows: device == "leader")
        let neutral = arm.robot.calibration.neutral
        if device != "leader" { arm.say(.pad(linear: [0, 1, 0])) }
        arm.run(500) {
            if device == "leader" {
                $0.session.receive(leader: neutral + [0.2, 0, 0, 0, 0, 0], gripper: 1, at: $0.now)
            }
        }
        #expect(!arm.isStill)
        switch device {
        case "e", "leader": arm.press("e")
        case "\u{1B}": arm.session.press(.escape, at: arm.now)
        default:
            let readings = try #require(Self.stops.first { $0.name == device }).readings
            for reading in readings { arm.say(reading) }
        }
        arm.run(1_000)
        #expect(
            arm.requests.map(\.action) == [.emergencyStop] && arm.robot.mode == .holding(.emergencyStop) && arm.isStill)
        #expect(!arm.session.jog.isStopUnconfirmed)
    }

    @Test func afterAResetTheStickHasToBeLetGoFirst() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0, 1, 0]))
        arm.run(300)
        arm.say(.pad(linear: [0, 1, 0], holding: [.deadMan, .emergencyStop]))
        arm.run(500)
        let held = arm.position
        arm.press("x")
        arm.run(1_000)
        #expect(arm.position == held && arm.robot.mode != .holding(.emergencyStop))
        arm.say(.pad(linear: [0, 1, 0], holding: []))
        arm.say(.pad(linear: [0, 1, 0]))
        arm.run(300)
        #expect(arm.position != held)
    }

    // MARK: Axes and speeds

    @Test func theToolsOwnAxesAreTurnedByItsPose() throws {
        var start = try widowX().neutral
        start[4] -= 0.5
        var arm = try SteeredArm(at: start)
        arm.press("T")
        #expect(arm.session.frame == .tool)
        let pose = try #require(arm.tool)
        arm.say(.pad(linear: [0.6, 0, 0], angular: [0, 0, 0.4]))
        let asked = arm.session.command(at: arm.now)
        let command = try #require(asked)
        guard case .twist(let linear, let angular) = command.motion else {
            Issue.record("no twist")
            return
        }
        let speed = arm.session.jog.speed
        #expect(
            (linear - pose.rotation * [0.6 * 0.5 * speed, 0, 0]).length < 1e-12 && abs(linear.z) > 0.001, "\(linear)")
        #expect((angular - pose.rotation * [0, 0, 0.4 * 2 * speed]).length < 1e-12)
        arm.run(500)
        let moved = pose.rotation.inverse * (try #require(arm.tool).translation - pose.translation)
        #expect(moved.x > 0.005 && abs(moved.y) < 0.002 && abs(moved.z) < 0.002, "\(moved)")
    }

    @Test func keysFollowTheSameAxes() throws {
        var start = try widowX().neutral
        start[4] -= 0.5
        var arm = try SteeredArm(at: start)
        let pose = try #require(arm.tool)
        for sign in "tTw" as String { arm.press(sign) }
        let asked = arm.session.command(at: arm.now)
        let command = try #require(asked)
        guard case .twist(let linear, .zero) = command.motion else {
            Issue.record("no push: \(command.motion)")
            return
        }
        #expect((linear - pose.rotation * [arm.session.jog.speed * 0.5, 0, 0]).length < 1e-12)
        arm.press("T")
        let after = arm.session.command(at: arm.now)
        #expect(after?.isDeadManHeld == false, "another direction begins with another press")
    }

    @Test func fasterAndSlowerAreStepsOfTheDeviceToo() throws {
        var arm = try SteeredArm()
        let speed = arm.session.jog.speed
        arm.say(.pad(holding: [.faster]))
        #expect(arm.session.jog.speed > speed)
        arm.say(.pad(holding: []))
        for _ in 0..<10 {
            arm.say(.pad(holding: [.slower]))
            arm.say(.pad(holding: []))
        }
        #expect(arm.session.jog.speed == JogSession.speeds.first)
    }

    // MARK: Other nodes

    @Test func episodesAndGoalsAreWishes() throws {
        var arm = try SteeredArm()
        for sign in "pnYNDy" as String { arm.press(sign) }
        arm.say(.pad(holding: [.recordGoal]))
        arm.session.receive(
            EpisodeState(
                isRecording: true, name: "cup-1", path: "", outcome: .open, startTime: arm.now, messages: 0, bytes: 0,
                missing: 0,
                time: arm.now))
        arm.say(.pad(holding: [.episode]))
        arm.say(.pad(holding: [.success]))
        var wishes: [TeleopSession.Wish] = []
        while let wish = arm.session.takeWish() { wishes.append(wish) }
        #expect(
            wishes == [
                .takeGoal, .episode(.start, number: 1), .episode(.markSuccess, number: 2),
                .episode(.markFailure, number: 3),
                .episode(.discard, number: 4), .acceptGoal, .takeGoal, .episode(.stop, number: 5),
                .episode(.markSuccess, number: 6),
            ])
    }

    /// The recorder may not have heard the first time; the number lets it know that it is one wish.
    @Test func whatTheRecorderDidNotAnswerIsSaidAgainWithItsNumber() throws {
        var arm = try SteeredArm()
        arm.press("n")
        arm.run(1_000)
        var wishes: [TeleopSession.Wish] = []
        while let wish = arm.session.takeWish() { wishes.append(wish) }
        #expect(wishes == Array(repeating: .episode(.start, number: 1), count: 4))
        func answer(_ number: UInt64) {
            arm.session.receive(
                EpisodeResult(id: 9, operatorID: "a", isAccepted: true, message: "answer \(number)", time: arm.now),
                to: number)
        }
        answer(7)
        #expect(!arm.session.jog.message.contains("answer"), "that was another's")
        answer(1)
        #expect(arm.session.jog.message == "answer 1")
        arm.run(3_000)
        #expect(arm.session.takeWish() == nil && arm.session.jog.message == "answer 1")
    }

    @Test func whatIsSaidStaysToBeReadWhileADeviceMovesTheArm() throws {
        var arm = try SteeredArm()
        arm.say(.pad(linear: [0, 0.2, 0]))
        arm.run(200)
        arm.press("n")
        arm.session.receive(
            EpisodeResult(id: 1, operatorID: "a", isAccepted: true, message: "recording cup-3", time: arm.now), to: 1)
        arm.run(500)
        #expect(!arm.isStill && arm.session.jog.message == "recording cup-3")
    }

    @Test func aRunWithoutARecorderIsToldWithinTwoSeconds() throws {
        var arm = try SteeredArm()
        arm.press("n")
        arm.run(1_900)
        #expect(!arm.session.jog.message.contains("recorder"))
        arm.run(200)
        #expect(arm.session.jog.message.contains("no recorder"))
        // One that answers is not missed.
        arm.press("n")
        arm.run(100)
        arm.session.receive(
            EpisodeResult(id: 1, operatorID: "a", isAccepted: true, message: "recording cup-2", time: arm.now), to: 2)
        arm.run(3_000)
        #expect(arm.session.jog.message == "recording cup-2")
    }

    @Test func theScreenSaysWhoHasTheArmAndHowTheGoalFits() throws {
        var arm = try SteeredArm()
        func screen() -> String { arm.session.lines(at: arm.now).joined(separator: "\n") }
        #expect(screen().contains("no goal") && screen().contains("gripper 100 %"))
        #expect(arm.session.holder(at: arm.now) == .nobody)
        arm.say(.pad(linear: [0, 1, 0]))
        arm.run(200)
        let camera = GoalFit.CameraFit(
            camera: "primary", verdict: .amber, reasons: [.init(verdict: .amber, text: "camera moved 3 px right")])
        arm.session.receive(GoalFit(goalID: "a", goalName: "cup", verdict: .amber, cameras: [camera], time: arm.now))
        arm.session.receive(
            EpisodeState(
                isRecording: true, name: "cup-1", path: "", outcome: .open, startTime: arm.now, messages: 0, bytes: 0,
                missing: 0,
                time: arm.now))
        arm.run(100)
        for words in ["YOU have the arm", "goal 'cup' amber: camera moved 3 px right", "REC cup-1 0 s"] {
            #expect(screen().contains(words), "no '\(words)' in:\n\(screen())")
        }
        #expect(arm.session.lines(at: arm.now).count == 4 && arm.session.holder(at: arm.now) == .you)
        arm.run(1_500)
        // A state each time the arm has one: every 10 ms here.
        #expect(screen().contains("arm 100 Hz"), "\(screen())")
    }

    @Test func anotherOperatorIsNotTakenForOneself() throws {
        var arm = try SteeredArm()
        let other = ManualCommand(
            time: arm.now, isDeadManHeld: true, motion: .joints([0.1, 0, 0, 0, 0, 0]))
        for _ in 0..<10 {
            if let state = arm.robot.tick(other) { arm.session.receive(state, at: arm.now) }
        }
        #expect(arm.robot.mode == .manual && arm.session.holder(at: arm.now) == .another)
        #expect(arm.session.lines(at: arm.now).joined().contains("ANOTHER operator has the arm"))
    }

    // MARK: Whatever an operator does

    /// Random bytes of three devices, keys, losses: every command is finite and within speed; none is held that no
    /// switch, puck or key holds.
    @Test func noInputMakesAnImpossibleCommand() throws {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<12 {
            let isPuck = Bool.random(using: &chance)
            var arm = try SteeredArm(needsReports: isPuck)
            var (events, pad, puck) = (EventDecoder(), Gamepad(), SpaceMouseDecoder())
            // Without keys, a command is held by the device alone.
            let usesKeys = Bool.random(using: &chance)
            var isHeld = false
            for _ in 0..<400 {
                switch Int.random(in: 0..<8, using: &chance) {
                case 0 where !isPuck:
                    for reading in pad.receive(events.receive(Self.event(&chance))) {
                        arm.say(reading)
                        isHeld = reading.pressed.contains(.deadMan)
                    }
                case 1 where isPuck:
                    let numbers = (0..<6).map { _ in Int16.random(in: -500...500, using: &chance) }
                    var report: [UInt8] = [1]
                    for number in numbers {
                        report += [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
                    }
                    if let reading = puck.receive(report, at: arm.now) {
                        arm.say(reading)
                        isHeld = reading.pressed.contains(.deadMan)
                    }
                case 2 where usesKeys:
                    let signs = Array("twasdrfuiojkl123+-,.gh[]TxcbeY" as String)
                    arm.press(signs.randomElement(using: &chance) ?? " ")
                case 3 where Int.random(in: 0..<10, using: &chance) == 0:
                    arm.session.loseDevice("gone", at: arm.now)
                    isHeld = false
                default: break
                }
                arm.run(10 * Int.random(in: 1...5, using: &chance))
                for case let command? in arm.sent {
                    Self.expectPossible(command, seed)
                    if command.isDeadManHeld { #expect(isHeld || usesKeys, "seed \(seed)") }
                }
                arm.sent = []
            }
            arm.say(DeviceReading())
            arm.press(" ")
            arm.run(1_500)
            #expect(arm.isStill, "seed \(seed)")
        }
    }

    private static func event(_ chance: inout SeededGenerator) -> [UInt8] {
        let codes: [UInt16] = [RecordedBytes.deadManCode, 0x137, 0x13a, 0x13b, 0x13d, 0x13e, 0x13c]
        let one =
            Bool.random(using: &chance)
            ? RecordedBytes.axis(.random(in: 0...5, using: &chance), .random(in: -40_000...40_000, using: &chance))
            : RecordedBytes.button(
                Bool.random(using: &chance) ? RecordedBytes.deadManCode : codes.randomElement(using: &chance) ?? 0,
                Bool.random(using: &chance) ? 1 : 0)
        return one + (Int.random(in: 0..<20, using: &chance) == 0 ? RecordedBytes.dropped : []) + RecordedBytes.report
    }

    private static func expectPossible(_ command: ManualCommand, _ seed: UInt64) {
        switch command.motion {
        case .twist(let linear, let angular):
            // Half of 0.5 m/s and 2 rad/s is the highest speed.
            #expect(linear.length <= 0.25 + 1e-9 && angular.length <= 1 + 1e-9, "seed \(seed)")
        case .joints(let velocities): #expect(velocities.isFinite, "seed \(seed)")
        case .positions(let positions, let speed):
            #expect(positions.isFinite && (0...1).contains(speed), "seed \(seed)")
        }
        #expect(command.gripper.map { (0...1).contains($0) } ?? true, "seed \(seed)")
    }
}

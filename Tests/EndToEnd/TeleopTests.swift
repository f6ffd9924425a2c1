import Bus
import Foundation
import JSONTree
import Maths
import Messages
import TestSupport
import Testing
import Time
import Wire

/// A pipe in the file system that plays a device, held open by the test.
private final class DevicePipe {
    let path: String
    private var descriptor: Int32

    /// mkfifo(3).
    init() throws {
        path = try TemporaryFolder.make("device").appendingPathComponent("pipe").path
        guard mkfifo(path, 0o600) == 0 else { throw TimedOut(description: "mkfifo: errno \(errno)") }
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw TimedOut(description: "open: errno \(errno)") }
    }

    deinit {
        unplug()
        try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent)
    }

    func send(_ bytes: [UInt8]) { _ = write(descriptor, bytes, bytes.count) }

    func unplug() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    /// `struct input_event` and a report after it.
    func event(_ type: UInt8, _ code: UInt16, _ value: Int32) {
        let bits = UInt32(bitPattern: value)
        send(
            [UInt8](repeating: 0, count: 16) + [type, 0, UInt8(code & 0xff), UInt8(code >> 8)]
                + (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(8 * $0)) } + [UInt8](repeating: 0, count: 24))
    }
    func hold(_ button: UInt16, _ isHeld: Bool = true) { event(1, button, isHeld ? 1 : 0) }

    static let deadMan: UInt16 = 0x136
    static let emergencyStop: UInt16 = 0x131
}

extension EndToEnd {
    /// `octo-teleop` beside a run: pipes play its devices, emulated servos the leader arm.
    @Suite(.serialized) struct TeleopTests {
        private func teleop(_ pipeline: Pipeline, _ arguments: [String]) throws -> OperatorProgram {
            try OperatorProgram(arguments + ["--json", "--run", pipeline.folder.path], of: "octo-teleop")
        }

        private func message(_ state: JSONNode) -> String { state["message"]?.string ?? "" }

        @Test func keysFromAPipeMoveTheArmOfARunAndLetGo() throws {
            let pipeline = try Pipeline.quiet()
            let start = try #require(pipeline.armState)
            let teleop = try teleop(pipeline, ["--device", "keyboard"])
            try teleop.wait(for: "a first state") { _ in true }
            teleop.press("t")
            // Down: the replay's arm begins at the top of its reach.
            try pipeline.wait(for: "motion by hand") {
                teleop.press("f")
                return $0.armState.map { $0.baseFromEEF.translation.z < start.baseFromEEF.translation.z - 0.01 }
                    ?? false
            }
            #expect(pipeline.armState?.mode == .manual)
            try pipeline.wait(for: "its end") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            // A run without a recorder: said, not swallowed.
            teleop.press("n")
            try teleop.wait(for: "word of the recorder", limit: 10) { message($0).contains("no recorder") }
            let outcome = teleop.finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            _ = try pipeline.stop()
        }

        @Test func aGamepadMovesTheArmWhileItsSwitchIsHeld() throws {
            // On a busy machine its words come late.
            let (pipeline, pad) = (try Pipeline.quiet(["teleop.confirm_s=30"]), try DevicePipe())
            let start = try #require(pipeline.armState).measured.positions
            let teleop = try teleop(pipeline, ["--device", "gamepad:\(pad.path)"])
            try teleop.wait(for: "a first state") { _ in true }
            // A stick alone moves nothing.
            pad.event(3, 3, -32_768)
            try pipeline.letTick(100)
            #expect(pipeline.armState?.mode != .manual && pipeline.armState?.measured.positions == start)
            pad.hold(DevicePipe.deadMan)
            try pipeline.wait(for: "motion by hand") {
                $0.armState.map { $0.mode == .manual && ($0.measured.positions - start).magnitude > 0.05 } ?? false
            }
            pad.hold(DevicePipe.deadMan, false)
            try pipeline.wait(for: "its end") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            // Pulled out while it is held.
            pad.hold(DevicePipe.deadMan)
            try pipeline.wait(for: "motion by hand") { $0.armState?.mode == .manual }
            pad.unplug()
            try pipeline.wait(for: "the arm to hold") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            try teleop.wait(for: "the reason") { message($0).contains("is gone") }
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        /// Its radio link broke, or the stick is held still for long: both look the same.
        @Test func aGamepadThatSaysNothingBrakesTheArm() throws {
            let (pipeline, pad) = (try Pipeline.quiet(["teleop.confirm_s=0.3"]), try DevicePipe())
            let teleop = try teleop(pipeline, ["--device", "gamepad:\(pad.path)"])
            try teleop.wait(for: "a first state") { _ in true }
            pad.event(3, 3, -32_768)
            pad.hold(DevicePipe.deadMan)
            try teleop.wait(for: "the reason") {
                message($0).contains("said nothing") && $0["is_unconfirmed"]?.bool == true
            }
            // States from before the motion stand still too.
            try pipeline.letTick(50)
            try pipeline.wait(for: "the arm to stand still") { $0.armState?.setpoint.velocities.magnitude == 0 }
            let place = try #require(pipeline.armState).setpoint.positions
            try pipeline.letTick(100)
            #expect(pipeline.armState?.setpoint.positions == place && pipeline.armState?.mode == .manual)
            pad.hold(DevicePipe.deadMan, false)
            pad.hold(DevicePipe.deadMan)
            try pipeline.wait(for: "motion") {
                $0.armState.map { ($0.setpoint.positions - place).magnitude > 1e-3 } ?? false
            }
            teleop.press("q")
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        /// A stick that passes its middle does not give the arm back; the switch does.
        @Test func theSwitchKeepsTheArmFromThePolicy() throws {
            let (pipeline, pad) = (try Pipeline(), try DevicePipe())
            let events = try pipeline.bus.subscribe(Topics.event(of: "arm"))
            try pipeline.waitUntilMoving()
            let teleop = try teleop(pipeline, ["--device", "gamepad:\(pad.path)"])
            try teleop.wait(for: "the policy to be seen") { $0["controller"]?.string == "policy" }
            pad.hold(DevicePipe.deadMan)
            try pipeline.wait(for: "the arm in the operator's hands") {
                $0.armState.map { $0.mode == .manual && $0.setpoint.velocities.magnitude == 0 } ?? false
            }
            let held = try #require(pipeline.armState).setpoint.positions
            var others: [ArmMode] = []
            let begin = try #require(pipeline.armState).tick
            try pipeline.wait(for: "two seconds of it") {
                guard let state = $0.armState else { return false }
                if state.mode != .manual { others.append(state.mode) }
                return state.tick > begin + 200
            }
            #expect(others == [] && pipeline.armState?.setpoint.positions == held)
            try teleop.wait(for: "who has it") {
                $0["controller"]?.string == "you" && ($0["state_rate_hz"]?.double ?? 0) > 10
            }
            pad.hold(DevicePipe.deadMan, false)
            try pipeline.wait(for: "the policy to go on") { $0.isExecuting }
            var kinds: [RunEvent.Kind] = []
            try pipeline.wait(for: "the events") { _ in
                while let event = events.take() { kinds.append(event.message.kind) }
                return kinds.count >= 2
            }
            #expect(kinds == [.interventionBegan, .interventionEnded])
            teleop.press("q")
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func aPuckMovesTheArmUntilItFallsSilent() throws {
            let (pipeline, puck) = (try Pipeline.quiet(), try DevicePipe())
            let start = try #require(pipeline.armState).baseFromEEF.translation
            let teleop = try teleop(pipeline, ["--device", "spacemouse:\(puck.path)"])
            try teleop.wait(for: "a first state") { _ in true }
            // Pressed down: the replay's arm begins at the top of its reach.
            try pipeline.wait(for: "motion by hand") {
                puck.send([1, 0, 0, 0, 0, 0x5e, 0x01])
                return $0.armState.map { $0.mode == .manual && $0.baseFromEEF.translation.z < start.z - 0.01 } ?? false
            }
            try pipeline.wait(for: "its end") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            let rest = try #require(pipeline.armState).setpoint.positions
            puck.send([3, 4, 0])
            try pipeline.letTick(50)
            #expect(
                (try #require(pipeline.armState).setpoint.positions - rest).magnitude < 1e-3, "a button moves nothing")
            teleop.press("q")
            #expect(teleop.finish().exitCode == 0)
            // With a switch, a knock moves nothing.
            let careful = try self.teleop(pipeline, ["--device", "spacemouse:\(puck.path)", "--dead-man", "button"])
            try careful.wait(for: "a first state") { _ in true }
            for _ in 0..<20 {
                puck.send([1, 0, 0, 0, 0, 0x5e, 0x01])
                try pipeline.letTick(2)
            }
            #expect((try #require(pipeline.armState).setpoint.positions - rest).magnitude < 1e-3)
            puck.send([3, 1, 0])
            try pipeline.wait(for: "motion by hand") {
                puck.send([1, 0, 0, 0, 0, 0x5e, 0x01])
                return $0.armState.map { $0.mode == .manual && ($0.setpoint.positions - rest).magnitude > 0.02 }
                    ?? false
            }
            careful.press("q")
            #expect(careful.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func theEmergencyStopOfAPuckHoldsTheRun() throws {
            let (pipeline, puck) = (try Pipeline(), try DevicePipe())
            try pipeline.waitUntilMoving()
            let teleop = try teleop(pipeline, ["--device", "spacemouse:\(puck.path)"])
            try teleop.wait(for: "the policy to be seen") { $0["mode"]?.string == "executing" }
            puck.send([3, 2, 0])
            try pipeline.wait(for: "the emergency stop") {
                $0.armState?.mode == .holding(.emergencyStop) && $0.isAtRest
            }
            teleop.press("x")
            try pipeline.wait(for: "the reset") { $0.armState?.mode == .holding(.awaitingResume) }
            try pipeline.letTick(50)
            #expect(pipeline.armState?.mode == .holding(.awaitingResume), "the policy has not been told to go on")
            teleop.press("m")
            try pipeline.wait(for: "the policy to go on") { $0.isExecuting }
            teleop.press("q")
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func takingTheArmFromThePolicyIsAnEventOfTheRun() throws {
            let pipeline = try Pipeline()
            let events = try pipeline.bus.subscribe(Topics.event(of: "arm"))
            try pipeline.waitUntilMoving()
            let teleop = try teleop(pipeline, ["--device", "keyboard"])
            try teleop.wait(for: "the policy to be seen") { $0["mode"]?.string == "executing" }
            var kinds: [RunEvent.Kind] = []
            func listen() { while let event = events.take() { kinds.append(event.message.kind) } }
            try pipeline.wait(for: "motion by hand") {
                teleop.press("-")
                listen()
                return $0.armState?.mode == .manual
            }
            try pipeline.wait(for: "the policy to go on") { $0.isExecuting }
            teleop.press("e")
            try pipeline.wait(for: "the events") { _ in
                listen()
                return kinds.contains(.emergencyStop)
            }
            #expect(kinds == [.interventionBegan, .interventionEnded, .emergencyStop])
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        // MARK: A leader arm

        private func leader(_ servos: EmulatedServos, _ others: [String]) -> [String] {
            ["--device", "leader:\(servos.link)", "--leader-calibration", servos.arm.calibration] + others
        }

        /// The waist's servo stands at 2048 pulses at 0 rad, 4096 to a turn.
        private func waist(_ pulses: Int) -> Double { Double(pulses - 2_048) * 2 * .pi / 4_096 }

        @Test func aLeaderArmIsFollowedAndItsLossHolds() throws {
            let (pipeline, servos) = (try Pipeline.quiet(), try EmulatedServos())
            let teleop = try teleop(pipeline, leader(servos, ["--follow"]))
            try teleop.wait(for: "the leader to be followed") {
                $0["mode"]?.string == "manual" && $0["is_following"]?.bool == true
            }
            servos.say("turn 1 2262")
            try pipeline.wait(for: "the arm to follow") {
                $0.armState.map { abs($0.measured.positions[0] - self.waist(2_262)) < 0.02 } ?? false
            }
            #expect(try servos.goals().isEmpty, "the leader is only read")
            servos.say("unplug")
            try pipeline.wait(for: "the arm to hold") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            try teleop.wait(for: "the reason") { message($0).contains("leader") && $0["is_following"]?.bool == false }
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func aLeaderWithAnotherCalibrationIsRefusedWithItsJoint() throws {
            let (pipeline, servos) = (try Pipeline.quiet(), try EmulatedServos())
            let file = try TemporaryFolder.make("leader").appendingPathComponent("leader.json")
            defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
            // Ten degrees off.
            let text = try String(contentsOfFile: servos.arm.calibration, encoding: .utf8).replacingOccurrences(
                of: "\"id\": 4, \"shadow_ids\": [5], \"homing_offset_pulse\": 0",
                with: "\"id\": 4, \"shadow_ids\": [5], \"homing_offset_pulse\": 114")
            try text.write(to: file, atomically: false, encoding: .utf8)
            let outcome = try Program.run(
                "octo-teleop",
                [
                    "--device", "leader:\(servos.link)", "--leader-calibration", file.path, "--follow", "--json",
                    "--run", pipeline.folder.path,
                ])
            #expect(outcome.exitCode == 2, "\(outcome.errors)")
            #expect(outcome.errors.contains("servo 4 (elbow): homing offset is 0, expected 114"), "\(outcome.errors)")
            _ = try pipeline.stop()
        }

        /// As a wrist that is turned over the seam of its encoder.
        @Test func aLeaderOverTheSeamIsFollowedOn() throws {
            let (pipeline, servos) = (try Pipeline.quiet(), try EmulatedServos())
            let wrist = 5
            servos.say("turn 8 2048")
            let teleop = try teleop(pipeline, leader(servos, ["--follow", "--ramp"]))
            try teleop.wait(for: "the leader to be followed") {
                $0["mode"]?.string == "manual" && $0["is_following"]?.bool == true
            }
            for pulses in stride(from: 2_048, through: 4_060, by: 40) {
                servos.say("turn 8 \(pulses)")
                try pipeline.letTick(4)
            }
            try pipeline.wait(for: "the arm at the seam") {
                $0.armState.map { $0.measured.positions[wrist] > 3.0 } ?? false
            }
            var (lowest, end) = (Double.infinity, 0)
            for pulses in [4_090, 30, 60] {
                servos.say("turn 8 \(pulses)")
                try pipeline.letTick(20)
                lowest = min(lowest, pipeline.armState?.setpoint.positions[wrist] ?? 0)
                end = pulses
            }
            #expect(end == 60 && lowest > 3.0, "the arm stays at its limit: \(lowest)")
            teleop.press("q")
            #expect(teleop.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func aLeaderThatStandsElsewhereIsRefusedOrApproachedSlowly() throws {
            let (pipeline, servos) = (try Pipeline.quiet(), try EmulatedServos())
            let start = try #require(pipeline.armState).measured.positions
            servos.say("turn 1 2562")
            usleep(200_000)
            let refused = try teleop(pipeline, leader(servos, ["--follow"]))
            try refused.wait(for: "the refusal") { message($0).contains("waist") && message($0).contains("--ramp") }
            try pipeline.letTick(100)
            #expect((try #require(pipeline.armState).measured.positions - start).magnitude < 1e-3)
            #expect(refused.finish().exitCode == 0)
            let ramped = try teleop(pipeline, leader(servos, ["--follow", "--ramp"]))
            var highest = 0.0
            try pipeline.wait(for: "the arm to come") {
                // Within 3° of the leader the arm follows, as fast as that is moved.
                if let setpoint = $0.armState?.setpoint, abs(setpoint.positions[0] - self.waist(2_562)) > 0.1 {
                    highest = max(highest, abs(setpoint.velocities[0]))
                }
                return $0.armState.map { abs($0.measured.positions[0] - self.waist(2_562)) < 0.06 } ?? false
            }
            // A tenth of the joint's highest speed.
            #expect(highest > 0.1 && highest < 0.35, "\(highest) rad/s")
            // A leader that is followed needs no keyboard: without one, the program ends by a signal.
            ramped.signal(SIGTERM)
            #expect(ramped.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        // MARK: Goals

        @Test func aGoalIsTakenWithoutKeysAndNotTwice() throws {
            let library = try TemporaryFolder.make("goals")
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try Pipeline(
                [
                    "cameras.primary.pattern=image_0_000.png", "goal.library=\(library.path)",
                    "policy.require_goal=true",
                    #"teleop={"before_goal": {"open_gripper": true, "pose": "rest"}}"#,
                ])
            try pipeline.wait(for: "an arm and a goal node", limit: 60) {
                $0.armState != nil && $0.status["arm"]?.state == .ready && $0.status["goal"]?.state == .ready
            }
            let arguments = ["goal", "cup", "--now", "--device", "keyboard", "--run", pipeline.folder.path]
            let taken = try Program.run("octo-teleop", arguments)
            #expect(taken.exitCode == 0 && taken.output.contains(library.path), "\(taken.output)\(taken.errors)")
            #expect(FileManager.default.fileExists(atPath: library.appendingPathComponent("cup/goal.json").path))
            let again = try Program.run("octo-teleop", arguments)
            #expect(again.exitCode == 1 && again.errors.contains("cup"), "\(again.errors)")
            let replaced = try Program.run("octo-teleop", arguments + ["--replace", "--text", "the cup in the tray"])
            #expect(replaced.exitCode == 0, "\(replaced.errors)")
            let record = try JSONNode(parsing: Array(Data(contentsOf: library.appendingPathComponent("cup/goal.json"))))
            #expect(record["text"]?.string == "the cup in the tray", "\(record.text())")
            _ = try pipeline.stop()
        }

        @Test func aGoalIsTakenByKeysShownTakenAgainAndAccepted() throws {
            let library = try TemporaryFolder.make("goals")
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try Pipeline(["cameras.primary.pattern=image_0_000.png", "goal.library=\(library.path)"])
            try pipeline.waitUntilMoving()
            let terminal = try TestTerminal()
            defer { terminal.close() }
            let before = try terminal.settings()
            let process = try terminal.run(
                "octo-teleop", ["goal", "cup", "--device", "keyboard", "--run", pipeline.folder.path],
                environment: ["TERM": "xterm-256color", "NO_COLOR": ""])
            defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
            try terminal.wait(for: "the screen") { $0.contains("JOINT mode") && $0.contains(" Hz") }
            terminal.type("y")
            try terminal.wait(for: "a word that there is none yet") { $0.contains("no goal has been taken yet") }
            terminal.type("p")
            try terminal.wait(for: "the goal") { $0.contains("y accepts it") }
            let folder = library.appendingPathComponent("cup").path
            #expect(
                terminal.text.contains("goal in \(folder)") && terminal.text.contains("▀")
                    && terminal.text.contains("\u{1B}[38;2;"))
            terminal.type("p")
            try terminal.wait(for: "the goal taken again") {
                $0.components(separatedBy: "goal in \(folder)").count == 3
            }
            terminal.type("y")
            try terminal.wait(for: "the end") { _ in !process.isRunning }
            #expect(process.terminationStatus == 0, "\(terminal.text.suffix(500))")
            #expect(try terminal.settings() == before)
            #expect(FileManager.default.fileExists(atPath: folder + "/goal.json"))
            _ = try pipeline.stop()
        }

        // MARK: The command line

        @Test func devicesSaysWhatIsThere() throws {
            let outcome = try Program.run("octo-teleop", ["devices"])
            #expect(outcome.output.contains("keyboard"))
            #expect(outcome.exitCode == 0 || outcome.output.contains("may not be read"))
        }

        @Test(arguments: [
            (["--run", "/tmp/octo-none-such"], "octo-none-such"), (["--device", "wheel"], "octo-teleop devices"),
            (["--ramp"], "--device leader"),
            (["goal"], "name"), (["--device", "gamepad:"], "a path after the colon"),
            (["--device", "keyboard", "--dead-man", "button"], "SpaceMouse"),
            (["--device", "leader:/dev/null", "--leader-baud", "1"], "--leader-baud"),
        ])
        func whatCannotBeUsedIsSaid(arguments: [String], word: String) throws {
            let outcome = try Program.run("octo-teleop", arguments)
            #expect(outcome.exitCode == 2 && outcome.errors.contains(word), "\(outcome.errors)")
        }

        @Test func aDeviceThatIsNotThereIsSaid() throws {
            let pipeline = try Pipeline.quiet()
            for device in ["gamepad:/tmp/octo-none-such", "leader:/tmp/octo-none-such"] {
                let outcome = try Program.run("octo-teleop", ["--device", device, "--run", pipeline.folder.path])
                #expect(outcome.exitCode == 2 && outcome.errors.contains("/tmp/octo-none-such"), "\(outcome.errors)")
            }
            _ = try pipeline.stop()
        }

        @Test func helpTeachesKeysAndButtons() throws {
            let drive = try Program.run("octo-teleop", ["drive", "--help"])
            for words in ["EMERGENCY STOP", "left shoulder", "SpaceMouse", "Exit codes"] {
                #expect(drive.output.contains(words))
            }
            let goal = try Program.run("octo-teleop", ["goal", "--help"])
            #expect(goal.exitCode == 0 && goal.output.contains("before_goal"))
        }
    }
}

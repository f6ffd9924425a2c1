import CShims
import Foundation
import JSONTree
import Maths
import Messages
import TestSupport
import Testing
import Time

private func angle(_ state: JSONNode, _ joint: Int) -> Double { state["positions_rad"]?.array?[joint].double ?? .nan }
private func setpoint(_ state: JSONNode) -> [Double] { state["setpoint_rad"]?.array?.compactMap(\.double) ?? [] }

extension EndToEnd {
    /// Operators at a keyboard: in a run over the bus, and at servos that no run drives.
    @Suite(.serialized) struct JogTests {
        @Test func aKeyMovesAJointOfARunAndTheArmStopsAfterIt() throws {
            let pipeline = try Pipeline.quiet()
            let start = try #require(pipeline.armState).measured.positions
            let jog = try OperatorProgram(["jog", "--json", "--run", pipeline.folder.path])
            try jog.wait(for: "a first state") { _ in true }
            #expect(pipeline.armState?.mode != .manual)
            jog.press("1")
            // As a terminal repeats a key that is held down.
            try pipeline.wait(for: "motion by hand") {
                jog.press("+")
                return $0.armState.map { $0.measured.positions[0] > start[0] + 0.02 } ?? false
            }
            #expect(pipeline.armState?.mode == .manual)
            try pipeline.wait(for: "its end") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            let end = try #require(pipeline.armState).measured.positions
            #expect(end[0] > start[0] + 0.02)
            for joint in 1..<6 { #expect(abs(end[joint] - start[joint]) < 1e-3) }
            try pipeline.wait(for: "motion back") {
                jog.press("-")
                return $0.armState.map { $0.measured.positions[0] < end[0] - 0.02 } ?? false
            }
            jog.press("q")
            #expect(jog.finish().exitCode == 0)
            try pipeline.wait(for: "the arm to stand still") { $0.isAtRest }
            _ = try pipeline.stop()
        }

        @Test func aKeyTakesTheArmFromThePolicyOnlyWhileItIsHeld() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let jog = try OperatorProgram(["jog", "--json", "--run", pipeline.folder.path])
            try jog.wait(for: "the policy to be seen") { $0["mode"]?.string == "executing" }
            try pipeline.wait(for: "motion by hand") {
                jog.press("-")
                return $0.armState?.mode == .manual
            }
            try pipeline.wait(for: "the policy to go on") { $0.isExecuting }
            // The end of the keys is the end of the program.
            #expect(jog.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func theEmergencyStopKeyHoldsARunUntilItIsReset() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let jog = try OperatorProgram(["jog", "--json", "--run", pipeline.folder.path])
            try jog.wait(for: "the policy to be seen") { $0["mode"]?.string == "executing" }
            jog.press("e")
            try pipeline.wait(for: "the emergency stop") {
                $0.armState?.mode == .holding(.emergencyStop) && $0.isAtRest
            }
            jog.press("h")
            try jog.wait(for: "a refusal") { $0["message"]?.string?.contains("x resets it") ?? false }
            let held = try #require(pipeline.armState).setpoint.positions
            try pipeline.letTick(100)
            #expect(pipeline.armState?.setpoint.positions == held)
            // It outlives the program that asked for it.
            #expect(jog.finish().exitCode == 0)
            try pipeline.letTick(50)
            #expect(pipeline.armState?.mode == .holding(.emergencyStop))
            let again = try OperatorProgram(["jog", "--json", "--run", pipeline.folder.path])
            try again.wait(for: "a first state") { _ in true }
            again.press("x")
            try pipeline.wait(for: "the reset") { $0.armState?.mode == .holding(.awaitingResume) }
            try again.wait(for: "the way on") { $0["message"]?.string?.contains("m lets the policy") ?? false }
            again.press("m")
            try pipeline.wait(for: "the policy to go on") { $0.isExecuting }
            #expect(again.finish().exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func homeBringsTheArmOfARunToItsPoses() throws {
            let pipeline = try Pipeline.quiet()
            let folded = try Program.run(
                "octo-arm", ["home", "--pose", "rest", "--speed", "0.3", "--run", pipeline.folder.path])
            #expect(folded.exitCode == 0 && folded.output.contains("arrived at the rest pose"), "\(folded.errors)")
            try pipeline.wait(for: "the arm to be let go") { $0.armState?.mode == .holding(.released) && $0.isAtRest }
            let rest: JointVector = [0, -1.80, 1.55, 0, 0.80, 0]
            #expect((try #require(pipeline.armState).measured.positions - rest).magnitude < 0.05)
            // While it is stopped it does not go, and says what to do.
            #expect(try Program.run("octo-arm", ["stop", "--run", pipeline.folder.path]).exitCode == 0)
            let refused = try Program.run("octo-arm", ["home", "--json", "--run", pipeline.folder.path])
            #expect(refused.exitCode == 1 && refused.errors.contains("octo-arm reset"), "\(refused.errors)")
            let last = try JSONNode(parsing: Array(try #require(refused.output.split(separator: "\n").last).utf8))
            #expect(last["outcome"]?.string == "gave up")
            _ = try pipeline.stop()
        }

        @Test func aRunsArmIsNotDrivenBesideIt() throws {
            let base = try TemporaryFolder.make("base")
            defer { try? FileManager.default.removeItem(at: base) }
            let launcher = try RunningProgram(
                "octo-launch", [Pipeline.replayManifest, "--quiet", "--set", "record.enabled=false"],
                environment: ["OCTO_RUN_BASE": base.path])
            let description = base.appendingPathComponent("replay/run.json").path
            let deadline = MonotonicTime.now() + .seconds(20)
            while !FileManager.default.fileExists(atPath: description), MonotonicTime.now() < deadline {
                usleep(10_000)
            }
            let home = try Program.run(
                "octo-arm", ["home", "--manifest", Pipeline.replayManifest], environment: ["OCTO_RUN_BASE": base.path])
            #expect(home.exitCode == 2 && home.errors.contains("--run \(base.path)/replay"), "\(home.errors)")
            kill(launcher.process.processIdentifier, SIGTERM)
            #expect(launcher.waitForEnd(limit: 30).exitCode == 0)
        }

        // MARK: Servos without a run

        private func atServos(_ servos: EmulatedServos) -> [String] {
            ["--manifest", Pipeline.replayManifest] + servos.settings.flatMap { ["--set", $0] }
        }

        @Test(arguments: [EmulatedServos.Arm.widowX, .so101])
        func keysMoveServosInsideTheEnvelopeAndLetThemRest(arm: EmulatedServos.Arm) throws {
            let servos = try EmulatedServos(arm: arm)
            let jog = try OperatorProgram(["jog", "--json"] + atServos(servos))
            let first = try jog.wait(for: "a first state") { _ in true }
            jog.press("1]")
            try jog.wait(for: "the joint to have moved") {
                jog.press("+")
                return angle($0, 0) > angle(first, 0) + 0.03
            }
            let moved = try jog.wait(for: "the arm to hold") { $0["mode"]?.string == "holding" }
            // The servo of the first joint was told to go one way only.
            let id = 1
            let pulses = try servos.goals().filter { $0.id == id }.map(\.pulses)
            let steps = zip(pulses, pulses.dropFirst()).map { $1 - $0 }
            #expect(steps.contains { $0 > 0 } != steps.contains { $0 < 0 })
            // After that it is told the same over and over.
            let rested = setpoint(moved)
            let later = try jog.wait(for: "more states") { state in
                (state["time_ns"]?.int ?? 0) > (moved["time_ns"]?.int ?? 0) + 500_000_000
            }
            #expect(setpoint(later) == rested && later["is_moving"]?.bool == false)
            jog.press("eq")
            let outcome = jog.finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(jog.states.contains { $0["hold"]?.string?.contains("emergency stop") ?? false })
            let (goals, envelope) = (try servos.goals(), try ServoEnvelope(arm))
            envelope.expect(goals)
            #expect(Set(goals.map(\.id)).isSuperset(of: envelope.ids))
        }

        @Test func homeFoldsServosAndASecondProgramIsKeptAway() throws {
            let servos = try EmulatedServos()
            let first = try OperatorProgram(["home", "--json", "--pose", "rest", "--speed", "0.1"] + atServos(servos))
            try first.wait(for: "motion") { $0["mode"]?.string == "manual" }
            let second = try Program.run("octo-arm", ["home"] + atServos(servos))
            #expect(second.exitCode == 2 && second.errors.contains("drives it already"), "\(second.errors)")
            let outcome = first.finish(limit: 60)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(first.states.last?["outcome"]?.string == "arrived")
            let (goals, envelope) = (try servos.goals(), try ServoEnvelope(.widowX))
            envelope.expect(goals)
            // Shoulder: -1.8 rad from the middle, 4096 pulses to a turn.
            let shoulder = try #require(goals.last { $0.id == 2 }).pulses
            #expect(abs(shoulder - (2048 - 1173)) <= 2)
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
        func aSignalBrakesBeforeTheProgramEnds(signal: Int32) throws {
            let servos = try EmulatedServos()
            let home = try OperatorProgram(["home", "--json", "--pose", "rest", "--speed", "0.2"] + atServos(servos))
            let start = try home.wait(for: "a first state") { _ in true }
            try home.wait(for: "motion") { angle($0, 1) < angle(start, 1) - 0.1 }
            home.signal(signal)
            let outcome = home.finish()
            #expect(outcome.exitCode == 1 && outcome.errors.contains("interrupted"), "\(outcome.errors)")
            let (goals, envelope) = (try servos.goals(), try ServoEnvelope(.widowX))
            envelope.expect(goals)
            #expect(envelope.restingTicks(goals) >= 2, "it stood before the program ended")
            #expect(try #require(goals.last { $0.id == 2 }).pulses > 900, "it did not arrive")
        }

        @Test func anUnpluggedAdapterEndsTheWayHomeWithAReason() throws {
            let servos = try EmulatedServos()
            let home = try OperatorProgram(["home", "--json", "--pose", "rest", "--speed", "0.05"] + atServos(servos))
            try home.wait(for: "motion") { $0["mode"]?.string == "manual" }
            servos.say("unplug")
            let outcome = home.finish()
            #expect(
                outcome.exitCode == 1 && outcome.errors.contains("the servos cannot be driven"), "\(outcome.errors)")
        }

        // MARK: Terminals and the command line

        @Test(arguments: ["\u{3}", "q", "signal", "\u{1B}"])
        func theTerminalIsPutBack(end: String) throws {
            let terminal = try TestTerminal()
            defer { terminal.close() }
            let before = try terminal.settings()
            let process = try terminal.run("octo-arm", ["jog", "--manifest", Pipeline.replayManifest])
            defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
            try terminal.wait(for: "the screen") { $0.contains("JOINT mode") && $0.contains("1 waist") }
            #expect(try terminal.settings() != before, "keys are taken one by one")
            terminal.type("2")
            try terminal.wait(for: "motion to be shown") {
                terminal.type("\u{1B}[C")
                return $0.contains("moving shoulder +")
            }
            switch end {
            case "signal": kill(process.processIdentifier, SIGTERM)
            case "\u{1B}":
                terminal.type(end)
                try terminal.wait(for: "the emergency stop") { $0.contains("the arm holds: emergency stop") }
                terminal.type("q")
            default: terminal.type(end)
            }
            try terminal.wait(for: "the end") { _ in !process.isRunning }
            #expect(process.terminationStatus == 0)
            #expect(try terminal.settings() == before)
        }

        @Test(arguments: [
            (["jog", "--run", "/tmp/octo-none-such"], "octo-none-such"),
            (["home", "--manifest", "/tmp/octo-none-such.json"], "octo-none-such.json"),
            (["home", "--pose", "sideways"], "neutral"), (["home", "--speed", "2"], "--speed"),
            (["jog", "--run", "/tmp/a", "--manifest", "/tmp/b"], "--manifest"),
            (["jog", "--set", "arm.port=x"], "--manifest"),
        ])
        func whatCannotBeUsedIsSaid(arguments: [String], word: String) throws {
            let outcome = try Program.run("octo-arm", arguments)
            #expect(outcome.exitCode == 2 && outcome.errors.contains(word), "\(outcome.errors)")
        }

        @Test func helpTeachesTheKeys() throws {
            let jog = try Program.run("octo-arm", ["jog", "--help"])
            #expect(jog.exitCode == 0 && jog.output.contains("EMERGENCY STOP") && jog.output.contains("Exit codes"))
            let home = try Program.run("octo-arm", ["home", "--help"])
            #expect(home.exitCode == 0 && home.output.contains("--pose rest"))
        }
    }
}

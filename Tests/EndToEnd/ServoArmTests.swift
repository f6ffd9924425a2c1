import Foundation
import Maths
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// The whole pipeline on the real driver, over a serial line to emulated servos, and what goes wrong there.
    @Suite(.serialized) struct ServoArmTests {
        /// What the envelope promises, by what the servos were told.
        private func expectInsideTheEnvelope(
            _ goals: [EmulatedServos.Goal], sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            try ServoEnvelope(.widowX).expect(goals, sourceLocation: sourceLocation)
        }

        private func waitUntilExecuting(_ pipeline: Pipeline, _ what: String) throws {
            try pipeline.wait(for: what, limit: 30) { pipeline in
                if case .executing = pipeline.armState?.mode { pipeline.status["arm"]?.state == .ready } else { false }
            }
        }

        private func waitForFault(_ pipeline: Pipeline, containing words: String) throws {
            try pipeline.wait(for: "a fault that says '\(words)'") {
                $0.status["arm"].map { $0.state == .fault && $0.headline.contains(words) } ?? false
            }
            // Held, and no setpoint moves: what the arm was told last stays.
            try pipeline.wait(for: "the arm to stand still") { $0.armState?.setpoint.velocities.magnitude == 0 }
        }

        @Test func chunksMoveTheServosInsideTheEnvelope() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let begin = try #require(pipeline.armState).tick
            try pipeline.wait(for: "150 more ticks") { $0.armState.map { $0.tick > begin + 150 } ?? false }
            let state = try #require(pipeline.armState)
            #expect((state.measured.positions - state.setpoint.positions).magnitude < 0.3, "the servos follow")
            let (_, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0)
            let goals = try servos.goals()
            #expect(goals.count > 150 * 7 && Set(goals.map(\.id)).isSuperset(of: [1, 2, 4, 6, 7, 8, 9]))
            #expect(Set(goals.filter { $0.id == 2 }.map(\.pulses)).count > 10, "it moved")
            try expectInsideTheEnvelope(goals)
        }

        @Test(arguments: [0.01, 0.2])
        func damagedPacketsDoNotStopTheArm(probability: Double) throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("corrupt \(probability)")
            let begin = try #require(pipeline.armState).tick
            try pipeline.wait(for: "150 more ticks") { $0.armState.map { $0.tick > begin + 150 } ?? false }
            // A read may fail now and then: the arm holds for a moment and goes on.
            try waitUntilExecuting(pipeline, "motion in spite of damage")
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try expectInsideTheEnvelope(servos.goals())
        }

        @Test func anAdapterThatIsPulledOutAndPutBackGoesOnWithoutAJumpOnceAPersonSaysSo() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("unplug")
            try waitForFault(pipeline, containing: "the port failed")
            servos.say("replug")
            try pipeline.resetArm()
            try waitUntilExecuting(pipeline, "motion after the adapter is back")
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try expectInsideTheEnvelope(servos.goals())
        }

        @Test func aServoThatIsUnpluggedHoldsTheArmAndIsNamed() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("missing 6")
            try waitForFault(pipeline, containing: "servo 6 does not answer")
            servos.say("missing")
            try pipeline.resetArm()
            try waitUntilExecuting(pipeline, "motion after the servo is back")
            _ = try pipeline.stop()
            try expectInsideTheEnvelope(servos.goals())
        }

        @Test func aHardwareErrorHoldsTheArmAndIsNamed() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("error 4 32")
            try waitForFault(pipeline, containing: "servo 4 reports")
            _ = try pipeline.stop()
            try expectInsideTheEnvelope(servos.goals())
        }

        @Test func anArmNodeThatIsKilledComesBackFromWhereTheServosStand() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let victim = try pipeline.processID(of: "arm")
            #expect(kill(victim, SIGKILL) == 0)
            try pipeline.wait(for: "the arm node to come back", limit: 60) { pipeline in
                pipeline.status["arm"].map { $0.processID != victim && $0.state == .ready } ?? false
            }
            try pipeline.waitForMotion(in: "the new process")
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 1)
            try ServoEnvelope(.widowX).expectEveryTick(servos.goals(), isOneProcess: false)
        }

        @Test func whatIsWrongWithThePortOrTheServosIsSaidAtTheStart() throws {
            let servos = try EmulatedServos(["--fault", "missing 3"])
            let pipeline = try Pipeline(servos.settings)
            let outcome = pipeline.launcher.waitForEnd(limit: 60)
            #expect(outcome.exitCode == 3)
            #expect(outcome.errors.contains("found 1 2 4 5 6 7 8 9, expected 1 2 3 4 5 6 7 8 9"))
            let calibration = Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json").path
            let other = try Pipeline([
                #"arm={"driver": "dynamixel", "port": "/dev/ttyNone7", "calibration": "\#(calibration)"}"#
            ])
            let ended = other.launcher.waitForEnd(limit: 60)
            #expect(ended.exitCode == 3 && ended.errors.contains("/dev/ttyNone7: there is no such device"))
        }

        @Test func unknownFaultsAreRefused() throws {
            let outcome = try Program.run(
                "octo-arm", ["emulate", "--link", "/tmp/octo-no-link", "--fault", "explode 3"])
            #expect(outcome.exitCode == 2 && outcome.errors.contains("explode 3"))
            #expect(!FileManager.default.fileExists(atPath: "/tmp/octo-no-link"))
        }
    }
}

extension EndToEnd {
    @Suite(.serialized) struct OperatorTests {
        @Test func stopHoldsTheArmUntilItIsReset() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let stopped = try Program.run("octo-arm", ["stop", "--run", pipeline.folder.path])
            #expect(stopped.exitCode == 0 && stopped.output.contains("the arm holds"), "\(stopped.errors)")
            // Latched: chunks go on coming, the arm does not move.
            let count = pipeline.status["policy"]?.counters.first { $0.name == "chunks" }?.value ?? 0
            try pipeline.wait(for: "ten more chunks") {
                ($0.status["policy"]?.counters.first { $0.name == "chunks" }?.value ?? 0) > count + 10
            }
            #expect(pipeline.armState?.mode == .holding(.emergencyStop))
            #expect(pipeline.armState?.setpoint.velocities.magnitude == 0)
            let reset = try Program.run("octo-arm", ["reset", "--run", pipeline.folder.path])
            #expect(reset.exitCode == 0 && reset.output.contains("octo-arm resume"), "\(reset.output)\(reset.errors)")
            // Told once more, it is no other answer; and the policy waits until a person says that it may go on.
            let again = try Program.run("octo-arm", ["reset", "--run", pipeline.folder.path])
            #expect(again.exitCode == 0 && again.output.contains("is reset already"), "\(again.output)\(again.errors)")
            try pipeline.wait(for: "ten more chunks") {
                ($0.status["policy"]?.counters.first { $0.name == "chunks" }?.value ?? 0) > count + 25
            }
            #expect(pipeline.armState?.mode == .holding(.awaitingResume))
            let clear = try Program.run("octo-arm", ["clear", "--run", pipeline.folder.path])
            #expect(clear.exitCode == 0 && clear.output.contains("no fault"), "\(clear.output)\(clear.errors)")
            let resumed = try Program.run("octo-arm", ["resume", "--run", pipeline.folder.path])
            #expect(
                resumed.exitCode == 0 && resumed.output.contains("may move the arm again"),
                "\(resumed.output)\(resumed.errors)")
            try pipeline.wait(for: "motion on a fresh chunk") { pipeline in
                if case .executing = pipeline.armState?.mode { true } else { false }
            }
            let twice = try Program.run("octo-arm", ["resume", "--run", pipeline.folder.path])
            #expect(
                twice.exitCode == 0 && twice.output.contains("nothing keeps the policy"),
                "\(twice.output)\(twice.errors)")
            _ = try pipeline.stop()
        }

        @Test func thereHasToBeARun() throws {
            let outcome = try Program.run("octo-arm", ["stop", "--run", "/tmp/octo-none-such"])
            #expect(outcome.exitCode == 2 && outcome.errors.contains("/tmp/octo-none-such"))
        }
    }
}

import Foundation
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// A sample of the fault grid (ArmLoopTests) with real processes over a pseudo-terminal, judged by what the servos
    /// were told and not by when.
    @Suite(.serialized) struct ServoFaultGridTests {
        private func expectSound(_ servos: EmulatedServos, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let writes = try servos.motionWrites()
            #expect(!writes.isEmpty, sourceLocation: sourceLocation)
            let violations = try ServoEnvelope(servos.arm).violations(writes)
            #expect(
                violations.isEmpty, "\(violations.prefix(5).joined(separator: "\n"))", sourceLocation: sourceLocation)
        }

        private func waitForFault(_ pipeline: Pipeline, saying words: String) throws {
            try pipeline.wait(for: "a fault that says '\(words)'") {
                $0.status["arm"].map { $0.state == .fault && $0.headline.contains(words) } ?? false
            }
            try pipeline.wait(for: "the arm to stand still") { $0.isAtRest }
        }

        /// A hundred ticks in which chunks go on coming and nobody says anything.
        private func expectLatched(_ pipeline: Pipeline, _ servos: EmulatedServos) throws {
            let told = try servos.motionWrites().count
            try pipeline.letTick(100)
            #expect(!pipeline.isExecuting && pipeline.isAtRest, "\(String(describing: pipeline.armState?.mode))")
            #expect(try servos.motionWrites().count == told, "nothing is sent until somebody says go on")
        }

        private func reset(_ pipeline: Pipeline) throws {
            let outcome = try Program.run("octo-arm", ["reset", "--run", pipeline.folder.path])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }

        private func goOn(_ pipeline: Pipeline, _ servos: EmulatedServos) throws {
            try reset(pipeline)
            try pipeline.waitForMotion(in: "the arm after its reset")
            try pipeline.letTick(50)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try expectSound(servos)
        }

        /// Answers that come late from the first one on: the arm starts well, or does not and says why.
        @Test func aLineThatIsLateFromTheBeginningMovesNothingOnItsOwn() throws {
            let servos = try EmulatedServos(["--fault", "delay 0.006"], arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            let begin = try servos.motionWrites().count
            try pipeline.wait(for: "an arm that moves, or a reason", limit: 60) {
                $0.isExecuting || !$0.launcher.process.isRunning || $0.launcher.errors.contains("servo")
            }
            if !pipeline.isExecuting { print("refused: \(pipeline.launcher.errors.suffix(600))") }
            #expect(try servos.motionWrites().count >= begin)
            _ = pipeline.launcher.process.isRunning ? try? pipeline.stop() : nil
            let violations = try ServoEnvelope(.so101).violations(servos.motionWrites())
            #expect(violations.isEmpty, "\(violations.prefix(5).joined(separator: "\n"))")
        }

        @Test func anAdapterThatComesBackWithAMovedArmWaitsForAPerson() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("unplug")
            try waitForFault(pipeline, saying: "the port failed")
            // The power comes back without torque; a hand has moved a joint and the gripper.
            servos.say("replug\nturn 3 2400\nturn 6 2300")
            try expectLatched(pipeline, servos)
            try goOn(pipeline, servos)
        }

        @Test func aProcessThatSleptMovesOnFromWhereTheArmIs() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let arm = try pipeline.processID(of: "arm")
            for milliseconds in [50, 300, 1_500] {
                let overruns = pipeline.count("overruns", of: "arm")
                #expect(kill(arm, SIGSTOP) == 0)
                usleep(UInt32(milliseconds) * 1_000)
                #expect(kill(arm, SIGCONT) == 0)
                try pipeline.wait(for: "the count of missed ticks") { $0.count("overruns", of: "arm") > overruns }
                try pipeline.letTick(50)
            }
            if case .holding(.driverFault) = pipeline.armState?.mode { try reset(pipeline) }
            try pipeline.waitForMotion(in: "the arm after its sleep")
            #expect(try pipeline.processID(of: "arm") == arm)
            _ = try pipeline.stop()
            try expectSound(servos)
        }

        @Test func anErrorThatPassesLeavesTheTorqueOffUntilAPersonSaysGoOn() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("error 2 32")
            try waitForFault(pipeline, saying: "servo 2 reports")
            servos.say("error 2 0")
            try expectLatched(pipeline, servos)
            #expect(try servos.motionWrites().last { $0.id == 2 }?.torque != 1)
            try goOn(pipeline, servos)
        }

        @Test func aLineThatIsDeadForAMomentIsNamedAndGoesOnAfterAReset() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("drop 1")
            try waitForFault(pipeline, saying: "does not answer")
            servos.say("drop 0")
            try expectLatched(pipeline, servos)
            try goOn(pipeline, servos)
        }
    }
}

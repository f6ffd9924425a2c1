import Foundation
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// What a person stopped, or what a servo did that nobody may overlook, is not forgotten when octo-arm dies.
    @Suite(.serialized) struct LatchTests {
        /// Kills octo-arm, and waits until the supervisor has started it again.
        private func killArm(_ pipeline: Pipeline) throws {
            let victim = try pipeline.processID(of: "arm")
            #expect(kill(victim, SIGKILL) == 0)
            try pipeline.wait(for: "the arm's process to come back", limit: 60) { pipeline in
                guard let status = pipeline.status["arm"], status.processID != victim else { return false }
                return status.state == .degraded || status.state == .fault || status.state == .ready
            }
        }

        /// A hundred ticks, chunks coming all the time.
        private func expectHeld(_ reason: HoldReason, _ pipeline: Pipeline, _ servos: EmulatedServos) throws {
            try pipeline.wait(for: "the arm to say why it holds") { $0.armState?.mode == .holding(reason) }
            let begin = MonotonicTime.now()
            try pipeline.letTick(100)
            #expect(pipeline.armState?.mode == .holding(reason) && pipeline.isAtRest)
            #expect(try ServoEnvelope(servos.arm).movingTicks(servos.goals(), after: begin) == 0)
        }

        private func octoArm(_ command: String, _ pipeline: Pipeline) throws {
            let outcome = try Program.run("octo-arm", [command, "--run", pipeline.folder.path])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }

        @Test func anEmergencyStopOutlivesTheProcessThatWasStopped() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            try octoArm("stop", pipeline)
            try killArm(pipeline)
            try expectHeld(.emergencyStop, pipeline, servos)
            #expect(pipeline.status["arm"]?.headline.contains("octo-arm reset") ?? false)
            try octoArm("reset", pipeline)
            // The policy waits for a person, in the next process too.
            try killArm(pipeline)
            try expectHeld(.awaitingResume, pipeline, servos)
            #expect(pipeline.status["arm"]?.headline.contains("octo-arm resume") ?? false)
            try octoArm("resume", pipeline)
            try pipeline.waitForMotion(in: "the arm after its resume")
            // It was cleared for good.
            try killArm(pipeline)
            try pipeline.waitForMotion(in: "the next process")
            _ = try pipeline.stop()
        }

        @Test func torqueThatAnEmergencyStopSwitchedOffStaysOff() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings + ["arm.emergency_stop=torque_off"])
            try pipeline.waitUntilMoving()
            try octoArm("stop", pipeline)
            try pipeline.wait(for: "the servos to let go") {
                $0.status["arm"]?.headline.contains("without torque") ?? false
            }
            let before = try servos.motionWrites().count
            try killArm(pipeline)
            try expectHeld(.emergencyStop, pipeline, servos)
            #expect(try !servos.motionWrites().dropFirst(before).contains { $0.torque == 1 })
            try octoArm("reset", pipeline)
            try octoArm("resume", pipeline)
            try pipeline.waitForMotion(in: "the arm after its reset")
            _ = try pipeline.stop()
            let violations = try ServoEnvelope(servos.arm).violations(servos.motionWrites())
            #expect(violations.isEmpty, "\(violations.prefix(5).joined(separator: "\n"))")
        }

        @Test func aServoThatWasTooHotIsNotForgotten() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("heat 4 75")
            try pipeline.wait(for: "the heat to be named") {
                $0.status["arm"]?.headline.contains("elbow's servo is too hot") ?? false
            }
            servos.say("heat 4 30")
            try killArm(pipeline)
            try expectHeld(.overheated, pipeline, servos)
            #expect(pipeline.armState?.blamedJoint == 2)
            try octoArm("reset", pipeline)
            try pipeline.waitForMotion(in: "the arm after its reset")
            _ = try pipeline.stop()
        }
    }
}

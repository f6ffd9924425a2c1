import Foundation
import Maths
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// The whole pipeline on the Feetech driver, over a serial line to the emulated servos of an SO-101.
    @Suite(.serialized) struct FeetechArmTests {
        private func expectInsideTheEnvelope(
            _ servos: EmulatedServos, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            try ServoEnvelope(.so101).expect(servos.goals(), sourceLocation: sourceLocation)
        }

        /// Three reads may fail, then the arm brakes: few ticks, and as many again for a busy machine.
        private func expectHeldSoon(_ servos: EmulatedServos, after fault: MonotonicTime) throws {
            let moved = try ServoEnvelope(.so101).movingTicks(servos.goals(), after: fault)
            print("the arm moved for \(moved) ticks after the fault")
            #expect(moved <= 30)
        }

        private func waitForFault(_ pipeline: Pipeline, containing words: String) throws {
            try pipeline.wait(for: "a fault that says '\(words)'") {
                $0.status["arm"].map { $0.state == .fault && $0.headline.contains(words) } ?? false
            }
            try pipeline.wait(for: "the arm to stand still") { $0.isAtRest }
        }

        @Test func chunksMoveTheServosInsideTheEnvelope() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            try pipeline.letTick(150)
            let state = try #require(pipeline.armState)
            #expect((state.measured.positions - state.setpoint.positions).magnitude < 0.3, "the servos follow")
            let (_, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0)
            let (goals, envelope) = (try servos.goals(), try ServoEnvelope(.so101))
            #expect(goals.count > 150 * 6 && Set(goals.map(\.id)) == envelope.ids)
            #expect(Set(goals.filter { $0.id == 2 }.map(\.pulses)).count > 10, "it moved")
            envelope.expectEveryTick(goals)
        }

        @Test(arguments: [0.01, 0.2])
        func damagedPacketsDoNotStopTheArm(probability: Double) throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("corrupt \(probability)")
            try pipeline.letTick(150)
            // A read may fail now and then: the arm holds for a moment and goes on.
            try pipeline.wait(for: "motion in spite of damage") { $0.isExecuting }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try expectInsideTheEnvelope(servos)
        }

        @Test func anAdapterThatIsPulledOutAndPutBackGoesOnWithoutAJumpOnceAPersonSaysSo() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            servos.say("unplug")
            try waitForFault(pipeline, containing: "the port failed")
            servos.say("replug")
            try pipeline.resetArm()
            try pipeline.wait(for: "motion after the adapter is back") { $0.isExecuting }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try expectInsideTheEnvelope(servos)
        }

        @Test func aServoThatIsUnpluggedHoldsTheArmAndIsNamed() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let begin = MonotonicTime.now()
            servos.say("missing 3")
            try waitForFault(pipeline, containing: "servo 3 does not answer")
            try expectHeldSoon(servos, after: begin)
            servos.say("missing")
            try pipeline.resetArm()
            try pipeline.wait(for: "motion after the servo is back") { $0.isExecuting }
            _ = try pipeline.stop()
            try expectInsideTheEnvelope(servos)
        }

        @Test func aHardwareErrorHoldsTheArmAndIsNamed() throws {
            let servos = try EmulatedServos(arm: .so101)
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let begin = MonotonicTime.now()
            servos.say("error 4 32")
            try waitForFault(pipeline, containing: "servo 4 reports")
            try pipeline.letTick(50)
            try expectHeldSoon(servos, after: begin)
            let (summary, _) = try pipeline.stop()
            try ServoEnvelope(.so101).expectEveryTick(servos.goals(), summary: summary)
        }

        /// These servos have no watchdog: they stay on the last goal, and the next process begins where they stand.
        @Test func anArmNodeThatIsKilledComesBackFromWhereTheServosStand() throws {
            let servos = try EmulatedServos(arm: .so101)
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
            try ServoEnvelope(.so101).expectEveryTick(servos.goals(), isOneProcess: false)
        }
    }
}

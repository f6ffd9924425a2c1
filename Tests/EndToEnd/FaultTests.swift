import Foundation
import Maths
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// Each node is killed in turn: the arm holds, the node comes back, motion resumes on a fresh chunk.
    @Suite(.serialized) struct FaultTests {
        private static let watchdog = Duration.milliseconds(600)

        @Test(arguments: ["policy", "camera-primary"])
        func theArmHoldsWhileItsInputIsDeadAndMovesAgainOnAFreshChunk(node: String) throws {
            // A back-off longer than the watchdog: the arm has to hold before the node is back.
            let pipeline = try Pipeline(["supervision.backoff_s=2", "supervision.backoff_max_s=2"])
            try pipeline.waitUntilMoving()
            let victim = try pipeline.processID(of: node)
            let before = try #require(pipeline.armState)
            #expect(kill(victim, SIGKILL) == 0)
            let killed = MonotonicTime.now()

            try pipeline.wait(for: "the arm to hold") { pipeline in
                if case .holding = pipeline.armState?.mode { true } else { false }
            }
            // By the stamps of the control loop: the last chunk may have been under way when the node died, a camera's
            // last frame feeds the policy for up to max_frame_age, and holding is seen at the state rate.
            let held = try #require(pipeline.armState).measured.time
            #expect(held - killed < Self.watchdog + .milliseconds(500) + .seconds(1))
            try pipeline.wait(for: "the arm to stand still") { $0.armState?.setpoint.velocities.magnitude == 0 }

            try pipeline.wait(for: "\(node) to come back", limit: 60) { pipeline in
                pipeline.status[node].map { $0.processID != victim && $0.state == .ready } ?? false
            }
            try pipeline.wait(for: "motion on a fresh chunk", limit: 30) { pipeline in
                if case .executing = pipeline.armState?.mode { true } else { false }
            }
            #expect(try #require(pipeline.armState).tick > before.tick)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0)
            #expect(restarts(in: summary) == 1)
        }

        @Test func theGoalComesBackLatchedWhenTheGoalManagerIsKilled() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let victim = try pipeline.processID(of: "goal")
            #expect(kill(victim, SIGKILL) == 0)
            try pipeline.wait(for: "the goal manager to come back", limit: 60) { pipeline in
                pipeline.status["goal"].map { $0.processID != victim && $0.state == .ready } ?? false
            }
            try pipeline.wait(for: "the arm to execute a chunk") { pipeline in
                if case .executing = pipeline.armState?.mode { pipeline.isReady } else { false }
            }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0)
            #expect(restarts(in: summary) == 1)
        }

        @Test func theArmIsWhereItWasWhenItsDriverIsKilledAndHoldsUntilAFreshChunk() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let victim = try pipeline.processID(of: "arm")
            var last = try #require(pipeline.armState)
            #expect(kill(victim, SIGKILL) == 0)
            var firstAfter: ArmState?
            try pipeline.wait(for: "the arm node to come back", limit: 60) { pipeline in
                if let state = pipeline.armState {
                    // Ticks start from 0 in the new process.
                    if state.tick >= last.tick {
                        last = state
                    } else if firstAfter == nil {
                        firstAfter = state
                    }
                }
                return firstAfter != nil
            }
            // The servos stayed where they were: at most what the lag let them move after the last published state.
            let after = try #require(firstAfter)
            #expect((after.measured.positions - last.measured.positions).magnitude < 0.2)
            try pipeline.wait(for: "motion on a fresh chunk", limit: 30) { pipeline in
                if case .executing = pipeline.armState?.mode {
                    pipeline.status["arm"]?.processID != victim
                } else {
                    false
                }
            }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0)
            #expect(restarts(in: summary) == 1)
        }
    }
}

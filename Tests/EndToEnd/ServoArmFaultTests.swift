import Foundation
import Maths
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// What goes wrong around a servo arm, judged by what its servos were told.
    @Suite(.serialized) struct ServoArmFaultTests {
        /// Ticks that watchdog, braking and what was under way may take together, and as many again for a busy machine.
        private static let ticksToHold = 70

        @Test func aFloodOfWrongChunksNeitherMovesTheArmOutsideItsEnvelopeNorEndsIt() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let arm = try pipeline.processID(of: "arm")
            let flood = try BusFlood(pipeline.run, seed: SeededGenerator.freshSeed())
            for round in 0..<200 {
                try flood.sendMalformed()
                try flood.sendUnacceptable()
                if round % 4 == 0 { try flood.sendExcessive(dimension: 7) }
                // As fast as the arm's node can take it; what finds its queue full is lost.
                if round % 10 == 9 { try pipeline.letTick(2) }
            }
            print("\(flood.sent) messages sent")
            #expect(flood.sent > 3_500)
            try pipeline.wait(for: "the count of what was refused") {
                $0.count("rejected_chunks", of: "arm") > 100 && $0.count("bus_malformed", of: "arm") > 100
            }
            try waitForTheOwnPolicy(pipeline, flood)
            try pipeline.letTick(50)
            #expect(try pipeline.processID(of: "arm") == arm)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try ServoEnvelope(.widowX).expectEveryTick(servos.goals(), summary: summary)
        }

        private func waitForTheOwnPolicy(_ pipeline: Pipeline, _ flood: BusFlood) throws {
            try pipeline.wait(for: "motion on the policy's own chunks") { pipeline in
                guard case .executing(let chunkID, _) = pipeline.armState?.mode else { return false }
                return pipeline.isExecuting && !flood.isOwn(chunkID)
            }
        }

        @Test func chunksOfAnotherRateDoNotOccupyTheArm() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let flood = try BusFlood(pipeline.run, seed: SeededGenerator.freshSeed())
            for _ in 0..<40 {
                try flood.sendSlow()
                try pipeline.letTick(2)
            }
            try waitForTheOwnPolicy(pipeline, flood)
            try pipeline.letTick(50)
            try waitForTheOwnPolicy(pipeline, flood)
            try pipeline.wait(for: "the count of what was refused") { $0.count("rejected_chunks", of: "arm") > 0 }
            let (summary, _) = try pipeline.stop()
            try ServoEnvelope(.widowX).expectEveryTick(servos.goals(), summary: summary)
        }

        @Test func aFrozenCameraHoldsTheArm() throws {
            let servos = try EmulatedServos()
            let programs = try FrozenCamera.Programs()
            let pipeline = try Pipeline(servos.settings, environment: ["OCTO_BIN_DIR": programs.folder.path])
            let camera = try FrozenCamera(pipeline, programs)
            try pipeline.wait(for: "the arm to execute a chunk", limit: 60) { pipeline in
                try camera.keepUp()
                return pipeline.isReady && pipeline.isExecuting
            }
            camera.isFrozen = true
            let frozen = MonotonicTime.now()
            try pipeline.wait(for: "the arm to stand still") { pipeline in
                try camera.keepUp()
                return pipeline.isAtRest
            }
            // The frames go on, all with one stamp: nothing moves by them.
            let (shown, tick) = (camera.published, try #require(pipeline.armState).tick)
            try pipeline.wait(for: "ten more frames, and as many ticks as show it") { pipeline in
                try camera.keepUp()
                return camera.published > shown + 10 && pipeline.armState.map { $0.tick > tick + 100 } ?? false
            }
            #expect(pipeline.isAtRest)
            let envelope = try ServoEnvelope(.widowX)
            let held = try servos.goals()
            // The last frame feeds the policy for another half second, 25 ticks.
            let moved = envelope.movingTicks(held, after: frozen)
            print("the arm moved for \(moved) ticks after the camera froze")
            #expect(moved <= Self.ticksToHold + 25)
            #expect(envelope.restingTicks(held) > 90)
            camera.isFrozen = false
            try pipeline.wait(for: "motion on fresh frames") { pipeline in
                try camera.keepUp()
                return pipeline.isExecuting
            }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            try envelope.expectEveryTick(servos.goals())
        }

        @Test func aPolicyThatIsKilledHoldsTheArmWithinSomeTicksAndItGoesOnWithoutAJump() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(
                servos.settings + ["supervision.backoff_s=4", "supervision.backoff_max_s=4"])
            try pipeline.waitUntilMoving()
            let victim = try pipeline.processID(of: "policy")
            #expect(kill(victim, SIGKILL) == 0)
            let killed = MonotonicTime.now()
            try pipeline.wait(for: "the arm to stand still") { $0.isAtRest }
            try pipeline.letTick(50)
            #expect(pipeline.isAtRest)
            let envelope = try ServoEnvelope(.widowX)
            let held = try servos.goals()
            let moved = envelope.movingTicks(held, after: killed)
            print("the arm moved for \(moved) ticks after the policy was killed")
            #expect(moved <= Self.ticksToHold)
            #expect(envelope.restingTicks(held) > 40)
            try pipeline.wait(for: "the policy to come back", limit: 60) { pipeline in
                pipeline.status["policy"].map { $0.processID != victim && $0.state == .ready } ?? false
            }
            try pipeline.wait(for: "motion on a fresh chunk") { $0.isExecuting }
            try pipeline.letTick(50)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 1)
            try envelope.expectEveryTick(servos.goals())
        }

        @Test func aBusyMachineMakesTheLoopLateAndNothingElse() throws {
            let servos = try EmulatedServos()
            let pipeline = try Pipeline(servos.settings)
            try pipeline.waitUntilMoving()
            let arm = try pipeline.processID(of: "arm")
            let load = try (0..<2).map { _ in
                try RunningProgram(executable: "/bin/sh", ["-c", "while :; do :; done"])
            }
            try pipeline.letTick(200)
            // Ticks that are missed for certain: the loop sleeps through more than ten.
            let overruns = pipeline.count("overruns", of: "arm")
            #expect(kill(arm, SIGSTOP) == 0)
            usleep(300_000)
            #expect(kill(arm, SIGCONT) == 0)
            try pipeline.wait(for: "the count of missed ticks") { $0.count("overruns", of: "arm") > overruns + 5 }
            try pipeline.letTick(50)
            for program in load { kill(program.process.processIdentifier, SIGKILL) }
            try pipeline.wait(for: "motion after the load") { $0.isExecuting }
            #expect(try pipeline.processID(of: "arm") == arm)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0)
            let pauses = try #require(summary["control_loop"]?["pauses"]?.int)
            print("\(pauses) pauses")
            #expect(pauses > 0)
            // While it slept the servos have come to rest on their last goals: it goes on from there, from a
            // standstill.
            try ServoEnvelope(.widowX).expectEveryTick(servos.goals(), pauses: Int(pauses))
        }
    }
}

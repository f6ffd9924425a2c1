import Messages
import Policy
import TestSupport
import Testing
import Time

/// When the policy ticks, and what becomes of the network's answers.
@Suite struct PolicyNodeCoreTests {
    @Test func doesNotTickBeforeEveryCameraHasDelivered() {
        var scene = PolicyScene(cameras: ["primary", "wrist"])
        scene.core.receive(scene.frame(1, captured: .zero), at: .zero + .milliseconds(3))
        #expect(scene.core.nextTick == nil)
        #expect(scene.core.obstacle == .noFrameYet(camera: "primary"))
        scene.core.receive(scene.frame(2, camera: "wrist", captured: .milliseconds(4)), at: .zero + .milliseconds(7))
        #expect(scene.core.nextTick == MonotonicTime.zero + .milliseconds(27))
    }

    @Test func ticksAtThePolicyRateWhetherOrNotTheNetworkIsBusy() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        let first = try #require(request(in: try scene.step(1)))
        #expect(first.observation.timestepPadMask == [false, true])
        let start = first.observation.time
        for index in 1...3 {
            let seen = try #require(observation(in: try scene.step(UInt8(index + 1))))
            #expect(seen.time == start + PolicyScene.period * index)
            #expect(seen.tick == UInt64(index))
            #expect(seen.timestepPadMask == [true, true])
        }
        #expect(scene.core.isInferring)
        // Three followed; one waits, two were overtaken by it.
        #expect(scene.core.counters.overtaken == 2)
        let (chunk, next) = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([1, 2]), at: start + .milliseconds(650))
        #expect(chunk?.observationTime == start)
        #expect(next?.observation.tick == 3)
    }

    @Test func aMissedTickStartsTheHistoryAnew() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        let due = try #require(scene.core.nextTick)
        scene.core.receive(scene.frame(2, captured: (due - MonotonicTime.zero) - .milliseconds(5)), at: due)
        // The node was busy for two periods: the ticks between are lost.
        let late = try #require(observation(in: scene.core.tick(at: due + .milliseconds(410))))
        #expect(late.timestepPadMask == [true, true])
        #expect(scene.core.counters.missedTicks == 2)
        let next = try #require(observation(in: try scene.step(3)))
        #expect(next.timestepPadMask == [false, true])
    }

    @Test func anEmptyOrRaggedChunkIsAFailure() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        for actions: [Float] in [[], [1, 2, 3]] {
            let request = try #require(request(in: try scene.step(1)))
            let outcome = scene.core.inferenceFinished(
                Result<[Float], NetworkFailure>.success(actions), at: request.observation.time)
            #expect(outcome.publish == nil)
        }
        #expect(scene.core.counters.failedInferences == 2)
    }

    @Test func theChunkCarriesWhatReproducesIt() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        let request = try #require(request(in: try scene.step(1)))
        let finished = request.observation.time + .milliseconds(40)
        let (published, _) = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([1, 2, 3, 4]), at: finished)
        let chunk = try #require(published)
        #expect(chunk.actions == [1, 2, 3, 4])
        #expect(chunk.actionHorizon == 2)
        #expect(chunk.noiseSeed == 7)
        #expect(chunk.noiseCounter == request.observation.tick)
        #expect(chunk.goalID == "goal")
        #expect(!scene.core.isInferring)
        #expect(chunk.stepDuration == PolicyScene.period)
        #expect(scene.core.frameToChunk.count == 1)
    }

    @Test func aFailedOrInfiniteInferenceMakesNoChunkAndIsCounted() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        let request = try #require(request(in: try scene.step(1)))
        let failed = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.failure(NetworkFailure()), at: request.observation.time)
        #expect(failed.publish == nil)
        _ = try scene.step(2)
        let infinite = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([.infinity, 0]), at: request.observation.time)
        #expect(infinite.publish == nil)
        #expect(scene.core.counters.failedInferences == 2)
        #expect(scene.core.counters.chunks == 0)
    }

    @Test func sameEventsGiveTheSameRequests() throws {
        let seed = SeededGenerator.freshSeed()
        func run() throws -> [String] {
            var random = SeededGenerator(seed: seed)
            var scene = PolicyScene(requiresGoal: false)
            var log: [String] = []
            var now = MonotonicTime.zero
            for index in 0..<300 {
                now += .milliseconds(Int.random(in: 1...90, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: scene.core.receive(scene.frame(UInt8(index % 250), captured: now - .zero), at: now)
                case 1: scene.core.receive(scene.goal("g\(index)", value: UInt8(index % 250)))
                case 2:
                    let outcome = scene.core.inferenceFinished(
                        Result<[Float], NetworkFailure>.success([Float(index), 0]), at: now)
                    log.append("\(String(describing: outcome.publish))")
                default:
                    if let due = scene.core.nextTick, due <= now { log.append("\(scene.core.tick(at: now))") }
                }
            }
            return log.map { $0.replacing(/0x[0-9a-f]+/, with: "") }
        }
        let first = try run()
        #expect(first.count > 50)
        #expect(try run() == first, "seed \(seed)")
    }
}

import OctoModel
import TestSupport
import Testing

/// Several runs with one copy of the weights: each gets, bit for bit, what it would get alone.
@Suite struct FastBatchTests {
    private struct Robot {
        let shared: FastNetwork
        let alone: FastNetwork
        var scene: Scene
        var sharedTask: FastTask
        var aloneTask: FastTask
        let timesteps: Int

        init(_ shared: FastNetwork, _ alone: FastNetwork, seed: UInt64, timesteps: Int) throws {
            self.shared = shared
            self.alone = alone
            self.timesteps = timesteps
            scene = Scene(shared.description, seed: seed)
            let task = scene.task()
            (sharedTask, aloneTask) = (try shared.prepare(task), try alone.prepare(task))
            scene.step()
        }

        mutating func takeTask() throws {
            let task = scene.task()
            (sharedTask, aloneTask) = (try shared.prepare(task), try alone.prepare(task))
        }
    }

    @Test(arguments: 0..<12)
    func eachRunOfABatchIsWhatItIsAlone(round: Int) throws {
        let seed = SeededGenerator.freshSeed("\(#function) \(round)")
        var random = SeededGenerator(seed: seed)
        var variation = Checkpoint.RandomVariation()
        variation.readoutTokens = Int.random(in: 1...4, using: &random)
        variation.usesAttentionPooling = Bool.random(using: &random)
        variation.addsPatchedWrist = Bool.random(using: &random)
        variation.lowdim = Bool.random(using: &random) ? .allCases.randomElement(using: &random) : nil
        if round >= 6 { variation.head = .allCases.randomElement(using: &random) ?? .diffusion }
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: random.next(), variation: variation)
        let threads = Int.random(in: 1...3, using: &random)
        let first = try FastNetwork(checkpoint, team: WorkerTeam(threads: threads))
        var robots: [Robot] = []
        for index in 0..<Int.random(in: 1...8, using: &random) {
            let shared = index == 0 ? first : first.sharingWeights()
            #expect(shared.sharesWeights(with: first))
            robots.append(
                try Robot(
                    shared, FastNetwork(checkpoint, team: WorkerTeam(threads: threads)), seed: random.next(),
                    timesteps: Int.random(in: 1...3, using: &random)))
        }
        for counter in 0..<6 {
            // Some sit a pass out.
            let chosen = robots.indices.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
            var runs: [FastNetwork.Run] = []
            var expected: [[Float]] = []
            var windows: [ObservationInput] = []
            for index in chosen {
                if Int.random(in: 0..<4, using: &random) == 0 { try robots[index].takeTask() }
                robots[index].scene.step()
                let window = robots[index].scene.window(timesteps: robots[index].timesteps)
                let noise = first.makeNoise(seed: UInt64(index), counter: UInt64(counter))
                runs.append(
                    .init(
                        network: robots[index].shared, observation: window, task: robots[index].sharedTask,
                        noise: noise))
                expected.append(try robots[index].alone.infer(window, task: robots[index].aloneTask, noise: noise))
                windows.append(window)
            }
            let results = FastNetwork.infer(batch: runs)
            #expect(results.count == runs.count, "seed \(seed)")
            for (result, expected) in zip(results, expected) {
                #expect(try result.get() == expected, "seed \(seed), call \(counter)")
            }
            for (index, window) in zip(chosen, windows) where Bool.random(using: &random) {
                guard let older = window.withoutOldest else { continue }
                try robots[index].shared.anticipate(older, task: robots[index].sharedTask)
            }
        }
    }

    @Test func aRunThatCannotBeLeavesTheOthers() throws {
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: 5)
        let first = try FastNetwork(checkpoint, team: WorkerTeam(threads: 1))
        let second = first.sharingWeights()
        let foreign = try FastNetwork(checkpoint, team: WorkerTeam(threads: 1))
        var scene = Scene(first.description, seed: 1)
        let (task, strange) = (try first.prepare(scene.task()), try foreign.prepare(scene.task()))
        scene.step()
        let window = scene.window(timesteps: 2)
        let noise = first.makeNoise(seed: 1, counter: 0)
        let expected = try first.sharingWeights().infer(window, task: task, noise: noise)
        let results = FastNetwork.infer(batch: [
            .init(network: first, observation: window, task: strange, noise: noise),
            .init(network: second, observation: window, task: task, noise: noise),
        ])
        #expect(throws: InferenceError.taskOfAnotherNetwork) { try results[0].get() }
        #expect(try results[1].get() == expected)
    }

    @Test func runsOfOneNetworkAndOfOthersArePassesOfTheirOwn() throws {
        let (one, other) = (
            try FastNetwork(Checkpoint.random(shape: .tiny, seed: 5), team: WorkerTeam(threads: 1)),
            try FastNetwork(Checkpoint.random(shape: .tiny, seed: 6), team: WorkerTeam(threads: 1))
        )
        #expect(!one.sharesWeights(with: other))
        var scene = Scene(one.description, seed: 2)
        let input = scene.task()
        let tasks = (try one.prepare(input), try other.prepare(input))
        scene.step()
        let window = scene.window(timesteps: 2)
        let noises = (0..<3).map { one.makeNoise(seed: 3, counter: UInt64($0)) }
        let results = FastNetwork.infer(batch: [
            .init(network: one, observation: window, task: tasks.0, noise: noises[0]),
            .init(network: other, observation: window, task: tasks.1, noise: noises[1]),
            .init(network: one, observation: window, task: tasks.0, noise: noises[2]),
        ])
        #expect(try results[0].get() == one.infer(window, task: tasks.0, noise: noises[0]))
        #expect(try results[1].get() == other.infer(window, task: tasks.1, noise: noises[1]))
        #expect(try results[2].get() == one.infer(window, task: tasks.0, noise: noises[2]))
    }
}

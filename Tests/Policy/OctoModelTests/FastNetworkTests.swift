import CAllocationCount
import OctoModel
import TestSupport
import Testing

/// The fast path against the plain one, which the recorded cases hold to the official code.
@Suite struct FastNetworkTests {
    /// Rounding of logits, which are a plain product of the readout.
    private static let tolerance: Float = 1e-3
    /// Rounding alone, some hundred additions deep.
    private static let readoutTolerance: Float = 2e-5

    @Test(arguments: 0..<20)
    func anySequenceOfWindowsGivesWhatThePlainNetworkGives(round: Int) throws {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed("\(#function) \(round)"))
        var variation = Checkpoint.RandomVariation()
        variation.usesCorrectAttention = round % 2 == 0
        variation.repeatsTaskTokens = Bool.random(using: &random)
        variation.readoutTokens = Int.random(in: 1...4, using: &random)
        variation.otherReadoutTokens = [nil, 1, 3].randomElement(using: &random) ?? nil
        variation.usesAttentionPooling = Bool.random(using: &random)
        variation.addsPatchedWrist = Bool.random(using: &random)
        variation.normalization = Bool.random(using: &random) ? .standard : .imageNet
        variation.lowdim = Bool.random(using: &random) ? .allCases.randomElement(using: &random) : nil
        variation.putsLowdimFirst = Bool.random(using: &random)
        // The first rounds for what released models have.
        if round >= 8 { variation.head = .allCases.randomElement(using: &random) ?? .diffusion }
        try check(variation, calls: 14, &random)
    }

    /// Those that the plain layers compute too, and beside them a camera with a stem.
    @Test(
        arguments: Checkpoint.RandomVariation.Encoder.allCases,
        [(nil, false), (3, false), (nil, true), (2, true)] as [(Int?, Bool)])
    func everyEncoderGivesWhatThePlainNetworkGives(
        encoder: Checkpoint.RandomVariation.Encoder, other: (learnedTokens: Int?, usesFilm: Bool)
    ) throws {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed("\(#function) \(encoder) \(other)"))
        var variation = Checkpoint.RandomVariation()
        variation.encoder = encoder
        variation.learnedTokens = other.learnedTokens
        variation.usesFilm = other.usesFilm
        variation.addsPatchedWrist = Bool.random(using: &random)
        try check(variation, calls: 6, &random)
    }

    private func check(
        _ variation: Checkpoint.RandomVariation, calls: Int, _ random: inout SeededGenerator
    ) throws {
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: random.next(), variation: variation)
        let plain = try OctoNetwork(checkpoint)
        let fast = try FastNetwork(checkpoint, team: WorkerTeam(threads: Int.random(in: 1...3, using: &random)))
        var scene = Scene(plain.description, seed: random.next())

        var task = scene.task()
        var (plainTask, fastTask) = (try plain.prepare(task), try fast.prepare(task))
        for call in 0..<calls {
            if Int.random(in: 0..<5, using: &random) == 0 {
                task = scene.task()
                (plainTask, fastTask) = (try plain.prepare(task), try fast.prepare(task))
            }
            scene.step()
            let window = scene.window(timesteps: Int.random(in: 1...4, using: &random))
            // Right or wrong, what was anticipated must not change the result.
            if Bool.random(using: &random) {
                try fast.anticipate(scene.window(timesteps: Int.random(in: 1...3, using: &random)), task: fastTask)
            }
            let noise = plain.makeNoise(seed: random.seed, counter: UInt64(call))
            let dimension = Int.random(in: 5...7, using: &random)
            let (plainLayers, fastLayers) = (ActivationRecorder(), ActivationRecorder())
            let expected = try plain.infer(
                window, task: plainTask, noise: noise, embodimentDimension: dimension, recorder: plainLayers)
            let actual = try fast.infer(
                window, task: fastTask, noise: noise, embodimentDimension: dimension, recorder: fastLayers)
            let error: Float
            var allowed = Self.tolerance
            if let logits = plainLayers.activations["out.head.logits"] {
                // Where two bins are as likely as each other, rounding chooses between them.
                error = largestDifference(logits.values, fastLayers.activations["out.head.logits"]?.values ?? [])
                #expect(actual.count == expected.count && actual.allSatisfy(\.isFinite))
            } else if let plainReadout = plainLayers.activations["out.readout"]?.values,
                let readout = fastLayers.activations["out.readout"]?.values
            {
                let off = largestDifference(Array(plainReadout.suffix(readout.count)), readout)
                #expect(off <= Self.readoutTolerance, "readout of call \(call), seed \(random.seed), \(variation)")
                // A head of random weights multiplies what is off in its tokens by thirty or by a thousand: by how much
                // is measured. What both make of the same tokens may differ as if these had been rounded.
                func act(_ tokens: [Float]) throws -> [Float] {
                    try plain.act(on: tokens, noise: noise, embodimentDimension: dimension)
                }
                let same = try act(readout)
                let moved = try (0..<3).map { _ in
                    largestDifference(same, try act(readout.map { $0 + (Bool.random(using: &random) ? 1e-6 : -1e-6) }))
                }
                allowed = 1e-4 + 10 * (moved.max() ?? 0)
                error = largestDifference(same, actual)
            } else {
                error = largestDifference(expected, actual)
            }
            #expect(error <= allowed, "call \(call), seed \(random.seed), \(variation)")
        }
    }

    /// Masked tokens count in such a head's mean, so that the plain network has to do the work.
    @Test(arguments: ["obs", "obs_primary", "obs_proprio", "obs_task_language"], [false, true])
    func headsThatReadObservationTokensGoThroughThePlainNetwork(source: String, pools: Bool) throws {
        var variation = Checkpoint.RandomVariation()
        (variation.headSource, variation.usesAttentionPooling, variation.lowdim) = (source, pools, .normalBins)
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: 5, variation: variation)
        let plain = try OctoNetwork(checkpoint)
        let fast = try FastNetwork(checkpoint, precision: .bfloat16, team: WorkerTeam(threads: 1))
        #expect(fast.isDelegating && fast.precision == .float32)
        var scene = Scene(plain.description, seed: 3)
        let task = scene.task()
        let (plainTask, fastTask) = (try plain.prepare(task), try fast.prepare(task))
        for counter: UInt64 in 0..<3 {
            scene.step()
            let window = scene.window(timesteps: 2)
            let noise = plain.makeNoise(seed: 1, counter: counter)
            #expect(
                try fast.infer(window, task: fastTask, noise: noise)
                    == plain.infer(window, task: plainTask, noise: noise))
            try fast.anticipate(#require(window.withoutOldest), task: fastTask)
        }
    }

    @Test func whatIsAnticipatedChangesNoBit() throws {
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: 5)
        let (ahead, late) = (try Self.network(checkpoint), try Self.network(checkpoint))
        var scene = Scene(ahead.description, seed: 7)
        let task = scene.task()
        let (aheadTask, lateTask) = (try ahead.prepare(task), try late.prepare(task))
        for counter in 0..<5 {
            scene.step()
            let window = scene.window(timesteps: 3)
            let noise = ahead.makeNoise(seed: 1, counter: UInt64(counter))
            let expected = try late.infer(window, task: lateTask, noise: noise)
            #expect(try ahead.infer(window, task: aheadTask, noise: noise) == expected)
            try ahead.anticipate(#require(window.withoutOldest), task: aheadTask)
        }
    }

    @Test(arguments: [2, 3, 5])
    func theNumberOfThreadsChangesNoBit(threads: Int) throws {
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: 5)
        let (one, many) = (try Self.network(checkpoint), try Self.network(checkpoint, threads: threads))
        var scene = Scene(one.description, seed: 11)
        let task = scene.task()
        scene.step()
        let noise = one.makeNoise(seed: 1, counter: 0)
        let window = scene.window(timesteps: 2)
        let expected = try one.infer(window, task: one.prepare(task), noise: noise)
        #expect(try many.infer(window, task: many.prepare(task), noise: noise) == expected)
    }

    @Test func anInferenceMakesNoAllocation() throws {
        let network = try Self.network(Checkpoint.random(shape: .tiny, seed: 5), threads: 2)
        var scene = Scene(network.description, seed: 3)
        let task = try network.prepare(scene.task())
        let noise = network.makeNoise(seed: 1, counter: 0)
        var windows: [ObservationInput] = []
        for _ in 0..<12 {
            scene.step()
            windows.append(scene.window(timesteps: 2))
        }
        let older = try windows.map { try #require($0.withoutOldest) }
        let chunk = UnsafeMutableBufferPointer<Float>.allocate(capacity: 28)
        defer { chunk.deallocate() }
        // Which cameras there are decides the plan of a timestep: each is made when it is met first.
        func run() throws {
            for (window, older) in zip(windows, older) {
                try network.infer(window, task: task, noise: noise, into: chunk)
                try network.anticipate(older, task: task)
            }
        }
        try run()
        let before = octo_thread_allocation_count()
        try run()
        #expect(octo_thread_allocation_count() == before)
    }

    @Test func aTaskOfAnotherNetworkIsRefused() throws {
        let checkpoint = try Checkpoint.random(shape: .tiny, seed: 5)
        let (one, other) = (try Self.network(checkpoint), try Self.network(checkpoint))
        var scene = Scene(one.description, seed: 1)
        let foreign = try other.prepare(scene.task())
        scene.step()
        let window = scene.window(timesteps: 2)
        #expect(throws: InferenceError.taskOfAnotherNetwork) {
            try one.infer(window, task: foreign, noise: one.makeNoise(seed: 1, counter: 0))
        }
    }

    private static func network(_ checkpoint: Checkpoint, threads: Int = 1) throws -> FastNetwork {
        try FastNetwork(checkpoint, team: WorkerTeam(threads: threads))
    }
}

import Foundation
import OctoModel
import TestSupport
import Testing

/// What distinguishes the heads from each other, on models with random parameters and on recorded ones.
@Suite struct ActionHeadTests {
    private static func network(_ change: (inout Checkpoint.RandomVariation) -> Void) throws -> OctoNetwork {
        var variation = Checkpoint.RandomVariation()
        change(&variation)
        return try OctoNetwork(.random(shape: .tiny, seed: 21, variation: variation))
    }

    private static func window(_ model: ModelDescription, seed: UInt64 = 1) -> ObservationInput {
        var random = SeededGenerator(seed: seed)
        var images: [String: [UInt8]] = [:]
        for camera in model.cameras {
            images[camera.key] = (0..<2 * camera.width * camera.height * 3).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
        }
        var lowdim: [String: [Float]] = [:]
        for key in model.lowdimKeys {
            lowdim[key.name] = (0..<2 * key.dimension).map { _ in Float.random(in: -2...2, using: &random) }
        }
        return ObservationInput(images: images, timestepPadMask: [true, true], lowdim: lowdim)
    }

    private static func chunk(_ network: OctoNetwork, _ window: ObservationInput, counter: UInt64 = 0) throws -> [Float]
    {
        try network.infer(
            window, task: network.prepare(TaskInput()), noise: network.makeNoise(seed: 1, counter: counter))
    }

    /// - Returns: whether the newest image of a camera that is marked as missing changes the chunk.
    private static func seesMissingCamera(_ network: OctoNetwork) throws -> Bool {
        var window = window(network.description)
        let camera = try #require(network.description.cameras.first)
        window.padMasks = [camera.key: [true, false]]
        let before = try chunk(network, window)
        let bytes = camera.width * camera.height * 3
        window.images[camera.key]?.replaceSubrange(bytes..<2 * bytes, with: repeatElement(255, count: bytes))
        return try chunk(network, window) != before
    }

    @Test func aMeanOverObservationTokensTakesInMaskedOnesAndAttentionDoesNot() throws {
        for head in [Checkpoint.RandomVariation.Head.continuous, .diffusion] {
            #expect(try Self.seesMissingCamera(Self.network { ($0.head, $0.headSource) = (head, "obs") }))
            #expect(try Self.seesMissingCamera(Self.network { ($0.head, $0.headSource) = (head, "obs_primary") }))
            #expect(try !Self.seesMissingCamera(Self.network { $0.head = head }))
            func pooled(hasOther: Bool) throws -> OctoNetwork {
                try Self.network {
                    ($0.head, $0.headSource, $0.usesAttentionPooling) = (head, "obs", true)
                    $0.addsPatchedWrist = hasOther
                }
            }
            #expect(try !Self.seesMissingCamera(pooled(hasOther: true)))
            // Attention with nothing else to look at spreads evenly over what is masked.
            #expect(try Self.seesMissingCamera(pooled(hasOther: false)))
        }
    }

    @Test func theNameOfTheSourceIsDescribed() throws {
        #expect(try Self.network { $0.headSource = "obs" }.description.headSource == "obs")
        #expect(try Self.network { $0.headSource = "obs_task_language" }.description.headSource == "obs_task_language")
        #expect(try Self.network { _ in }.description.headSource == "readout_action")
    }

    @Test func continuousActionsNeedNoNoiseAndStayWithinTheLargest() throws {
        let network = try Self.network { $0.head = .continuous }
        let window = Self.window(network.description)
        let chunk = try Self.chunk(network, window)
        #expect(chunk.count == 28 && chunk.allSatisfy { abs($0) < 5 } && Set(chunk).count > 20)
        #expect(try Self.chunk(network, window, counter: 9) == chunk)
        #expect(network.makeNoise(seed: 1, counter: 1) == DiffusionNoise(initial: [], steps: []))
        #expect(network.description.diffusionSteps == 0)
        let task = try network.prepare(TaskInput())
        #expect(throws: InferenceError.self) {
            try network.infer(window, task: task, noise: DiffusionNoise(initial: [1], steps: []))
        }
    }

    @Test(
        arguments: [Checkpoint.RandomVariation.Head.discrete, .discretePerAction, .discretePerNumber], [false, true])
    func discreteActionsAreTheMiddlesOfTheLikeliestBins(head: Checkpoint.RandomVariation.Head, pools: Bool) throws {
        let network = try Self.network { ($0.head, $0.usesAttentionPooling) = (head, pools) }
        let recorder = ActivationRecorder()
        let window = Self.window(network.description)
        let chunk = try network.infer(
            window, task: network.prepare(TaskInput()), noise: network.makeNoise(seed: 1, counter: 0),
            recorder: recorder)
        let logits = try #require(recorder.activations["out.head.logits"])
        #expect(logits.shape == [4, 7, 16])
        let bins = BinTokenizer(.init(count: 16, kind: .normal))
        for index in 0..<28 {
            let row = part(index, of: logits.values, size: 16)
            let best = try #require(row.firstIndex(of: row.max() ?? 0))
            #expect(chunk[index] == bins.center(of: best))
        }
        // Readout tokens of a random model are nearly the same: their likeliest bins may be, their logits are not.
        #expect(Set((0..<28).map { part($0, of: logits.values, size: 16) }).count == 28)
    }

    // MARK: - Numbers that are none

    /// Parameters so large that finite inputs overflow, but finite: checks of the file do not notice.
    private static func overflowing(_ folder: String, _ parameter: String) throws -> CheckpointCopy {
        let copy = try CheckpointCopy(of: GoldenCase(folder: folder))
        let file = try #require(
            FileManager.default.enumerator(at: copy.folder, includingPropertiesForKeys: nil)?
                .compactMap { $0 as? URL }.first { $0.lastPathComponent == "checkpoint" })
        var bytes = try Data(contentsOf: file)
        let old = try #require(FlaxArchive(bytes, file: "checkpoint").floats(parameter))
        let place = try #require(bytes.range(of: old.withUnsafeBytes { Data($0) }))
        bytes.replaceSubrange(place, with: old.map { $0 < 0 ? -3e38 : Float(3e38) }.withUnsafeBytes { Data($0) })
        try bytes.write(to: file)
        return copy
    }

    @Test(arguments: [
        ("case5_proprio_l1", "heads_action/mean_proj/kernel"),
        ("case8_discrete_bins", "heads_action/vocab_proj/kernel"),
        ("case1_primary_goal_w1", "heads_action/diffusion_model/reverse_network/Dense_0/kernel"),
        ("case9_diffusion_masked_dims", "heads_action/map_head/MlpBlock_0/Dense_1/kernel"),
    ])
    func anOverflowingHeadGivesAnErrorAndNoChunk(folder: String, parameter: String) throws {
        let copy = try Self.overflowing(folder, parameter)
        let checkpoint = try Checkpoint(folder: copy.folder.path)
        let plain = try OctoNetwork(checkpoint)
        let fast = try FastNetwork(checkpoint, team: WorkerTeam(threads: 1))
        let window = Self.window(plain.description)
        let noise = plain.makeNoise(seed: 1, counter: 0)
        let (plainTask, fastTask) = (try plain.prepare(TaskInput()), try fast.prepare(TaskInput()))
        #expect(throws: InferenceError.outputNotFinite) { try plain.infer(window, task: plainTask, noise: noise) }
        #expect(throws: InferenceError.outputNotFinite) { try fast.infer(window, task: fastTask, noise: noise) }
        #expect("\(InferenceError.outputNotFinite)".contains("no action is given out"))
    }

    // MARK: - Numbers of the observation

    @Test(arguments: Checkpoint.RandomVariation.Lowdim.allCases)
    func everyNumberMattersUnlessItsTimestepIsPadded(lowdim: Checkpoint.RandomVariation.Lowdim) throws {
        let network = try Self.network { ($0.head, $0.lowdim) = (.continuous, lowdim) }
        var window = Self.window(network.description)
        let reference = try Self.chunk(network, window)
        for index in 0..<10 {
            var changed = window
            // Far enough for another bin.
            changed.lowdim["proprio"]?[index] += window.lowdim["proprio"]?[index] ?? 0 > 0 ? -1.5 : 1.5
            #expect(try Self.chunk(network, changed) != reference, "number \(index)")
        }
        window.timestepPadMask = [false, true]
        let padded = try Self.chunk(network, window)
        window.lowdim["proprio"]?[2] = 0.1
        #expect(try Self.chunk(network, window) == padded)
        // The official code has a pad mask for every key, and reads none of these.
        window.padMasks = ["proprio": [true, false]]
        #expect(try Self.chunk(network, window) == padded)
    }

    @Test func unusableNumbersAreRefused() throws {
        let plain = try Self.network { $0.lowdim = .numbers }
        let fast = try FastNetwork(
            .random(
                shape: .tiny, seed: 21,
                variation: {
                    var v = Checkpoint.RandomVariation()
                    v.lowdim = .numbers
                    return v
                }()),
            team: WorkerTeam(threads: 1))
        func expect(_ error: InferenceError, _ change: (inout ObservationInput) -> Void) throws {
            var window = Self.window(plain.description)
            change(&window)
            #expect(throws: error) { try Self.chunk(plain, window) }
            #expect(throws: error) {
                try fast.infer(window, task: fast.prepare(TaskInput()), noise: fast.makeNoise(seed: 1, counter: 0))
            }
        }
        for wrong in [Float.nan, .infinity, -.infinity] {
            try expect(.notFinite(key: "proprio")) { $0.lowdim["proprio"]?[7] = wrong }
        }
        try expect(.missingNumbers(key: "proprio", given: [])) { $0.lowdim = [:] }
        try expect(.wrongNumberCount(key: "proprio", count: 9, expected: [2, 5])) {
            _ = $0.lowdim["proprio"]?.removeLast()
        }
        try expect(.unexpectedNumbers(key: "torque", known: ["proprio"])) { $0.lowdim["torque"] = [] }
        #expect("\(InferenceError.notFinite(key: "proprio"))".contains("'proprio'"))
        #expect("\(InferenceError.missingNumbers(key: "a", given: ["b"]))".contains("[b]"))
        #expect("\(InferenceError.wrongNumberCount(key: "a", count: 3, expected: [2, 5]))".contains("[2, 5]"))
        #expect("\(InferenceError.unexpectedNumbers(key: "a", known: ["b"]))".contains("Leave them out"))
    }

    @Test func theRecordedModelsSayWhichNumbersTheyRead() throws {
        let model = try GoldenCase(folder: "case5_proprio_l1").checkpoint().description
        #expect(model.lowdimKeys.map(\.name) == ["proprio"] && model.lowdimKeys.map(\.dimension) == [8])
        #expect(model.headName == "L1ActionHead" && model.usesAttentionPooling && model.diffusionSteps == 0)
        #expect(model.tokenizers.map(\.name) == ["primary", "proprio", "language"])
        #expect(model.tokenizers.map(\.encoder) == ["SmallStem16", "numbers", "T5"])
        #expect(try GoldenCase(folder: "case8_discrete_bins").checkpoint().description.tokenizers[1].encoder == "bins")
    }
}

@Suite struct BinTokenizerTests {
    @Test(arguments: [
        ("uniform", ModelConfiguration.Bins(count: 16, kind: .uniform(low: -2, high: 2))),
        ("uniform01", ModelConfiguration.Bins(count: 256, kind: .uniform(low: 0, high: 1))),
        ("normal", ModelConfiguration.Bins(count: 16, kind: .normal)),
        ("normal256", ModelConfiguration.Bins(count: 256, kind: .normal)),
    ])
    func agreesWithTheOfficialBins(name: String, configuration: ModelConfiguration.Bins) throws {
        let recorded = try SafetensorsFile(path: Fixture.url("octo/units/units.safetensors").path)
        let bins = BinTokenizer(configuration)
        #expect(try largestDifference(bins.thresholds, recorded.floats("bins.\(name).thresholds")) < 1e-6)
        let ids = try recorded.floats("bins.\(name).in").map { Int32(bins.bin(of: $0)) }
        #expect(try ids == recorded.int32("bins.\(name).ids"))
        let centers = (0..<bins.count).map { bins.center(of: $0) }
        #expect(try largestDifference(centers, recorded.floats("bins.\(name).decode_all")) < 1e-6)
    }

    @Test func numbersBeyondNormalBinsFallIntoTheFirst() {
        let bins = BinTokenizer(.init(count: 16, kind: .normal))
        for number: Float in [-9, 9, 4.76, .greatestFiniteMagnitude] { #expect(bins.bin(of: number) == 0) }
        #expect(bins.bin(of: 0) == 8 && bins.bin(of: -1e-30) == 7)
        #expect(
            bins.bin(of: 4.7) == 15 && bins.bin(of: bins.thresholds[15]) == 15 && bins.bin(of: bins.thresholds[0]) == 0)
    }

    @Test func numbersBeyondUniformBinsFallIntoTheOutermost() {
        let bins = BinTokenizer(.init(count: 8, kind: .uniform(low: -1, high: 3)))
        #expect(bins.bin(of: -1e9) == 0 && bins.bin(of: 1e9) == 7 && bins.bin(of: 3) == 7 && bins.bin(of: -1) == 0)
        for bin in 0..<8 { #expect(bins.bin(of: bins.center(of: bin)) == bin) }
    }

    @Test func endsCloserThanTheirMarginDoNotTrap() {
        let bins = BinTokenizer(.init(count: 4, kind: .uniform(low: 0, high: 1e-7)))
        for number: Float in [-1, 0, 1] { #expect((0..<4).contains(bins.bin(of: number))) }
    }

    /// Known values of the normal distribution, and its symmetry.
    @Test func normalQuantilesAreExact() {
        #expect(abs(BinTokenizer.normalQuantile(0.975) - 1.959_964) < 1e-6)
        #expect(BinTokenizer.normalQuantile(0.5) == 0)
        #expect(abs(BinTokenizer.normalQuantile(1e-6) + 4.753_424) < 1e-6)
        for p: Float in [0.25, 0.125, 0.0625] {
            #expect(BinTokenizer.normalQuantile(p) == -BinTokenizer.normalQuantile(1 - p))
        }
    }
}

@Suite struct ProprioStatisticsTests {
    @Test func agreesWithTheOfficialWrapper() throws {
        let recorded = try SafetensorsFile(path: Fixture.url("octo/wrappers/wrappers.safetensors").path)
        func floats(_ name: String) throws -> [Float] { try recorded.doubles(name).map { Float($0) } }
        let statistics = ProprioStatistics(
            mean: try floats("in.proprio.mean"), std: try floats("in.proprio.std"),
            mask: try recorded.uint8("in.proprio.mask").map { $0 != 0 })
        #expect(statistics.std.contains(0) && statistics.mask.contains(false))
        let normalised = statistics.normalise(try floats("in.proprio"))
        let expected = try floats("out.proprio_normalized")
        #expect(normalised.count == expected.count && normalised.count == 21)
        // A std of 0 makes numbers of 1e8 out of differences that float32 knows to seven digits.
        for (ours, theirs) in zip(normalised, expected) { #expect(abs(ours - theirs) <= 2e-6 * max(1, abs(theirs))) }
    }

    @Test func checkpointsSayHowProprioceptionWasNormalised() throws {
        let flat = try GoldenCase(folder: "case5_proprio_l1").checkpoint()
        #expect(try flat.proprioStatistics(dataset: nil)?.dimension == 8)
        let nested = try GoldenCase(folder: "case8_discrete_bins").checkpoint()
        #expect(try nested.proprioStatistics(dataset: "bridge_dataset")?.mask == [Bool](repeating: true, count: 8))
        #expect(throws: CheckpointError.self) { try nested.proprioStatistics(dataset: "none") }
    }

    @Test func brokenProprioceptionIsAnErrorOnlyWhenItIsAskedFor() throws {
        let copy = try CheckpointCopy(of: GoldenCase(folder: "case8_discrete_bins"))
        try copy.edit("dataset_statistics.json", "\"proprio\": {", "\"proprio\": {\"mask\": [true], ")
        let checkpoint = try Checkpoint(folder: copy.folder.path)
        _ = try checkpoint.actionStatistics(dataset: "bridge_dataset")
        #expect(throws: CheckpointError.self) { try checkpoint.proprioStatistics(dataset: "bridge_dataset") }
    }
}

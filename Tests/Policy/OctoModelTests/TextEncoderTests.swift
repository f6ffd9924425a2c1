import OctoModel
import Synchronization
import TestSupport
import Testing

/// T5 is read only when a text has to be understood, and nothing of it is kept.
@Suite struct TextEncoderTests {
    /// Counts what is read out of a recorded module.
    private final class CountingSource: ParameterSource {
        let module: RecordedModule
        let wholeReads = Mutex<[String]>([])
        let rowReads = Mutex<[String]>([])

        init(_ module: RecordedModule) { self.module = module }

        var file: String { module.file }
        var names: [String] { module.names }
        func shape(of name: String, askedFor shape: [Int]?) -> [Int]? { module.shape(of: name, askedFor: shape) }
        func floats(_ name: String, shape: [Int]) -> [Float]? {
            wholeReads.withLock { $0.append(name) }
            return module.floats(name, shape: shape)
        }
        func rows(_ indices: [Int], of name: String, shape: [Int]) -> [Float]? {
            rowReads.withLock { $0.append(name) }
            return module.rows(indices, of: name, shape: shape)
        }
    }

    @Test func makingAnEncoderReadsNothing() throws {
        let source = CountingSource(try RecordedModule("t5_relu"))
        var reader = ParameterReader(source, copies: true)
        let encoder = reader.t5("m")
        #expect(reader.problems == [])
        #expect(source.wholeReads.withLock { $0.isEmpty } && source.rowReads.withLock { $0.isEmpty })
        let first = encoder([1, 0], attentionMask: [1, 0])
        #expect(encoder([1, 0], attentionMask: [1, 0]) == first)
        // Of the embedding, rows alone; everything else once for each text.
        #expect(source.rowReads.withLock { $0 } == ["m/shared/embedding", "m/shared/embedding"])
        let reads = source.wholeReads.withLock { $0 }
        #expect(Set(reads) == Set(source.names).subtracting(["m/shared/embedding"]))
        #expect(reads.count == 2 * Set(reads).count)
    }

    @Test func aMissingBlockIsNoticedBeforeAnyText() throws {
        let reader = ParameterReader(try RecordedModule("t5_relu"), copies: true)
        var wrong = reader
        _ = wrong.t5("m/nothing")
        #expect(!wrong.problems.isEmpty)
        #expect(wrong.problems.allSatisfy { $0.found == .nothing })
    }

    /// Tokens that are masked for everyone do not reach the chunk, not even its last bit: with either attention rule,
    /// padded or not.
    @Test(arguments: ["case1_primary_goal_w1", "case6_wrist_goal_missing", "case7_octo10_attention"])
    func aTextThatIsNotThereChangesNoBit(folder: String) throws {
        let golden = GoldenCase(folder: folder)
        let network = try golden.network()
        let recorded = try golden.recorded()
        var images: [String: [UInt8]] = [:]
        for camera in network.description.cameras { images[camera.key] = try recorded.uint8("in.obs.\(camera.key)") }
        let timesteps = try recorded.uint8("in.obs.timestep_pad_mask").count
        for padded in [0, timesteps - 1] {
            let observation = ObservationInput(
                images: images, timestepPadMask: (0..<timesteps).map { $0 >= padded })
            let noise = network.makeNoise(seed: 3, counter: UInt64(padded))
            let quick = ActivationRecorder()
            let whole = ActivationRecorder()
            let without = try network.infer(
                observation, task: network.prepare(TaskInput()), noise: noise, recorder: quick)
            let with = try network.infer(
                observation, task: network.prepare(TaskInput(), keepsMaskedText: true), noise: noise, recorder: whole)
            #expect(without == with)
            #expect(quick.activations["out.readout"] == whole.activations["out.readout"])
            #expect(quick.activations["tok.task_tokenizers_language"] == nil)
            #expect(whole.activations["tok.task_tokenizers_language"] != nil)
        }
    }
}

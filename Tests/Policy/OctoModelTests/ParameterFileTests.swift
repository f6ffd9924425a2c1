import Foundation
import Glibc
import OctoModel
import TestSupport
import Testing

extension CheckpointCopy {
    /// Writes the parameters again, all of one type, after a change to their numbers.
    func rewriteParameters(
        as type: FlaxArchive.ElementType = .float32, adding extra: [String: [Float]] = [:],
        _ change: (_ name: String, _ numbers: inout [Float]) -> Void = { _, _ in }
    ) throws {
        let archive = try FlaxArchive(Data(contentsOf: parameters), file: "old")
        var members: [(String, [UInt8])] = []
        for (name, entry) in archive.entries.sorted(by: { $0.key < $1.key }) {
            var numbers = try #require(archive.floats(name))
            change(name, &numbers)
            members.append((name, MessagePackWriter.array(entry.shape, type.rawValue, Self.bytes(of: numbers, type))))
        }
        for (name, numbers) in extra {
            members.append(
                (name, MessagePackWriter.array([numbers.count], type.rawValue, Self.bytes(of: numbers, type))))
        }
        try Data(MessagePackWriter.map(members)).write(to: parameters)
    }

    private static func bytes(of numbers: [Float], _ type: FlaxArchive.ElementType) -> [UInt8] {
        switch type {
        case .float16: numbers.map { Float16($0).bitPattern }.withUnsafeBytes { Array($0) }
        case .bfloat16:
            numbers.map { UInt16(truncatingIfNeeded: Self.rounded($0, to: type).bitPattern >> 16) }
                .withUnsafeBytes { Array($0) }
        default: MessagePackWriter.floats(numbers)
        }
    }

    /// The nearest number the type can hold.
    static func rounded(_ number: Float, to type: FlaxArchive.ElementType) -> Float {
        switch type {
        case .float16: return Float(Float16(number))
        case .bfloat16:
            let bits = number.bitPattern
            return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
        default: return number
        }
    }
}

/// What the numbers in a parameter file may be.
@Suite struct ParameterFileTests {
    private static func chunk(of folder: URL) throws -> [Float] {
        let network = try OctoNetwork(Checkpoint(folder: folder.path))
        let recorded = try GoldenCase.first.recorded()
        let task = try network.prepare(
            TaskInput(goalImages: ["image_primary": try recorded.uint8("in.task.image_primary")]))
        let observation = ObservationInput(
            images: ["image_primary": try recorded.uint8("in.obs.image_primary")], timestepPadMask: [true])
        return try network.infer(observation, task: task, noise: network.makeNoise(seed: 4, counter: 2))
    }

    /// Half-precision files are read as what they hold, and it is near enough. The first denoising step multiplies by
    /// about thirty.
    @Test(arguments: [(FlaxArchive.ElementType.float16, Float(0.02)), (.bfloat16, 0.5)])
    func halfPrecisionParametersGiveNearlyTheSameChunk(type: FlaxArchive.ElementType, bound: Float) throws {
        let original = try Self.chunk(of: GoldenCase.first.checkpointFolder)
        let halves = try CheckpointCopy()
        try halves.rewriteParameters(as: type)
        let chunk = try Self.chunk(of: halves.folder)
        #expect(chunk != original)
        #expect(largestDifference(chunk, original) < bound)
        // The same numbers in float32 give the same chunk, bit for bit.
        let rounded = try CheckpointCopy()
        try rounded.rewriteParameters { _, numbers in
            numbers = numbers.map { CheckpointCopy.rounded($0, to: type) }
        }
        #expect(try Self.chunk(of: rounded.folder) == chunk)
    }

    @Test func rewritingChangesNothing() throws {
        let copy = try CheckpointCopy()
        try copy.rewriteParameters()
        #expect(try Self.chunk(of: copy.folder) == Self.chunk(of: GoldenCase.first.checkpointFolder))
    }

    @Test(
        arguments: [FlaxArchive.ElementType.float32, .float16, .bfloat16],
        [Float.nan, .infinity, -.infinity, .signalingNaN])
    func numbersThatAreNotFiniteAreRefusedByName(type: FlaxArchive.ElementType, value: Float) throws {
        let copy = try CheckpointCopy()
        let norm = "octo_transformer/BlockTransformer_0/Transformer_0/encoder_norm/bias"
        let words = "octo_transformer/task_tokenizers_language/hf_model/shared/embedding"
        try copy.rewriteParameters(as: type) { name, numbers in
            if name == norm { numbers[0] = value }
            if name == words { numbers[numbers.count - 1] = value }
        }
        let refusal = try #require(copy.refusal())
        #expect(refusal == .nonFiniteParameters(path: copy.parameters.path, names: [norm, words]))
        #expect("\(refusal)".contains("'\(norm)'; '\(words)'"))
    }

    @Test func theLargestAndSmallestNumbersAreFinite() throws {
        for type in [FlaxArchive.ElementType.float32, .float16, .bfloat16] {
            let copy = try CheckpointCopy()
            try copy.rewriteParameters(as: type) { name, numbers in
                if !name.hasSuffix("encoder_norm/bias") { return }
                let largest: Float = type == .float16 ? 65504 : Float(bitPattern: 0x7f7f_0000)
                numbers.replaceSubrange(0..<4, with: [largest, -largest, Float.leastNonzeroMagnitude, -0.0])
            }
            #expect(copy.refusal() == nil, "\(type)")
        }
    }

    @Test func parametersNothingBelongsToAreListedAndIgnored() throws {
        let copy = try CheckpointCopy()
        // What is not read may hold anything.
        try copy.rewriteParameters(adding: ["heads_value/b/kernel": [1, .nan], "heads_value/a/kernel": [2]])
        let model = try Checkpoint(folder: copy.folder.path).description
        #expect(model.ignoredParameters == ["heads_value/a/kernel", "heads_value/b/kernel"])
        #expect(try GoldenCase.first.checkpoint().description.ignoredParameters == [])
        #expect(try Self.chunk(of: copy.folder) == Self.chunk(of: GoldenCase.first.checkpointFolder))
    }

    @Test func aPipeInPlaceOfTheFileIsRefusedAtOnce() throws {
        let copy = try CheckpointCopy()
        try FileManager.default.removeItem(at: copy.parameters)
        try #require(mkfifo(copy.parameters.path, 0o600) == 0)
        #expect(copy.refusal() == .unreadableFile(path: copy.parameters.path, reason: "it is no regular file"))
    }

    @Test func anEmptyFileIsRefused() throws {
        let copy = try CheckpointCopy()
        try Data().write(to: copy.parameters)
        guard case .corruptFile(let path, offset: 0, _) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(path == copy.parameters.path)
    }

    // MARK: - Memory

    /// Bytes of files that this process holds in memory.
    private static func residentFileBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[2])) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    @Test func whatWasReadOfAFileIsNotKeptInMemory() throws {
        let folder = try TemporaryFolder()
        let count = 16 << 20
        var numbers = [Float](repeating: 0.5, count: count)
        numbers[count - 1] = .nan
        let path = folder.file("large")
        try Data(
            MessagePackWriter.map([
                ("w", MessagePackWriter.array([count], "float32", MessagePackWriter.floats(numbers)))
            ])
        )
        .write(to: URL(fileURLWithPath: path))
        let archive = try FlaxArchive(path: path)
        let before = try Self.residentFileBytes()
        #expect(archive.nonFiniteArrays(among: ["w"]) == ["w"])
        let looked = try Self.residentFileBytes()
        let copied = try #require(archive.floats("w"))
        let after = try Self.residentFileBytes()
        #expect(copied.count == count && copied[1] == 0.5 && copied[count - 1].isNaN)
        // 64 MB were read twice; other tests may map their small files meanwhile.
        #expect(looked - before < 24 << 20)
        #expect(after - before < 24 << 20)
    }

    @Test func rowsOfAMatrixAreReadWithoutTheRest() throws {
        let numbers = (0..<12).map { Float($0) }
        let halves = numbers.map { Float16($0).bitPattern }.withUnsafeBytes { Array($0) }
        let archive = try FlaxArchive(
            Data(
                MessagePackWriter.map([
                    ("whole", MessagePackWriter.array([4, 3], "float32", MessagePackWriter.floats(numbers))),
                    ("half", MessagePackWriter.array([4, 3], "float16", halves)),
                    ("flat", MessagePackWriter.array([12], "float32", MessagePackWriter.floats(numbers))),
                ])), file: "made")
        for name in ["whole", "half"] {
            #expect(archive.rows([3, 0, 3], of: name) == [9, 10, 11, 0, 1, 2, 9, 10, 11])
            #expect(archive.rows([], of: name) == [])
            #expect(archive.rows([4], of: name) == nil && archive.rows([-1], of: name) == nil)
        }
        #expect(archive.rows([0], of: "flat") == nil && archive.rows([0], of: "nothing") == nil)
    }
}

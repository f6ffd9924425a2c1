import Foundation
import OctoModel
import TestSupport
import Testing

/// A damaged checkpoint either throws an error or loads; it never ends the process.
@Suite struct DamageTests {
    /// Loads as far as it goes: the folder, then the network.
    private func load(_ folder: URL) -> CheckpointError? {
        do throws(CheckpointError) {
            let network = try OctoNetwork(Checkpoint(folder: folder.path))
            _ = network.makeNoise(seed: 0, counter: 0)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["300000/default/checkpoint", "example_batch.msgpack"])
    func aFileCutAnywhereIsRefused(name: String) throws {
        let copy = try CheckpointCopy()
        let whole = try Data(contentsOf: copy.url(name))
        // Every one of the first bytes, where the structure is dense, then a spread, then the last.
        let cuts = Array(0..<200) + stride(from: 200, to: whole.count, by: whole.count / 300) + [whole.count - 1]
        for cut in cuts {
            #expect { try FlaxArchive(whole[..<cut], file: name) } throws: { error in
                guard case CheckpointError.corruptFile(let path, let offset, _)? = error as? CheckpointError else {
                    return false
                }
                return path == name && offset <= cut
            }
        }
        try whole[..<(whole.count / 2)].write(to: copy.url(name))
        guard case .corruptFile(let path, _, _) = load(copy.folder) else {
            Issue.record("half of \(name) was loaded")
            return
        }
        #expect(path == copy.url(name).path)
    }

    @Test func flippedBitsThrowOrLoad() throws {
        let copy = try CheckpointCopy()
        let whole = try Data(contentsOf: copy.parameters)
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        // Names, shapes and headers stand around the word for the element type; all else is numbers.
        var headers: [Int] = []
        var rest = whole.startIndex..<whole.endIndex
        while let found = whole.range(of: Data("float32".utf8), in: rest) {
            headers.append(found.lowerBound)
            rest = found.upperBound..<whole.endIndex
        }
        try #require(headers.count > 50)
        var refused = 0
        for round in 0..<60 {
            var bytes = whole
            for _ in 0..<3 {
                let place =
                    round % 2 == 0
                    ? Int.random(in: 0..<bytes.count, using: &random)
                    : (headers.randomElement(using: &random) ?? 0) + Int.random(in: -24...12, using: &random)
                let index = min(max(place, 0), bytes.count - 1)
                bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            try bytes.write(to: copy.parameters)
            if load(copy.folder) != nil { refused += 1 }
        }
        #expect(refused > 0, "seed \(random.seed): no flip was ever noticed")
    }

    @Test(arguments: ["config.json", "dataset_statistics.json", "example_batch.msgpack"])
    func flippedBitsInTheOtherFilesThrowOrLoad(name: String) throws {
        let copy = try CheckpointCopy()
        let whole = try Data(contentsOf: copy.url(name))
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<60 {
            var bytes = whole
            for _ in 0..<2 {
                // The example's pixels do not matter; its structure is in the first bytes.
                let index = Int.random(in: 0..<min(bytes.count, 2000), using: &random)
                bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            try bytes.write(to: copy.url(name))
            if let error = load(copy.folder) { #expect(!"\(error)".isEmpty) }
        }
    }

    @Test func aDamagedSafetensorsFileThrowsOrLoads() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: GoldenCase.first.recordedPath))
        for cut in Array(0..<64) + stride(from: 64, to: whole.count, by: whole.count / 100) {
            #expect(throws: SafetensorsError.self) { try SafetensorsFile(whole[..<cut], file: "cut") }
        }
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<200 {
            var bytes = whole
            bytes[Int.random(in: 0..<3000, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            guard let file = try? SafetensorsFile(bytes, file: "flipped") else { continue }
            for name in file.names {
                _ = try? file.floats(name)
                _ = try? file.uint8(name)
            }
        }
    }
}

import Foundation
import OctoModel
import TestSupport
import Testing

/// Files made to harm: whatever their bytes say, reading them ends, and takes no more memory than they do.
@Suite struct ArchiveFuzzTests {
    /// Small files with everything in them that the reader knows.
    private static let seeds: [[UInt8]] = {
        let numbers = MessagePackWriter.floats([1, -2, 0.5, 3])
        let chunk = MessagePackWriter.array([2], "float32", MessagePackWriter.floats([1, 2]))
        let chunked = MessagePackWriter.map([
            ("__msgpack_chunked_array__", [0xc3]), ("shape", MessagePackWriter.map([("0", [4])])),
            ("chunks", MessagePackWriter.map([("0", chunk), ("1", chunk)])),
        ])
        let nested = MessagePackWriter.map([
            ("a", MessagePackWriter.map([("kernel", MessagePackWriter.array([2, 2], "float32", numbers))])),
            ("half", MessagePackWriter.array([4], "float16", [0, 0x3c, 0, 0x40, 0, 0x44, 0, 0x48])),
        ])
        let settings = MessagePackWriter.map([
            ("brain", MessagePackWriter.array([2], "bfloat16", [0x80, 0x3f, 0, 0x40])),
            (
                "step",
                MessagePackWriter.ext(
                    3, Array(MessagePackWriter.array([], "int64", [1, 0, 0, 0, 0, 0, 0, 0]).dropFirst(6)))
            ),
            ("names", [0x93, 0xa1, 0x61, 0xc0, 0xcb] + [UInt8](repeating: 0, count: 8)),
            ("small", [0xd7, 5] + [UInt8](repeating: 0x90, count: 8)),
        ])
        // The short forms that msgpack's own writers choose.
        let short: [UInt8] =
            [0x81, 0xa1, 0x77, 0xc7, 17, 1, 0x93, 0x91, 1, 0xa7] + Array("float32".utf8) + [0xc4, 4, 0, 0, 0x80, 0x3f]
        return [MessagePackWriter.map([("big", chunked)]), nested, settings, short]
    }()

    /// Bytes that begin something, or count much.
    private static let telling: [UInt8] = [
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xcf, 0xd3, 0xd4, 0xd9, 0xdb,
        0xdc,
        0xdd, 0xde, 0xdf, 0xff,
    ]

    private static func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = telling.randomElement(using: &random) ?? 0
            case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 3: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            case 4: bytes.insert(telling.randomElement(using: &random) ?? 0, at: place)
            case 5: bytes.remove(at: place)
            default:
                // A part of the file once more, in the place of another.
                let part = bytes[place..<min(bytes.count, place + Int.random(in: 1...24, using: &random))]
                bytes.insert(contentsOf: part, at: Int.random(in: 0...bytes.count, using: &random))
            }
        }
    }

    @Test func aHundredThousandMutatedFilesAreReadOrRefused() throws {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for seed in Self.seeds { _ = try FlaxArchive(Data(seed), file: "seed") }
        var (refused, read) = (0, 0)
        for round in 0..<Fuzzing.rounds(120_000) {
            var bytes = Self.seeds[round % Self.seeds.count]
            Self.mutate(&bytes, using: &random)
            guard let archive = try? FlaxArchive(Data(bytes), file: "mutated") else {
                refused += 1
                continue
            }
            read += 1
            // Entries only point into the file, and share none of it.
            let numbers = archive.entries.values.reduce(0) { $0 + $1.shape.reduce(1, *) }
            let names = archive.entries.keys.reduce(0) { $0 + $1.utf8.count }
            guard numbers <= bytes.count, names <= bytes.count else {
                Issue.record("round \(round), seed \(random.seed): \(numbers) numbers, \(names) bytes of names")
                return
            }
            for name in archive.nonFiniteArrays(among: archive.entries.keys) where archive.floats(name) == nil {
                Issue.record("round \(round), seed \(random.seed): '\(name)' holds no numbers")
            }
        }
        #expect(refused > 1000 && read > 1000, "seed \(random.seed): \(refused) refused, \(read) read")
    }

    @Test func aLongNameIsNotCopiedForEveryArrayBelowIt() {
        let leaf = MessagePackWriter.array([1], "float32", [0, 0, 0, 0])
        let leaves = MessagePackWriter.map((0..<2000).map { ("\($0)", leaf) })
        let name = [0xdb] + MessagePackWriter.bigEndian(UInt32(50_000)) + [UInt8](repeating: 0x61, count: 50_000)
        #expect { try FlaxArchive(Data([0x81] + name + leaves), file: "made") } throws: {
            "\($0)".contains("names that are longer than the file")
        }
    }

    @Test func valuesAreRefusedThatTakeMoreMemoryThanTheFile() {
        let list = [0xdd] + MessagePackWriter.bigEndian(UInt32(100_000)) + [UInt8](repeating: 0xc0, count: 100_000)
        #expect { try FlaxArchive(Data(MessagePackWriter.map([("list", list)])), file: "made") } throws: {
            "\($0)".contains("more values")
        }
    }
}

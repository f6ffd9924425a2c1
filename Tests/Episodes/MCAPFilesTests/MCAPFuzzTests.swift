import MCAPFiles
import TestSupport
import Testing

/// Whatever the bytes are: no trap, no end-less loop, no memory that the file does not justify.
@Suite struct MCAPFuzzTests {
    private static let limits = MCAPParser.Limits(recordBytes: 1 << 16, chunkBytes: 1 << 14)

    /// Small whole files of every kind.
    private func seeds() throws -> [[UInt8]] {
        var generator = SeededGenerator(seed: 3)
        var made = MadeRecording(messages: 3, topics: 2, bytes: 12, using: &generator)
        var seeds: [[UInt8]] = []
        for compression in MCAPTests.compressions {
            seeds.append(try made.file(.init(compression: compression, chunkBytes: 60)))
            seeds.append(try made.file(.init(features: [.chunks], compression: compression)))
        }
        seeds.append(try made.file(.init(features: [], padding: [1, 2, 3])))
        made.messages = []
        seeds.append(try made.file(.init(compression: .none)))
        return seeds
    }

    /// Changes one to four places: a bit, a byte, a length, a piece that is left out, doubled or put elsewhere, the
    /// end.
    private func mutate(_ file: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var file = file
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !file.isEmpty {
            let place = Int.random(in: file.indices, using: &generator)
            let count = min(Int.random(in: 1...16, using: &generator), file.count - place)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1: file[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: file[place] = UInt8.random(in: 0...255, using: &generator)
            case 3:
                let value = [0, 1, 0x7F, 0x80, 0xFF][Int.random(in: 0..<5, using: &generator)]
                for index in place..<place + count { file[index] = UInt8(value) }
            case 4: file.removeSubrange(place..<place + count)
            case 5: file.insert(contentsOf: Array(file[place..<place + count]), at: place)
            case 6:
                let other = Int.random(in: 0...file.count - count, using: &generator)
                for index in 0..<count { file[other + index] = file[place + index] }
            default: file.removeLast(file.count - place)
            }
        }
        return file
    }

    /// - Returns: how many files were read to their end.
    private func parse(files: Int, seed: UInt64, checksums: Bool) throws -> Int {
        var generator = SeededGenerator(seed: seed)
        let seeds = try seeds()
        var whole = 0
        var parser = MCAPParser(limits: Self.limits, checksChecksums: checksums)
        for number in 0..<Fuzzing.rounds(files) {
            let file = mutate(seeds[number % seeds.count], using: &generator)
            parser.startOver()
            let piece = number % 3 == 0 ? Int.random(in: 1...max(1, file.count), using: &generator) : file.count
            var place = 0
            var most = 0
            do throws(MCAPError) {
                while place < file.count {
                    let end = min(file.count, place + piece)
                    parser.append(file[place..<end])
                    place = end
                    while try parser.next() != nil { most = max(most, parser.heldBytes) }
                }
                try parser.finish()
                whole += 1
            } catch {}
            if most > file.count + Self.limits.chunkBytes + 1 {
                Issue.record("\(most) bytes held of a file of \(file.count), number \(number), seed \(seed)")
            }
        }
        return whole
    }

    /// On both halves of a million, so that two cores share them. Without checksums damage gets further in.
    @Test(arguments: [0, 1])
    func aMillionDamagedFilesAreParsed(_ half: Int) throws {
        let whole = try parse(files: 500_000, seed: SeededGenerator.freshSeed(), checksums: half == 0)
        #expect(half == 0 || whole > 1000)
    }

    @Test func damagedFilesAreLookedUpAndMended() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let seeds = try seeds()
        for number in 0..<Fuzzing.rounds(5_000) {
            let file = mutate(seeds[number % seeds.count], using: &generator)
            if let reader = try? MCAPReader(MCAPBytes(file), limits: Self.limits) {
                var cursor = reader.messages()
                while let item = try? cursor.next() { #expect(item.message.data.count <= Self.limits.chunkBytes) }
                for index in reader.attachments { _ = try? reader.attachment(index) }
                for index in reader.metadata { _ = try? reader.metadata(index) }
            }
            let (report, mended) = try MCAPRecovery.recover(file, limits: Self.limits)
            let again = try MCAPReader(MCAPBytes(mended))
            #expect(
                again.isFinished && again.statistics.messageCount == report.messages, "number \(number), seed \(seed)")
        }
    }
}

import Datasets
import ProtobufFields
import TestSupport
import Testing

@Suite struct TrainingExampleTests {
    private func hex(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }

    private func error(_ bytes: [UInt8]) -> TrainingExampleError? {
        do {
            _ = try TrainingExample(decoding: bytes)
            return nil
        } catch {
            return error
        }
    }

    /// The example wrapped around one entry's bytes.
    private func example(entry: [UInt8]) -> [UInt8] { field(1, field(1, entry)) }
    private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        let length =
            content.count < 128
            ? [UInt8(content.count)] : [UInt8(content.count & 127 | 128), UInt8(content.count >> 7)]
        return [number << 3 | 2] + length + content
    }
    private func example(feature: [UInt8]) -> [UInt8] { example(entry: field(1, Array("a".utf8)) + field(2, feature)) }

    // MARK: Encoding

    private let small: TrainingExample = TrainingExample([
        "steps/reward": .floats([0, 1]), "steps/is_first": .integers([1, 0]),
        "steps/language_instruction": .bytes([Array("hi".utf8), []]),
    ])

    /// These bytes were parsed by TensorFlow.
    private var smallBytes: [UInt8] {
        hex(
            """
            0a 60 0a 1c 0a 0c 73 74 65 70 73 2f 72 65 77 61 72 64 12 0c 12 0a 0a 08 00 00 00 00 00 00 80 3f 0a 18 0a \
            0e 73 74 65 70 73 2f 69 73 5f 66 69 72 73 74 12 06 1a 04 0a 02 01 00 0a 26 0a 1a 73 74 65 70 73 2f 6c 61 \
            6e 67 75 61 67 65 5f 69 6e 73 74 72 75 63 74 69 6f 6e 12 08 0a 06 0a 02 68 69 0a 00
            """)
    }

    @Test func writesTheBytesThatTensorFlowReads() {
        #expect(smallBytes.count == 98)
        #expect(small.encoded() == smallBytes)
    }

    @Test func readsThemBack() throws {
        #expect(try TrainingExample(decoding: smallBytes) == small)
    }

    @Test func emptyListsKeepTheirKindAndEmptyStringsTheirPlace() throws {
        #expect(TrainingExample().encoded() == [0x0a, 0x00])
        let example: TrainingExample = TrainingExample([
            "f": .floats([]), "i": .integers([]), "b": .bytes([]), "s": .bytes([[], []]), "u": .unset,
        ])
        #expect(try TrainingExample(decoding: example.encoded()) == example)
        #expect(try TrainingExample(decoding: []) == TrainingExample())
        #expect(TrainingExample(["i": .integers([])]).encoded() == hex("0a 09 0a 07 0a 01 69 12 02 1a 00"))
    }

    @Test func extremeNumbersSurvive() throws {
        let example: TrainingExample = TrainingExample([
            "i": .integers([.min, -1, 0, 1, 127, 128, 16_383, 16_384, .max]),
            "f": .floats([-0.0, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude]),
        ])
        let back = try TrainingExample(decoding: example.encoded())
        #expect(back == example)
        guard case .floats(let floats)? = back["f"] else { throw TrainingExampleError.damaged(.truncated(offset: 0)) }
        #expect(floats[0].sign == .minus)
        let nan = TrainingExample(["n": .floats([Float(bitPattern: 0x7FC0_1234)])])
        #expect(try TrainingExample(decoding: nan.encoded()).encoded() == nan.encoded())
    }

    @Test func namesKeepTheirOrderAndAreUnique() {
        var example: TrainingExample = TrainingExample(["b": .integers([1]), "a": .integers([2]), "c": .integers([3])])
        example["b"] = .floats([4])
        #expect(example.entries.map(\.name) == ["b", "a", "c"] && example["b"] == .floats([4]))
        example["b"] = nil
        #expect(example.entries.map(\.name) == ["a", "c"] && example["b"] == nil && example["c"] == .integers([3]))
        example["b"] = .unset
        #expect(example.entries.map(\.name) == ["a", "c", "b"])
        example["none"] = nil
        #expect(example.entries.count == 3)
    }

    private func randomExample(using generator: inout SeededGenerator) -> TrainingExample {
        var example = TrainingExample()
        for _ in 0..<Int.random(in: 0...5, using: &generator) {
            let letters = Int.random(in: 0...140, using: &generator)
            let name = String((0..<letters).map { _ in "abc/_ä".randomElement(using: &generator) ?? "x" })
            let count = Int.random(in: 0...40, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: example[name] = .floats((0..<count).map { _ in .random(in: -9...9, using: &generator) })
            case 1:
                example[name] = .integers(
                    (0..<count).map { _ in
                        Int64(bitPattern: generator.next()) >> Int64.random(in: 0...63, using: &generator)
                    })
            case 2:
                example[name] = .bytes(
                    (0..<count).map { _ in
                        let length = Int.random(in: 0...300, using: &generator)
                        return Array(repeating: UInt8(truncatingIfNeeded: generator.next()), count: length)
                    })
            default: example[name] = .unset
            }
        }
        return example
    }

    @Test func whatIsWrittenIsRead() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<2_000 {
            let example = randomExample(using: &generator)
            #expect(try TrainingExample(decoding: example.encoded()) == example, "seed \(generator.seed)")
        }
    }

    // MARK: What others write

    @Test func listsNeedNotBePacked() throws {
        let floats = field(2, hex("0d 00 00 80 3f 0d 00 00 00 40"))
        #expect(try TrainingExample(decoding: example(feature: floats))["a"] == .floats([1, 2]))
        let mixed = field(3, hex("08 05 0a 02 06 07 08 ff ff ff ff ff ff ff ff ff 01"))
        #expect(try TrainingExample(decoding: example(feature: mixed))["a"] == .integers([5, 6, 7, -1]))
    }

    @Test func fieldsThatAreNotKnownArePassedBy() throws {
        // Field 9, of each wire type.
        let strange = hex("48 05 49 01 02 03 04 05 06 07 08 4d 01 02 03 04 4a 02 01 02")
        let list = strange + hex("0a 01 09") + strange
        let feature = strange + field(3, list) + strange
        let entry = strange + field(1, Array("a".utf8)) + strange + field(2, feature)
        let whole = strange + field(1, strange + field(1, entry) + strange) + strange
        #expect(try TrainingExample(decoding: whole)["a"] == .integers([9]))
    }

    @Test func whatComesTwiceIsJoinedOrReplaced() throws {
        let once = TrainingExample(["a": .integers([1]), "b": .floats([2])])
        let again = TrainingExample(["a": .integers([3])])
        let both = try TrainingExample(decoding: once.encoded() + again.encoded())
        #expect(both == TrainingExample(["a": .integers([3]), "b": .floats([2])]))
        let joined = field(3, hex("0a 01 01")) + field(3, hex("0a 01 02"))
        #expect(try TrainingExample(decoding: example(feature: joined))["a"] == .integers([1, 2]))
        let strings = field(1, hex("0a 01 41")) + field(1, hex("0a 01 42"))
        #expect(try TrainingExample(decoding: example(feature: strings))["a"] == .bytes([[0x41], [0x42]]))
        let floats = field(2, hex("0d 00 00 80 3f")) + field(2, hex("0d 00 00 00 40"))
        #expect(try TrainingExample(decoding: example(feature: floats))["a"] == .floats([1, 2]))
        let lastKind = field(3, hex("0a 01 01")) + field(1, hex("0a 01 41"))
        #expect(try TrainingExample(decoding: example(feature: lastKind))["a"] == .bytes([[0x41]]))
    }

    // MARK: Damage

    @Test func eachKindOfDamageHasItsError() {
        #expect(error(hex("0a 05 01")) == .damaged(.truncated(offset: 2)))
        #expect(error(hex("0a")) == .damaged(.truncated(offset: 1)))
        #expect(error(hex("0a ff ff ff ff ff ff ff ff 7f")) == .damaged(.truncated(offset: 10)))
        #expect(error(hex("0a ff ff ff ff ff ff ff ff ff 01")) == .damaged(.truncated(offset: 1)))
        #expect(error(hex("0a ff ff ff ff ff ff ff ff ff 02")) == .damaged(.numberTooLong(offset: 1)))
        #expect(error(hex("10 ff ff ff ff ff ff ff ff ff ff 01")) == .damaged(.numberTooLong(offset: 1)))
        #expect(error(hex("02 00")) == .damaged(.fieldNumber(offset: 0)))
        #expect(error(hex("80 80 80 80 80 01 00")) == .damaged(.fieldNumber(offset: 0)))
        #expect(error(hex("08 01")) == .damaged(.wireType(offset: 0, found: 0)))
        #expect(error(hex("13 14")) == .damaged(.wireType(offset: 0, found: 3)))
        #expect(error(hex("11 01 02")) == .damaged(.truncated(offset: 1)))
        #expect(error(example(entry: hex("0a 01 ff"))) == .nameNotUTF8(offset: 6))
        #expect(error(example(feature: field(2, hex("0a 03 00 00 00")))) == .unevenFloats(offset: 13, length: 3))
    }

    @Test func everyCutIsSafe() {
        for count in 0..<smallBytes.count {
            // Only at the very start is a cut a whole (and empty) example.
            #expect((error(Array(smallBytes[..<count])) == nil) == (count == 0), "\(count) bytes")
        }
    }

    @Test func noBytesTrapTheDecoder() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var decoded = 0
        var pool = (0..<50).map { _ in randomExample(using: &generator).encoded() }
        pool.append(smallBytes)
        for _ in 0..<100_000 {
            var bytes = pool.randomElement(using: &generator) ?? []
            bytes = Array(bytes.prefix(400))
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: bytes.remove(at: place)
                default: bytes.insert([0, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0, at: place)
                }
            }
            if error(bytes) == nil { decoded += 1 }
        }
        // The seed is printed above; a share of the damage hits values, which no decoder can see.
        #expect(decoded > 100 && decoded < 99_900, "\(decoded) of 100000 decoded, seed \(generator.seed)")
    }

    @Test func errorsSayWhatWhereAndWhatToDo() {
        for error: TrainingExampleError in [
            .damaged(.truncated(offset: 3)), .damaged(.numberTooLong(offset: 3)), .damaged(.fieldNumber(offset: 3)),
            .damaged(.wireType(offset: 3, found: 4)),
            .unevenFloats(offset: 3, length: 5), .nameNotUTF8(offset: 3),
        ] {
            let text = error.description
            #expect(text.hasPrefix("decoding a tf.train.Example, byte 3: found ") && text.contains(", expected "))
            #expect(text.hasSuffix("export it again."))
        }
    }
}

import ProtobufFields
import TestSupport
import Testing

/// Protobuf fields, as others write them and as damage leaves them.
@Suite struct ProtobufReaderTests {
    /// The number of each field and its value in words, and what stopped the reader.
    private func fields(_ bytes: [UInt8]) -> (texts: [String], damage: ProtobufDamage?) {
        bytes.withUnsafeBytes { raw in
            var texts: [String] = []
            var reader = ProtobufReader(raw)
            do throws(ProtobufDamage) {
                while let field = try reader.next() {
                    let value =
                        switch field.value {
                        case .varint(let number): "\(number)"
                        case .fixed64(let bits): "x\(String(bits, radix: 16))"
                        case .fixed32(let bits): "y\(String(bits, radix: 16))"
                        case .bytes(let piece): "\(Array(piece))"
                        }
                    texts.append("\(field.number)=\(value)@\(field.range.lowerBound)")
                }
            } catch {
                return (texts, error)
            }
            return (texts, nil)
        }
    }

    @Test func eachKindOfFieldIsRead() {
        let found = fields([0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1A, 2, 65, 66, 0x25, 1, 0, 0, 0x80])
        #expect(found.texts == ["1=150@0", "2=x807060504030201@3", "3=[65, 66]@12", "4=y80000001@16"])
        #expect(found.damage == nil)
        #expect(fields([]).texts.isEmpty && fields([]).damage == nil)
    }

    @Test(
        arguments: [
            ([0x08], .truncated(offset: 1)), ([0x1A, 3, 1], .truncated(offset: 2)), ([0x25, 1], .truncated(offset: 1)),
            ([0x02, 0], .fieldNumber(offset: 0)), ([0x08, 1, 0x0B], .wireType(offset: 2, found: 3)),
            ([0x08] + [UInt8](repeating: 0xFF, count: 10), .numberTooLong(offset: 1)),
        ] as [([UInt8], ProtobufDamage)]) func damageIsToldWithItsPlace(bytes: [UInt8], damage: ProtobufDamage)
    {
        #expect(fields(bytes).damage == damage)
    }

    @Test func aMessageWithinCountsItsPlacesFromTheOutermost() throws {
        // Field 2 holds field 1 twice, the second of which is cut.
        try ([0x08, 7, 0x12, 3, 0x08, 1, 0x08] as [UInt8]).withUnsafeBytes { raw in
            var outer = ProtobufReader(raw)
            let first = try #require(try outer.next())
            #expect(throws: ProtobufDamage.wireType(offset: 0, found: 0)) { _ = try outer.content(of: first) }
            var inner = try outer.content(of: try #require(try outer.next()))
            #expect(outer.isAtEnd && inner.rest.count == 3)
            #expect(try inner.next()?.range == 4..<6)
            #expect(throws: ProtobufDamage.truncated(offset: 7)) { _ = try inner.next() }
        }
    }

    @Test func numbersThatAreWrittenAreRead() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var numbers: [UInt64] = [0, 1, 127, 128, 16_383, 16_384, .max]
        for _ in 0..<1_000 { numbers.append(generator.next() >> UInt64.random(in: 0...63, using: &generator)) }
        var bytes: [UInt8] = []
        for number in numbers { bytes.appendVarint(number) }
        try bytes.withUnsafeBytes { raw in
            var reader = ProtobufReader(raw)
            for number in numbers {
                let found = try reader.varint()
                #expect(found == number, "seed \(generator.seed)")
            }
            #expect(reader.isAtEnd)
        }
    }

    @Test func noBytesTrapTheReader() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...30, using: &generator)
            let bytes = (0..<count).map { _ in
                Bool.random(using: &generator)
                    ? UInt8.random(in: 0...34, using: &generator)
                    : UInt8(truncatingIfNeeded: generator.next())
            }
            let (_, damage) = fields(bytes)
            #expect(damage.map { (0...count).contains($0.offset) } ?? true, "seed \(generator.seed)")
        }
    }
}

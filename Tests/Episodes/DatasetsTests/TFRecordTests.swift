import Datasets
import Files
import TestSupport
import Testing

@Suite struct TFRecordTests {
    private func records(_ bytes: [UInt8], pieces: [Int] = []) throws(TFRecordError) -> [[UInt8]] {
        var reader = TFRecordReader()
        var records: [[UInt8]] = []
        var rest = bytes[...]
        for piece in pieces + [bytes.count] {
            reader.append(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            while let record = try reader.next() { records.append(record) }
        }
        try reader.finish()
        return records
    }

    private func error(_ bytes: [UInt8]) -> TFRecordError? {
        do {
            _ = try records(bytes)
            return nil
        } catch {
            return error
        }
    }

    /// As TensorFlow writes it.
    @Test func framesAbcAsTensorFlowDoes() {
        #expect(
            TFRecord.encode(Array("abc".utf8)) == [
                0x03, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x99, 0x49, 0x0e, 0x61, 0x62, 0x63, 0x6e, 0x57, 0xf1, 0x21,
            ])
    }

    /// Heads of three records in Octo's Bridge debug shards.
    @Test func lengthsHaveTheirOwnChecksum() {
        let heads: [(length: Int, checksum: UInt32)] = [
            (144_644, 0xA2CF_1F8C), (138_818, 0x1385_DB71), (134_133, 0x4B69_C88C),
        ]
        for (length, checksum) in heads {
            let frame = TFRecord.encode([UInt8](repeating: 7, count: length))
            let head =
                withUnsafeBytes(of: UInt64(length).littleEndian) { Array($0) }
                + withUnsafeBytes(of: checksum.littleEndian) { Array($0) }
            #expect(Array(frame.prefix(12)) == head)
            #expect(frame.count == length + TFRecord.frameBytes)
        }
    }

    @Test func recordsComeBackHoweverTheBytesArrive() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<200 {
            let sent = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                (0..<Int.random(in: 0...300, using: &generator)).map { _ in UInt8(truncatingIfNeeded: generator.next())
                }
            }
            let pieces = (0..<50).map { _ in Int.random(in: 0...40, using: &generator) }
            #expect(try records(sent.flatMap(TFRecord.encode), pieces: pieces) == sent, "seed \(generator.seed)")
        }
    }

    @Test func everyCutIsSeen() throws {
        let whole = TFRecord.encode([1, 2, 3])
        let bytes = whole + TFRecord.encode(Array(0..<50))
        for count in 0...bytes.count {
            let cut = Array(bytes[..<count])
            switch count {
            case 0, whole.count, bytes.count: #expect(error(cut) == nil)
            case ..<whole.count:
                #expect(error(cut) == .truncated(offset: 0, found: count, expected: count < 12 ? 16 : whole.count))
            default:
                let found = count - whole.count
                #expect(error(cut) == .truncated(offset: whole.count, found: found, expected: found < 12 ? 16 : 66))
            }
        }
    }

    @Test func everyTurnedBitIsSeenAndSaysWhere() throws {
        let first = TFRecord.encode([9])
        let second = TFRecord.encode(Array(0..<20))
        for place in second.indices {
            for bit in 0..<8 {
                var damaged = second
                damaged[place] ^= 1 << UInt8(bit)
                switch error(first + damaged) {
                case .lengthChecksum(first.count, _, _): #expect(place < 12)
                case .dataChecksum(first.count, _, _): #expect(place >= 12)
                case let other: Issue.record("byte \(place), bit \(bit): \(String(describing: other))")
                }
            }
        }
    }

    @Test func aDamagedRecordStaysDamaged() throws {
        var damaged = TFRecord.encode([1, 2, 3])
        damaged[13] ^= 1
        var reader = TFRecordReader()
        reader.append(damaged + TFRecord.encode([4]))
        for _ in 0..<3 { #expect(throws: TFRecordError.self) { try reader.next() } }
    }

    @Test func aRecordBeyondAllMeasureIsRefusedAtItsHead() throws {
        var reader = TFRecordReader(limit: 100)
        reader.append(TFRecord.encode([UInt8](repeating: 0, count: 100)))
        #expect(try reader.next()?.count == 100)
        reader.append(TFRecord.encode([UInt8](repeating: 0, count: 101)).prefix(12))
        #expect(throws: TFRecordError.tooLong(offset: 116, length: 101, limit: 100)) { try reader.next() }

        var head = [UInt8](repeating: 0xFF, count: 8)
        let checksum = CRC32C.masked(CRC32C.checksum(head))
        head += withUnsafeBytes(of: checksum.littleEndian) { Array($0) }
        #expect(error(head) == .tooLong(offset: 0, length: .max, limit: TFRecordReader.lengthLimit))
    }

    @Test func errorsSayWhatWhereAndWhatToDo() {
        let errors: [TFRecordError] = [
            .truncated(offset: 7, found: 1, expected: 16), .lengthChecksum(offset: 7, stored: 255, computed: 16),
            .dataChecksum(offset: 7, stored: 255, computed: 16), .tooLong(offset: 7, length: 3, limit: 2),
        ]
        for error in errors {
            let text = error.description
            #expect(
                text.hasPrefix("reading the record at byte 7: ") && text.contains("expected") && text.hasSuffix("."))
        }
        #expect(errors[1].description.contains("0xff") && errors[1].description.contains("0x10"))
    }
}

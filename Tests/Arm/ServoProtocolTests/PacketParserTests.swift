import CAllocationCount
import ServoProtocol
import TestSupport
import Testing

/// Streams of bytes as a bus delivers them: in pieces, with damage, with noise.
@Suite struct PacketParserTests {
    private static let dynamixel = bytes("FF FF FD 00 01 08 00 55 00 00 08 00 00 1C 38")
    private static let feetech = bytes("FF FF 03 04 00 C8 04 2C")

    @Test(arguments: 1...20)
    func packetsArriveInPiecesOfAnySize(pieces: Int) {
        let stream = [Self.dynamixel, Self.dynamixel, Self.dynamixel].flatMap { $0 }
        #expect(DynamixelParser().receive(stream, pieces: pieces).count == 3)
        let other = [Self.feetech, Self.feetech, Self.feetech].flatMap { $0 }
        #expect(FeetechParser().receive(other, pieces: pieces).count == 3)
    }

    @Test func noiseBetweenPacketsIsCountedAndPassedOver() {
        let parser = DynamixelParser()
        let received = parser.receive(bytes("00 FF 12 FF FF") + Self.dynamixel + bytes("FF FF FD") + Self.dynamixel)
        #expect(received.count == 2)
        #expect(parser.counts.strayBytes == 8 && parser.counts.corrupt == 0 && parser.counts.packets == 2)
    }

    @Test func aDamagedPacketIsCountedAndTheNextOneFound() {
        for index in 4..<Self.dynamixel.count {
            var damaged = Self.dynamixel
            damaged[index] ^= 0x10
            let parser = DynamixelParser()
            // A length that was damaged may swallow what follows: then it needs bytes before it gives up.
            let received = parser.receive(damaged + Self.dynamixel + [UInt8](repeating: 0, count: 5_000))
            #expect(received.contains { $0.parameters == [0, 0, 8, 0, 0] }, "byte \(index)")
        }
        for index in 2..<Self.feetech.count {
            var damaged = Self.feetech
            damaged[index] ^= 0x10
            let received = FeetechParser().receive(damaged + Self.feetech + [UInt8](repeating: 0, count: 500))
            #expect(received.contains { $0.id == 3 && $0.parameters == [0xC8, 4] }, "byte \(index)")
        }
    }

    @Test func whatWasBegunIsForgottenOnReset() {
        let parser = DynamixelParser()
        #expect(parser.receive(Self.dynamixel.dropLast()).isEmpty)
        parser.reset()
        #expect(parser.receive(Self.dynamixel.suffix(1)).isEmpty)
        #expect(parser.receive(Self.dynamixel).count == 1)
    }

    @Test func nothingIsAllocatedOnceTheBuffersAreThere() {
        let parser = DynamixelParser()
        let buffer = PacketBuffer(capacity: 200)
        let ids: [UInt8] = [1, 2, 4, 6, 7, 8]
        func turn() -> Int {
            buffer.removeAll()
            Dynamixel.appendSyncRead(126, count: 10, from: ids, isFast: true, in: buffer)
            let start = Dynamixel.beginSyncWrite(116, width: 4, in: buffer)
            for id in ids {
                buffer.append(id)
                buffer.append(littleEndian: 2_048, width: 4)
            }
            Dynamixel.end(start, in: buffer)
            _ = parser.feed(buffer.bytes)
            var packets = 0
            while parser.next() != nil { packets += 1 }
            return packets
        }
        #expect(turn() == 2)
        let before = octo_thread_allocation_count()
        var packets = 0
        for _ in 0..<1_000 { packets += turn() }
        #expect(octo_thread_allocation_count() == before)
        #expect(packets == 2_000)
    }

    // MARK: - Fuzz

    /// A stream of good packets with bytes changed, lost, doubled and made up.
    private static func mutate(_ stream: inout [UInt8], using random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 0...4, using: &random) where !stream.isEmpty {
            let index = Int.random(in: 0..<stream.count, using: &random)
            switch UInt8.random(in: 0...4, using: &random) {
            case 0: stream[index] = .random(in: 0...255, using: &random)
            case 1: stream[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 2: stream.remove(at: index)
            case 3:
                stream.insert(
                    [0xFF, 0xFD, 0x00, .random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0,
                    at: index)
            default: stream.removeSubrange(index..<min(stream.count, index + 4))
            }
        }
    }

    /// After any bytes at all, a good packet behind enough silence is found, and every byte is accounted for.
    private static func fuzz<Framing>(
        _ parser: PacketParser<Framing>, _ seeds: [[UInt8]], good: [UInt8], rounds: Int, _ random: inout SeededGenerator
    ) -> String? {
        var fed = 0
        var stream: [UInt8] = []
        for round in 0..<rounds {
            stream.removeAll(keepingCapacity: true)
            for _ in 0..<Int.random(in: 1...3, using: &random) { stream += seeds.randomElement(using: &random) ?? [] }
            mutate(&stream, using: &random)
            let pieces = Int.random(in: 1...40, using: &random)
            var index = 0
            while index < stream.count {
                let end = min(stream.count, index + pieces)
                index += stream[index..<end].withUnsafeBytes { parser.feed($0) }
                while let packet = parser.next() {
                    if packet.parameterCount != parser.parameters.count { return "round \(round): parameters" }
                    if packet.parameterCount > Framing.longestPacket { return "round \(round): longer than allowed" }
                }
            }
            fed += stream.count
            guard round % 64 == 0 else { continue }
            parser.reset()
            let before = parser.counts.packets
            fed += good.count
            _ = good.withUnsafeBytes { parser.feed($0) }
            while parser.next() != nil {}
            if parser.counts.packets != before + 1 { return "round \(round): a good packet was not found" }
        }
        parser.reset()
        if parser.counts.strayBytes > UInt64(fed) { return "more bytes strayed than came" }
        return nil
    }

    @Test func aMillionDamagedStreamsBreakNothing() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let dynamixel = [
            Self.dynamixel, bytes("FF FF FD 00 01 0F 00 03 E0 00 FF FF FD FD FD FF FF FD FD 01 61 FA"),
            bytes("FF FF FD 00 03 05 00 55 80 20 9A 51"), bytes("FF FF FD 00 FE 09 00 82 7E 00 0A 00 01 02 38 92"),
        ]
        #expect(Self.fuzz(DynamixelParser(), dynamixel, good: Self.dynamixel, rounds: 500_000, &random) == nil)
        let feetech = [
            Self.feetech, bytes("FF FF FE 0A 82 38 02 01 02 03 04 05 06 26"), bytes("FF FF 05 04 20 00 08 CE"),
            bytes("FF FF 01 02 00 FC"),
        ]
        #expect(Self.fuzz(FeetechParser(), feetech, good: Self.feetech, rounds: 500_000, &random) == nil)
    }
}

import Files
import Images
import Messages
import TestSupport
import Testing
import Time
import Wire

/// Any bytes give a message or an error, never a trap.
@Suite struct FuzzTests {
    private static let mutationsPerSample = Fuzzing.rounds(20_000)
    private static let randomBodiesPerSample = Fuzzing.rounds(4_000)

    @Test(arguments: Samples.all) func mutatedMessagesNeverTrap(_ sample: AnySample) throws {
        var generator = SeededGenerator(seed: 0xB05_0001)
        let encoded = try sample.encoded()
        var accepted = 0
        for _ in 0..<Self.mutationsPerSample {
            do throws(WireError) {
                try sample.decode(
                    Self.mutated(encoded.body, using: &generator), Self.bulk(like: encoded.bulk, using: &generator))
                accepted += 1
            } catch {}
        }
        // Some mutations change a number to another good one: had all been refused, little would have been reached.
        #expect(accepted > 0 && accepted < Self.mutationsPerSample, "seed \(generator.seed)")
    }

    @Test(arguments: Samples.all) func randomFieldsNeverTrap(_ sample: AnySample) throws {
        var generator = SeededGenerator(seed: 0xB05_0002)
        let bulk = Samples.pixels(12)
        var refused = 0
        for round in 0..<Self.randomBodiesPerSample {
            do throws(WireError) {
                try sample.decode(Self.randomFields(using: &generator), round.isMultiple(of: 2) ? nil : bulk)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0, "seed \(generator.seed)")
    }

    @Test func mutatedEnvelopesNeverTrapAndTheirStampsCanBeSubtracted() throws {
        var generator = SeededGenerator(seed: 0xB05_0003)
        let envelope = Envelope(
            schema: "octo.Goal", sequence: 3, captureTime: Samples.time(4), publishTime: Samples.time(5),
            sourceNode: "goal", instanceID: 77, runID: "run", traceID: 7, hostID: "b00t")
        let bytes = try envelope.encoded()
        var accepted = 0
        for _ in 0..<Fuzzing.rounds(20_000) {
            let mutated = Self.mutated(bytes, using: &generator)
            guard let read = try? mutated.withUnsafeBytes({ bytes in try Envelope(bytes: bytes) }) else { continue }
            _ = read.publishTime - (read.captureTime ?? .zero)
            accepted += 1
        }
        #expect(accepted > 0, "seed \(generator.seed)")
    }

    @Test func acceptedChunksAllowTheArithmeticOfTheirReaders() throws {
        var generator = SeededGenerator(seed: 0xB05_0004)
        let bytes = try Samples.chunk.encoded().body
        var accepted = 0
        for _ in 0..<Fuzzing.rounds(20_000) {
            guard let chunk = try? ActionChunk(reading: Self.mutated(bytes, using: &generator)) else { continue }
            // These trap where a limit is too wide.
            _ = chunk.inferredTime - chunk.captureTime
            _ = chunk.observationTime + chunk.stepDuration * chunk.actionHorizon
            #expect(try chunk.encoded().bulk == nil, "seed \(generator.seed)")
            accepted += 1
        }
        #expect(accepted > 0, "seed \(generator.seed)")
    }

    /// One to four changes: a byte replaced, inserted, removed or one of its bits turned; a piece doubled; a cut.
    private static func mutated(_ original: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard !bytes.isEmpty else { break }
            let index = Int.random(in: bytes.indices, using: &generator)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
            case 3: bytes.remove(at: index)
            case 4: bytes[index] = 0xFF
            case 5: bytes.insert(contentsOf: Array(bytes[index...].prefix(16)), at: index)
            default: bytes.removeLast(bytes.count - index)
            }
        }
        return bytes
    }

    /// Fields in the form of protobuf with arbitrary numbers, types and values, which get further than noise; now and
    /// then with a length that is not true.
    private static func randomFields(using generator: inout SeededGenerator) -> [UInt8] {
        let extremes: [UInt64] = [0, 1, 7, .max, 1 << 63, 1 << 31, 1 << 61]
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            let number = UInt64.random(in: 1...13, using: &generator)
            let value = extremes.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes += Field.varint(number, value)
            case 1: bytes += Field.fixed64(number, Int64(bitPattern: value))
            case 2: bytes += Field.fixed32(number, UInt32(truncatingIfNeeded: value))
            case 3: bytes += Field.raw(number << 3 | 2) + Field.raw(value)
            default:
                let count = Int.random(in: 0...20, using: &generator)
                bytes += Field.bytes(number, (0..<count).map { _ in UInt8.random(in: 0...127, using: &generator) })
            }
        }
        return bytes
    }

    private static func bulk(like original: SharedBytes?, using generator: inout SeededGenerator) -> SharedBytes? {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: nil
        case 1: Samples.pixels(Int.random(in: 0...200, using: &generator))
        default: original
        }
    }
}

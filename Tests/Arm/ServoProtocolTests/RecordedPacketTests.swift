import ServoProtocol
import Testing

/// Every packet that was recorded between the vendors' libraries and a servo: taken apart and put together again, it is
/// the same, byte for byte.
@Suite struct RecordedPacketTests {
    private static let dynamixelRequests = [
        "FF FF FD 00 01 03 00 01 19 4E", "FF FF FD 00 FE 03 00 01 31 42", "FF FF FD 00 01 07 00 02 84 00 04 00 1D 15",
        "FF FF FD 00 02 07 00 02 7E 00 0A 00 3C C9", "FF FF FD 00 01 06 00 03 40 00 01 DB 66",
        "FF FF FD 00 09 06 00 03 0B 00 10 A2 EB", "FF FF FD 00 07 09 00 03 74 00 00 08 00 00 3F 49",
        "FF FF FD 00 09 07 00 03 64 00 A2 FE 75 C3", "FF FF FD 00 03 07 00 02 46 00 01 00 30 83",
        "FF FF FD 00 01 06 00 03 62 00 05 68 E4", "FF FF FD 00 01 07 00 03 A8 00 84 00 63 65",
        "FF FF FD 00 09 03 00 08 2C 6E", "FF FF FD 00 01 08 00 10 01 44 58 4C 22 B1 DC",
        "FF FF FD 00 01 09 00 04 74 00 00 04 00 00 C1 0E", "FF FF FD 00 FE 03 00 05 2A C2",
        "FF FF FD 00 FE 25 00 83 74 00 04 00 01 00 08 00 00 02 00 04 00 00 04 00 0C 00 00 06 00 08 00 00 07 00 0A 00 "
            + "00 08 FF 07 00 00 08 04",
        "FF FF FD 00 FE 19 00 83 6C 00 08 00 01 64 00 00 00 FA 00 00 00 02 64 00 00 00 FA 00 00 00 DB 2A",
        "FF FF FD 00 FE 09 00 82 7E 00 0A 00 01 02 38 92", "FF FF FD 00 FE 09 00 8A 7E 00 0A 00 01 02 BB 1A",
        "FF FF FD 00 FE 0D 00 92 01 84 00 04 00 02 7E 00 02 00 D4 06",
        "FF FF FD 00 FE 13 00 93 01 74 00 04 00 00 08 00 00 09 64 00 02 00 96 00 A3 24",
        "FF FF FD 00 01 0A 00 03 74 00 FF FF FD FD 00 21 E7",
        "FF FF FD 00 01 0F 00 03 E0 00 FF FF FD FD FD FF FF FD FD 01 61 FA",
        "FF FF FD 00 FE 12 00 83 74 00 04 00 01 FF FF FD FD 00 02 00 08 00 00 DB 98",
    ]
    private static let dynamixelAnswers = [
        "FF FF FD 00 01 07 00 55 00 FC 03 2D 17 43", "FF FF FD 00 01 08 00 55 00 00 08 00 00 1C 38",
        "FF FF FD 00 01 08 00 55 00 9C FF FF FF 87 04",
        "FF FF FD 00 02 0E 00 55 00 F4 FF 05 00 00 00 DC 05 00 00 9D BD",
        "FF FF FD 00 01 04 00 55 00 A1 0C", "FF FF FD 00 09 04 00 55 07 73 0F", "FF FF FD 00 07 04 00 55 00 B1 0D",
        "FF FF FD 00 09 04 00 55 00 62 8F", "FF FF FD 00 03 05 00 55 80 20 9A 51",
        "FF FF FD 00 01 0E 00 55 00 F4 FF 05 00 00 00 00 08 00 00 54 8E",
        "FF FF FD 00 02 0E 00 55 00 1E 00 F9 FF FF FF E8 03 00 00 18 70",
        "FF FF FD 00 FE 1D 00 55 00 01 F4 FF 05 00 00 00 00 08 00 00 CF E5 00 02 1E 00 F9 FF FF FF E8 03 00 00 0F 70",
        "FF FF FD 00 02 06 00 55 00 4D 00 F3 F6", "FF FF FD 00 01 09 00 55 00 FF FF FD FD 00 D8 9C",
    ]
    private static let feetechRequests = [
        "FF FF 01 02 01 FB", "FF FF 01 04 02 03 02 F3", "FF FF FE 02 01 FE", "FF FF 01 04 02 38 02 BE",
        "FF FF 03 04 02 3C 02 B8", "FF FF 01 04 03 28 01 CE", "FF FF 01 04 03 37 00 C0", "FF FF 06 04 03 21 00 D1",
        "FF FF 06 05 03 10 F4 01 EC", "FF FF 02 05 03 1F 00 0C CA", "FF FF 04 05 03 2A B8 0B 06",
        "FF FF 05 04 02 38 02 BA",
        "FF FF FE 16 83 2A 02 01 00 08 02 DC 05 03 C4 09 04 00 08 05 00 04 06 28 0A 33",
        "FF FF FE 14 83 29 07 01 FE 00 08 00 00 B8 0B 02 FE 00 08 00 00 B8 0B A5",
        "FF FF FE 0A 82 38 02 01 02 03 04 05 06 26", "FF FF 01 05 04 2A 00 08 C3", "FF FF FE 02 05 FA",
        "FF FF 01 05 03 2A 03 E8 E1",
    ]
    private static let feetechAnswers = [
        "FF FF 01 02 00 FC", "FF FF 01 04 00 09 03 EE", "FF FF 01 04 00 00 08 F2", "FF FF 01 04 00 05 80 75",
        "FF FF 03 04 00 C8 04 2C", "FF FF 06 02 00 F7", "FF FF 02 02 00 FB", "FF FF 04 02 00 F9",
        "FF FF 05 04 20 00 08 CE",
        "FF FF 02 04 00 DC 05 18", "FF FF 03 04 00 C4 09 2B", "FF FF 04 04 00 00 08 EF", "FF FF 05 04 00 00 04 F2",
        "FF FF 06 04 00 28 0A C3",
    ]

    @Test(arguments: dynamixelRequests)
    func dynamixelRequestsAreTheSame(text: String) throws {
        let received = try #require(DynamixelParser().receive(bytes(text)).first)
        let instruction = try #require(Dynamixel.Instruction(rawValue: received.instruction))
        let again = packet { buffer in
            let start = Dynamixel.begin(instruction, to: received.id, in: buffer)
            received.parameters.withUnsafeBytes { buffer.append($0) }
            Dynamixel.end(start, in: buffer)
        }
        #expect(again == bytes(text))
    }

    @Test(arguments: dynamixelAnswers)
    func dynamixelAnswersAreTheSame(text: String) throws {
        let received = try #require(DynamixelParser().receive(bytes(text)).first)
        #expect(received.instruction == Dynamixel.Instruction.status.rawValue)
        let error = Dynamixel.StatusError(try #require(received.parameters.first))
        let again = packet { buffer in
            received.parameters.dropFirst().withUnsafeBytes {
                Dynamixel.appendStatus(from: received.id, error: error, $0, in: buffer)
            }
        }
        #expect(again == bytes(text))
    }

    @Test(arguments: feetechRequests)
    func feetechRequestsAreTheSame(text: String) throws {
        let received = try #require(FeetechParser().receive(bytes(text)).first)
        let instruction = try #require(Feetech.Instruction(rawValue: received.instruction))
        let again = packet { buffer in
            let start = Feetech.begin(instruction, to: received.id, in: buffer)
            received.parameters.withUnsafeBytes { buffer.append($0) }
            Feetech.end(start, in: buffer)
        }
        #expect(again == bytes(text))
    }

    @Test(arguments: feetechAnswers)
    func feetechAnswersAreTheSame(text: String) throws {
        let received = try #require(FeetechParser().receive(bytes(text)).first)
        let error = Feetech.StatusError(rawValue: received.instruction)
        let again = packet { buffer in
            received.parameters.withUnsafeBytes {
                Feetech.appendStatus(from: received.id, error: error, $0, in: buffer)
            }
        }
        #expect(again == bytes(text))
    }
}

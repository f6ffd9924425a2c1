import ServoEmulation
import ServoProtocol
import Testing
import Time

/// Requests as the vendors' libraries sent them, and the answers they accepted: ours are the same, byte for byte.
@Suite struct RecordedAnswerTests {
    private func bytes(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }

    private func answer(_ request: String, _ host: Host<some EmulatedBus>) -> [UInt8] {
        host.send { buffer in bytes(request).withUnsafeBytes { buffer.append($0) } }
        return host.wait()
    }

    @Test func dynamixelServosAnswerAsRecorded() {
        let host = Host(EmulatedDynamixelBus([1, 2, 3, 7, 9].map { .init(id: $0) }))
        let torque = ["FF FF FD 00 01 06 00 03 40 00 01 DB 66", "FF FF FD 00 01 04 00 55 00 A1 0C"]
        let cases = [
            ["FF FF FD 00 01 03 00 01 19 4E", "FF FF FD 00 01 07 00 55 00 FC 03 2D 17 43"],
            ["FF FF FD 00 01 07 00 02 84 00 04 00 1D 15", "FF FF FD 00 01 08 00 55 00 00 08 00 00 1C 38"],
            torque,
            // Operating mode 16: PWM, without and with torque.
            ["FF FF FD 00 09 06 00 03 0B 00 10 A2 EB", "FF FF FD 00 09 04 00 55 00 62 8F"],
            ["FF FF FD 00 09 07 00 03 64 00 A2 FE 75 C3", "FF FF FD 00 09 04 00 55 00 62 8F"],
            ["FF FF FD 00 07 09 00 03 74 00 00 08 00 00 3F 49", "FF FF FD 00 07 04 00 55 00 B1 0D"],
            ["FF FF FD 00 01 06 00 03 62 00 05 68 E4", torque[1]],
            ["FF FF FD 00 09 03 00 08 2C 6E", "FF FF FD 00 09 04 00 55 00 62 8F"],
            ["FF FF FD 00 01 09 00 04 74 00 00 04 00 00 C1 0E", torque[1]],
            ["FF FF FD 00 FE 03 00 05 2A C2", ""],
            ["FF FF FD 00 01 08 00 10 01 44 58 4C 22 B1 DC", torque[1]],
        ]
        for texts in cases { #expect(answer(texts[0], host) == bytes(texts[1]), "\(texts[0])") }
        host.send { Dynamixel.appendWrite(1, to: .torqueEnable, of: 9, in: $0) }
        _ = host.wait()
        #expect(
            answer("FF FF FD 00 09 06 00 03 0B 00 10 A2 EB", host) == bytes("FF FF FD 00 09 04 00 55 07 73 0F"),
            "EEPROM is closed while torque is on")
        host.bus.setHardwareError(0x20, at: 3)
        #expect(
            answer("FF FF FD 00 03 07 00 02 46 00 01 00 30 83", host) == bytes("FF FF FD 00 03 05 00 55 80 20 9A 51"))
    }

    /// Behind each servo's data stands the sum of everything before it, bit by bit here as in the data sheet.
    @Test(arguments: [Dynamixel.Instruction.fastSyncRead, .fastBulkRead])
    func answersInOnePacketHaveARunningSum(instruction: Dynamixel.Instruction) {
        let host = Host(EmulatedDynamixelBus((1...3).map { .init(id: $0, pulses: 1_000 * Int($0)) }))
        host.send { buffer in
            let start = Dynamixel.begin(instruction, to: Dynamixel.broadcastID, in: buffer)
            if instruction == .fastSyncRead {
                for byte: UInt8 in [132, 0, 4, 0, 1, 2, 3] { buffer.append(byte) }
            } else {
                for id: UInt8 in 1...3 { for byte: UInt8 in [id, 132, 0, 4, 0] { buffer.append(byte) } }
            }
            Dynamixel.end(start, in: buffer)
        }
        let reply = host.wait()
        #expect(reply.count == 8 + 3 * 8)
        for servo in 1...3 {
            let end = 8 + 8 * servo
            guard reply.count >= end else { return }
            #expect(reply[end - 7] == UInt8(servo))
            #expect(Int(reply[end - 6]) | Int(reply[end - 5]) << 8 == 1_000 * servo)
            #expect(UInt16(reply[end - 2]) | UInt16(reply[end - 1]) << 8 == sum(reply[..<(end - 2)]), "servo \(servo)")
        }
    }

    private func sum(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var remainder: UInt32 = 0
        for byte in bytes {
            for bit in (0..<8).reversed() {
                let top = (remainder >> 15 & 1) ^ UInt32(byte >> UInt8(bit) & 1)
                remainder = (remainder << 1 & 0xFFFF) ^ (top == 1 ? 0x8005 : 0)
            }
        }
        return UInt16(remainder)
    }

    @Test func feetechServosAnswerAsRecorded() {
        let pulses = [2_048, 1_500, 2_500, 2_048, 1_024, 2_600]
        let host = Host(EmulatedFeetechBus(pulses.enumerated().map { .init(id: UInt8($0 + 1), pulses: $1) }))
        let cases = [
            ["FF FF 01 02 01 FB", "FF FF 01 02 00 FC"],
            ["FF FF 01 04 02 03 02 F3", "FF FF 01 04 00 09 03 EE"],
            ["FF FF 01 04 02 38 02 BE", "FF FF 01 04 00 00 08 F2"],
            [
                "FF FF FE 0A 82 38 02 01 02 03 04 05 06 26",
                "FF FF 01 04 00 00 08 F2 FF FF 02 04 00 DC 05 18 FF FF 03 04 00 C4 09 2B FF FF 04 04 00 00 08 EF "
                    + "FF FF 05 04 00 00 04 F2 FF FF 06 04 00 28 0A C3",
            ],
            ["FF FF 01 04 03 28 01 CE", "FF FF 01 02 00 FC"],
            ["FF FF 01 04 03 37 00 C0", "FF FF 01 02 00 FC"],
            ["FF FF 06 04 03 21 00 D1", "FF FF 06 02 00 F7"],
            ["FF FF 06 05 03 10 F4 01 EC", "FF FF 06 02 00 F7"],
            ["FF FF 02 05 03 1F 00 0C CA", "FF FF 02 02 00 FB"],
            ["FF FF 04 05 03 2A B8 0B 06", "FF FF 04 02 00 F9"],
            ["FF FF 01 05 04 2A 00 08 C3", "FF FF 01 02 00 FC"],
            ["FF FF FE 02 05 FA", ""],
            ["FF FF FE 16 83 2A 02 01 00 08 02 DC 05 03 C4 09 04 00 08 05 00 04 06 28 0A 33", ""],
        ]
        for texts in cases { #expect(answer(texts[0], host) == bytes(texts[1]), "\(texts[0])") }
        let below = Host(EmulatedFeetechBus([.init(id: 1, pulses: 0, homingOffset: 5), .init(id: 5)]))
        // Positions below 0 are told only where turns are counted: bit 0x10 of the phase.
        #expect(answer("FF FF 01 04 03 12 1C C9", below) == bytes("FF FF 01 02 00 FC"))
        #expect(answer("FF FF 01 04 02 38 02 BE", below) == bytes("FF FF 01 04 00 05 80 75"), "-5: sign and magnitude")
        below.bus.setHardwareError(Feetech.StatusError.overload.rawValue, at: 5)
        #expect(answer("FF FF 05 04 02 38 02 BA", below) == bytes("FF FF 05 04 20 00 08 CE"))
    }
}

import ServoProtocol
import Testing

/// Packets recorded from the vendor's libraries (C++ and Python), and answers that they accepted.
@Suite struct DynamixelTests {
    @Test func requestsAreWhatTheVendorsLibrarySends() {
        #expect(packet { Dynamixel.append(.ping, to: 1, in: $0) } == bytes("FF FF FD 00 01 03 00 01 19 4E"))
        #expect(
            packet { Dynamixel.append(.ping, to: Dynamixel.broadcastID, in: $0) }
                == bytes("FF FF FD 00 FE 03 00 01 31 42"))
        #expect(
            packet { Dynamixel.appendRead(132, count: 4, from: 1, in: $0) }
                == bytes("FF FF FD 00 01 07 00 02 84 00 04 00 1D 15"))
        #expect(
            packet { Dynamixel.appendRead(126, count: 10, from: 2, in: $0) }
                == bytes("FF FF FD 00 02 07 00 02 7E 00 0A 00 3C C9"))
        let writes: [(DynamixelRegister, Int, UInt8, String)] = [
            (.torqueEnable, 1, 1, "FF FF FD 00 01 06 00 03 40 00 01 DB 66"),
            (.operatingMode, 16, 9, "FF FF FD 00 09 06 00 03 0B 00 10 A2 EB"),
            (.goalPosition, 2048, 7, "FF FF FD 00 07 09 00 03 74 00 00 08 00 00 3F 49"),
            (.goalPWM, -350, 9, "FF FF FD 00 09 07 00 03 64 00 A2 FE 75 C3"),
            (.busWatchdog, 5, 1, "FF FF FD 00 01 06 00 03 62 00 05 68 E4"),
        ]
        for (register, value, id, expected) in writes {
            #expect(packet { Dynamixel.appendWrite(value, to: register, of: id, in: $0) } == bytes(expected))
        }
        #expect(
            packet { Dynamixel.appendWrite(1024, to: .goalPosition, of: 1, instruction: .registeredWrite, in: $0) }
                == bytes("FF FF FD 00 01 09 00 04 74 00 00 04 00 00 C1 0E"))
        #expect(packet { Dynamixel.append(.reboot, to: 9, in: $0) } == bytes("FF FF FD 00 09 03 00 08 2C 6E"))
        #expect(
            packet { Dynamixel.append(.action, to: Dynamixel.broadcastID, in: $0) }
                == bytes("FF FF FD 00 FE 03 00 05 2A C2"))
        let ids: [UInt8] = [1, 2]
        #expect(
            packet { Dynamixel.appendSyncRead(126, count: 10, from: ids, in: $0) }
                == bytes("FF FF FD 00 FE 09 00 82 7E 00 0A 00 01 02 38 92"))
        #expect(
            packet { Dynamixel.appendSyncRead(126, count: 10, from: ids, isFast: true, in: $0) }
                == bytes("FF FF FD 00 FE 09 00 8A 7E 00 0A 00 01 02 BB 1A"))
    }

    @Test func syncWritesAreWhatTheVendorsLibrarySends() {
        let goals: [(UInt8, Int)] = [(1, 2048), (2, 1024), (4, 3072), (6, 2048), (7, 2560), (8, 2047)]
        let written = packet { buffer in
            let start = Dynamixel.beginSyncWrite(116, width: 4, in: buffer)
            for (id, goal) in goals {
                buffer.append(id)
                buffer.append(littleEndian: goal, width: 4)
            }
            Dynamixel.end(start, in: buffer)
        }
        #expect(
            written
                == bytes(
                    "FF FF FD 00 FE 25 00 83 74 00 04 00 01 00 08 00 00 02 00 04 00 00 04 00 0C 00 00 06 00 08 00 00 "
                        + "07 00 0A 00 00 08 FF 07 00 00 08 04"))
        #expect(written.count == Dynamixel.syncWriteLength(servos: 6, width: 4))
    }

    /// From the C++ library: the Python one never stuffs.
    @Test func whatLooksLikeAHeaderIsStuffed() {
        #expect(
            packet { Dynamixel.appendWrite(0x00FD_FFFF, to: .goalPosition, of: 1, in: $0) }
                == bytes("FF FF FD 00 01 0A 00 03 74 00 FF FF FD FD 00 21 E7"))
        let data = packet { buffer in
            let start = Dynamixel.begin(.write, to: 1, in: buffer)
            buffer.append(littleEndian: 224, width: 2)
            bytes("FF FF FD FD FF FF FD 01").withUnsafeBytes { buffer.append($0) }
            Dynamixel.end(start, in: buffer)
        }
        #expect(data == bytes("FF FF FD 00 01 0F 00 03 E0 00 FF FF FD FD FD FF FF FD FD 01 61 FA"))
        let sync = packet { buffer in
            let start = Dynamixel.beginSyncWrite(116, width: 4, in: buffer)
            buffer.append(1)
            buffer.append(littleEndian: 0x00FD_FFFF, width: 4)
            buffer.append(2)
            buffer.append(littleEndian: 2048, width: 4)
            Dynamixel.end(start, in: buffer)
        }
        #expect(sync == bytes("FF FF FD 00 FE 12 00 83 74 00 04 00 01 FF FF FD FD 00 02 00 08 00 00 DB 98"))
        for written in [data, sync] {
            let read = DynamixelParser().receive(written)
            #expect(read.count == 1)
            #expect(!read[0].parameters.isEmpty)
        }
        #expect(DynamixelParser().receive(data)[0].parameters == bytes("E0 00 FF FF FD FD FF FF FD 01"))
    }

    @Test func answersAreUnderstood() throws {
        let cases: [(String, UInt8, [UInt8])] = [
            ("FF FF FD 00 01 07 00 55 00 FC 03 2D 17 43", 1, [0, 0xFC, 0x03, 0x2D]),
            ("FF FF FD 00 01 08 00 55 00 00 08 00 00 1C 38", 1, [0, 0, 8, 0, 0]),
            ("FF FF FD 00 09 04 00 55 07 73 0F", 9, [7]),
            ("FF FF FD 00 03 05 00 55 80 20 9A 51", 3, [0x80, 0x20]),
            ("FF FF FD 00 01 09 00 55 00 FF FF FD FD 00 D8 9C", 1, [0, 0xFF, 0xFF, 0xFD, 0]),
            (
                "FF FF FD 00 FE 1D 00 55 00 01 F4 FF 05 00 00 00 00 08 00 00 CF E5 00 02 1E 00 F9 FF FF FF E8 03 00 "
                    + "00 0F 70",
                0xFE,
                bytes("00 01 F4 FF 05 00 00 00 00 08 00 00 CF E5 00 02 1E 00 F9 FF FF FF E8 03 00 00")
            ),
        ]
        for (text, id, parameters) in cases {
            #expect(
                DynamixelParser().receive(bytes(text)) == [Received(id: id, instruction: 0x55, parameters: parameters)])
        }
        // What we send as a servo is what the vendor's library took.
        #expect(
            packet { buffer in
                bytes("FC 03 2D").withUnsafeBytes { Dynamixel.appendStatus(from: 1, $0, in: buffer) }
            } == bytes(cases[0].0))
        #expect(
            packet { buffer in
                bytes("20").withUnsafeBytes {
                    Dynamixel.appendStatus(from: 3, error: Dynamixel.StatusError(0x80), $0, in: buffer)
                }
            } == bytes(cases[3].0))
    }

    @Test func numbersInAnswersHaveTheirSigns() {
        let parser = DynamixelParser()
        let answers = parser.receive(
            bytes(
                "FF FF FD 00 01 0E 00 55 00 F4 FF 05 00 00 00 00 08 00 00 54 8E "
                    + "FF FF FD 00 02 0E 00 55 00 1E 00 F9 FF FF FF E8 03 00 00 18 70"))
        let decoded = answers.map { answer in
            answer.parameters.dropFirst().withUnsafeBytes { data in
                [DynamixelRegister.presentCurrent, .presentVelocity, .presentPosition].map {
                    $0.value(in: data, base: 126)
                }
            }
        }
        #expect(decoded == [[-12, 5, 2048], [30, -7, 1000]])
    }

    @Test func statusErrorsAreANumberAndAFlag() {
        #expect(Dynamixel.StatusError(0x80).hasHardwareAlert && Dynamixel.StatusError(0x80).number == 0)
        #expect(!Dynamixel.StatusError(7).hasHardwareAlert && Dynamixel.StatusError(7).number == 7)
        #expect(Dynamixel.StatusError(0x87).description.contains("EEPROM while torque is on"))
        #expect(Dynamixel.StatusError(0x87).description.contains("hardware alert"))
        #expect(DynamixelHardwareError(rawValue: 0x24).description == "overheating, overload")
    }

    @Test func lengthsOnTheWireAreAsTheyAre() {
        #expect(Dynamixel.syncReadRequestLength(servos: 9) == 23)
        #expect(Dynamixel.syncReadReplyLength(servos: 9, count: 10, isFast: false) == 189)
        #expect(Dynamixel.syncReadReplyLength(servos: 9, count: 10, isFast: true) == 134)
        #expect(Dynamixel.syncWriteLength(servos: 6, width: 4) == 44)
    }
}

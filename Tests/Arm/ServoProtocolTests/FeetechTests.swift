import ServoProtocol
import Testing

/// Packets recorded from the vendor's Python library, and answers that it accepted.
@Suite struct FeetechTests {
    @Test func requestsAreWhatTheVendorsLibrarySends() {
        #expect(packet { Feetech.append(.ping, to: 1, in: $0) } == bytes("FF FF 01 02 01 FB"))
        #expect(packet { Feetech.append(.ping, to: Feetech.broadcastID, in: $0) } == bytes("FF FF FE 02 01 FE"))
        #expect(packet { Feetech.append(.action, to: Feetech.broadcastID, in: $0) } == bytes("FF FF FE 02 05 FA"))
        #expect(packet { Feetech.appendRead(3, count: 2, from: 1, in: $0) } == bytes("FF FF 01 04 02 03 02 F3"))
        #expect(packet { Feetech.appendRead(56, count: 2, from: 1, in: $0) } == bytes("FF FF 01 04 02 38 02 BE"))
        let writes: [(FeetechRegister, Int, UInt8, String)] = [
            (.torqueEnable, 1, 1, "FF FF 01 04 03 28 01 CE"),
            (.lock, 0, 1, "FF FF 01 04 03 37 00 C0"),
            (.operatingMode, 0, 6, "FF FF 06 04 03 21 00 D1"),
            (.maximumTorque, 500, 6, "FF FF 06 05 03 10 F4 01 EC"),
            (.homingOffset, -1024, 2, "FF FF 02 05 03 1F 00 0C CA"),
            (.goalPosition, 3000, 4, "FF FF 04 05 03 2A B8 0B 06"),
        ]
        for (register, value, id, expected) in writes {
            #expect(packet { Feetech.appendWrite(value, to: register, of: id, in: $0) } == bytes(expected))
        }
        #expect(
            packet { Feetech.appendWrite(2048, to: .goalPosition, of: 1, instruction: .registeredWrite, in: $0) }
                == bytes("FF FF 01 05 04 2A 00 08 C3"))
        let ids: [UInt8] = [1, 2, 3, 4, 5, 6]
        #expect(
            packet { Feetech.appendSyncRead(56, count: 2, from: ids, in: $0) }
                == bytes("FF FF FE 0A 82 38 02 01 02 03 04 05 06 26"))
    }

    @Test func syncWritesAreWhatTheVendorsLibrarySends() {
        let goals: [(UInt8, Int)] = [(1, 2048), (2, 1500), (3, 2500), (4, 2048), (5, 1024), (6, 2600)]
        let written = packet { buffer in
            let start = Feetech.beginSyncWrite(42, width: 2, in: buffer)
            for (id, goal) in goals {
                buffer.append(id)
                buffer.append(littleEndian: FeetechRegister.goalPosition.encoded(goal), width: 2)
            }
            Feetech.end(start, in: buffer)
        }
        #expect(
            written == bytes("FF FF FE 16 83 2A 02 01 00 08 02 DC 05 03 C4 09 04 00 08 05 00 04 06 28 0A 33"))
        #expect(written.count == Feetech.syncWriteLength(servos: 6, width: 2))
        let motion = packet { buffer in
            let start = Feetech.beginSyncWrite(41, width: 7, in: buffer)
            for id: UInt8 in [1, 2] {
                buffer.append(id)
                buffer.append(254)
                for value in [2048, 0, 3000] { buffer.append(littleEndian: value, width: 2) }
            }
            Feetech.end(start, in: buffer)
        }
        #expect(motion == bytes("FF FF FE 14 83 29 07 01 FE 00 08 00 00 B8 0B 02 FE 00 08 00 00 B8 0B A5"))
    }

    @Test func aRegisterSaysWhatItCanHold() {
        #expect(FeetechRegister.homingOffset.holds(2_047) && FeetechRegister.homingOffset.holds(-2_047))
        for value in [2_048, -2_048, 3_000] { #expect(!FeetechRegister.homingOffset.holds(value), "\(value)") }
        #expect(!FeetechRegister.lock.holds(-1) && !FeetechRegister.lock.holds(256) && FeetechRegister.lock.holds(255))
        #expect(DynamixelRegister.homingOffset.holds(-5_000) && !DynamixelRegister.profileVelocity.holds(-1))
        #expect(!DynamixelRegister.id.holds(256) && !DynamixelRegister.goalCurrent.holds(40_000))
    }

    /// 3000 would become 2998 or 2047 on the wire, and an angle another.
    @Test func whatARegisterCannotHoldIsNotCut() async {
        await #expect(processExitsWith: .failure) {
            Feetech.appendWrite(3_000, to: .homingOffset, of: 1, in: PacketBuffer(capacity: 100))
        }
        await #expect(processExitsWith: .failure) {
            Dynamixel.appendWrite(300, to: .id, of: 1, in: PacketBuffer(capacity: 100))
        }
    }

    @Test func answersAreUnderstood() {
        let answers = FeetechParser().receive(
            bytes(
                "FF FF 01 04 00 00 08 F2 FF FF 02 04 00 DC 05 18 FF FF 03 04 00 C4 09 2B FF FF 04 04 00 00 08 EF "
                    + "FF FF 05 04 00 00 04 F2 FF FF 06 04 00 28 0A C3"))
        let positions = answers.map { answer in
            answer.parameters.withUnsafeBytes { FeetechRegister.presentPosition.value(in: $0, base: 56) }
        }
        #expect(answers.map(\.id) == [1, 2, 3, 4, 5, 6])
        #expect(positions == [2048, 1500, 2500, 2048, 1024, 2600])
        let alert = FeetechParser().receive(bytes("FF FF 05 04 20 00 08 CE"))
        #expect(alert.map { Feetech.StatusError(rawValue: $0.instruction) } == [.overload])
        #expect(
            packet { buffer in bytes("00 08").withUnsafeBytes { Feetech.appendStatus(from: 1, $0, in: buffer) } }
                == bytes("FF FF 01 04 00 00 08 F2"))
    }

    @Test func signsStandInFrontOfMagnitudes() {
        #expect(FeetechRegister.homingOffset.encoded(-1024) == 3072)
        #expect(FeetechRegister.homingOffset.encoded(1000) == 1000)
        #expect(FeetechRegister.presentPosition.decoded(0x8005) == -5)
        #expect(FeetechRegister.presentLoad.decoded(0x04C8) == -200)
        #expect(FeetechRegister.presentVelocity.decoded(0x8064) == -100)
        for value in -2_047...2_047 {
            #expect(FeetechRegister.homingOffset.decoded(FeetechRegister.homingOffset.encoded(value)) == value)
        }
    }

    @Test func errorsHaveNames() {
        #expect("\(Feetech.StatusError(rawValue: 0x24))" == "overheating, overload")
        #expect("\(Feetech.StatusError(rawValue: 0))" == "none")
        #expect("\(Feetech.StatusError(rawValue: 0x41))" == "input voltage, error bits 65")
    }
}

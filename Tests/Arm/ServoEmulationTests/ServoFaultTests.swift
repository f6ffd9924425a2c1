import ServoEmulation
import ServoProtocol
import Testing
import Time

/// What can be wrong inside one servo, and what the host sees of it.
@Suite struct ServoFaultTests {
    private func dynamixel(_ ids: [UInt8] = [1, 2]) -> Host<EmulatedDynamixelBus> {
        Host(EmulatedDynamixelBus(ids.map { .init(id: $0) }))
    }

    private func feetech(
        _ servos: [EmulatedFeetechBus.Servo] = [.init(id: 1), .init(id: 2)]
    ) -> Host<EmulatedFeetechBus> {
        Host(EmulatedFeetechBus(servos))
    }

    private func packets<Framing: PacketFraming>(
        _ bytes: [UInt8], _ framing: Framing.Type
    ) -> [(id: UInt8, data: [UInt8])] {
        let parser = PacketParser<Framing>()
        _ = bytes.withUnsafeBytes { parser.feed($0) }
        var found: [(id: UInt8, data: [UInt8])] = []
        while let packet = parser.next() { found.append((packet.id, Array(parser.parameters))) }
        return found
    }

    @Test func faultsAreReadFromWords() throws {
        let parsed = try #require(ServoFault.parsed("torque", [4, 0]))
        #expect(parsed.fault == .torque(isOn: false) && parsed.id == 4)
        #expect(ServoFault.parsed("level", [1, 2])?.fault == .answerLevel(2))
        #expect(ServoFault.parsed("phase", [1, 28])?.fault == .phase(28))
        #expect(ServoFault.parsed("duplicate", [9])?.fault == .duplicate)
        #expect(ServoFault.parsed("protocol", [9, 1])?.fault == .protocolVersion(1))
        #expect(ServoFault.parsed("firmware", [9, 3, 9])?.fault == .firmware(major: 3, minor: 9))
        let wrong: [(String, [Double])] = [
            ("torque", [4]), ("torque", [4, 2]), ("level", [1, 3]), ("phase", [1, 256]), ("duplicate", []),
            ("protocol", [1, 3]),
            ("duplicate", [1.5]), ("colour", [1, 1]),
        ]
        for (name, numbers) in wrong { #expect(ServoFault.parsed(name, numbers) == nil, "\(name) \(numbers)") }
    }

    @Test func whatAServoDoesNotHaveIsRefused() {
        #expect(!dynamixel().bus.apply(.phase(16), to: 1))
        #expect(!feetech().bus.apply(.protocolVersion(1), to: 1))
        #expect(!feetech().bus.apply(.answerLevel(2), to: 1))
        #expect(!feetech().bus.apply(.duplicate, to: 7))
    }

    @Test func torqueGoesOffWithoutAnError() {
        let host = dynamixel()
        host.send { Dynamixel.appendWrite(1, to: .torqueEnable, of: 1, in: $0) }
        _ = host.wait()
        host.bus.apply(.torque(isOn: false), to: 1)
        #expect(host.bus.value(of: .torqueEnable, at: 1) == 0 && host.bus.value(of: .hardwareErrorStatus, at: 1) == 0)
        // A goal is taken and goes nowhere.
        host.send { Dynamixel.appendWrite(3_000, to: .goalPosition, of: 1, in: $0) }
        #expect(packets(host.wait(.seconds(1)), DynamixelFraming.self).map(\.data) == [[0]])
        #expect(host.bus.position(of: 1) == 2_048)
        let other = feetech()
        other.send { Feetech.appendWrite(1, to: .torqueEnable, of: 1, in: $0) }
        _ = other.wait()
        other.bus.apply(.torque(isOn: false), to: 1)
        #expect(other.bus.value(of: .torqueEnable, at: 1) == 0)
    }

    @Test(arguments: [0, 1, 2])
    func aDynamixelServoAnswersWhatItsLevelSays(level: Int) {
        let host = dynamixel([1])
        host.bus.apply(.answerLevel(level), to: 1)
        host.send { Dynamixel.append(.ping, to: 1, in: $0) }
        #expect(host.wait().count == 14)
        host.send { Dynamixel.appendRead(132, count: 4, from: 1, in: $0) }
        #expect(host.wait().isEmpty == (level < 1))
        host.send { Dynamixel.appendSyncRead(132, count: 4, from: [1], in: $0) }
        #expect(host.wait().isEmpty == (level < 1))
        host.send { Dynamixel.appendSyncRead(132, count: 4, from: [1], isFast: true, in: $0) }
        #expect(host.wait().isEmpty == (level < 1))
        host.send { Dynamixel.appendWrite(1, to: .torqueEnable, of: 1, in: $0) }
        #expect(host.wait().isEmpty == (level < 2))
        #expect(host.bus.value(of: .torqueEnable, at: 1) == 1, "a write is obeyed, answered or not")
    }

    @Test(arguments: [0, 1])
    func aFeetechServoAnswersWritesFromLevelOneOn(level: Int) {
        let host = feetech()
        host.bus.apply(.answerLevel(level), to: 1)
        host.send { Feetech.append(.ping, to: 1, in: $0) }
        #expect(host.wait().count == 6)
        host.send { Feetech.appendRead(56, count: 2, from: 1, in: $0) }
        #expect(host.wait().count == 8)
        host.send { Feetech.appendWrite(1_000, to: .goalPosition, of: 1, in: $0) }
        #expect(host.wait().isEmpty == (level == 0))
        #expect(host.bus.value(of: .goalPosition, at: 1) == 1_000)
        host.bus.cyclePower()
        #expect(host.bus.value(of: .responseStatusLevel, at: 1) == level, "it outlasts the power")
    }

    @Test func twoServosOfOneIdSpoilEachOthersAnswers() {
        let host = dynamixel()
        host.bus.apply(.duplicate, to: 2)
        for id in [UInt8(1), 2] {
            host.send { Dynamixel.append(.ping, to: id, in: $0) }
            let answer = host.wait()
            #expect(!answer.isEmpty)
            #expect(packets(answer, DynamixelFraming.self).count == (id == 1 ? 1 : 0))
        }
        host.send { Dynamixel.append(.ping, to: Dynamixel.broadcastID, in: $0) }
        #expect(packets(host.wait(), DynamixelFraming.self).map(\.id) == [1])
        // What is written, both obey.
        host.send { Dynamixel.appendWrite(3, to: .id, of: 2, in: $0) }
        _ = host.wait()
        #expect(host.bus.ids == [1, 3, 3])
        let other = feetech()
        other.bus.apply(.duplicate, to: 1)
        other.send { Feetech.append(.ping, to: 1, in: $0) }
        let answer = other.wait()
        #expect(!answer.isEmpty && packets(answer, FeetechFraming.self).isEmpty)
    }

    /// One answers at once, the other after its return delay: both are heard.
    @Test func answersThatDoNotOverlapAreBothWhole() {
        let host = dynamixel([1])
        host.bus.apply(.duplicate, to: 1)
        host.send { Dynamixel.appendWrite(5, to: .id, of: 1, in: $0) }
        _ = host.wait()
        let pair = Host(EmulatedDynamixelBus([.init(id: 5), .init(id: 6)]))
        pair.send { Dynamixel.appendWrite(0, to: .returnDelayTime, of: 6, in: $0) }
        _ = pair.wait()
        pair.send { Dynamixel.appendWrite(5, to: .id, of: 6, in: $0) }
        _ = pair.wait()
        pair.send { Dynamixel.append(.ping, to: 5, in: $0) }
        #expect(packets(pair.wait(), DynamixelFraming.self).map(\.id) == [5, 5])
    }

    @Test func aServoAtAnotherRateHearsNothing() {
        let host = dynamixel([1])
        host.bus.hostBaud = 57_600
        host.send { Dynamixel.append(.ping, to: 1, in: $0) }
        #expect(host.wait().isEmpty)
        host.bus.hostBaud = 1_000_000
        host.send { Dynamixel.appendWrite(1, to: .baudRate, of: 1, in: $0) }
        #expect(host.wait().isEmpty, "the answer comes at the new rate: noise")
        host.bus.hostBaud = 57_600
        host.send { Dynamixel.append(.ping, to: 1, in: $0) }
        #expect(host.wait().count == 14)
        let other = feetech()
        other.bus.hostBaud = 1_000_000
        other.send { Feetech.appendWrite(4, to: .baudRate, of: 1, in: $0) }
        #expect(other.wait().isEmpty)
        other.bus.hostBaud = 115_200
        other.send { Feetech.append(.ping, to: 1, in: $0) }
        #expect(other.wait().count == 6)
    }

    @Test func aServoOfTheFirstProtocolAnswersOnlyThat() {
        let host = dynamixel()
        host.bus.apply(.protocolVersion(1), to: 2)
        host.send { Dynamixel.append(.ping, to: 2, in: $0) }
        #expect(host.wait().isEmpty)
        host.send { Feetech.append(.ping, to: 2, in: $0) }
        #expect(packets(host.wait(), FeetechFraming.self).map(\.id) == [2])
        host.send { Feetech.appendRead(0, count: 2, from: 2, in: $0) }
        #expect(packets(host.wait(), FeetechFraming.self).map(\.data) == [[0xFC, 0x03]])
        host.send { Feetech.append(.ping, to: 1, in: $0) }
        #expect(host.wait().isEmpty, "the other one speaks the second protocol")
        host.send { buffer in
            let start = Feetech.begin(.write, to: 2, in: buffer)
            for byte: UInt8 in [13, 2] { buffer.append(byte) }
            Feetech.end(start, in: buffer)
        }
        _ = host.wait()
        host.send { Dynamixel.append(.ping, to: 2, in: $0) }
        #expect(host.wait().count == 14)
    }

    @Test func aFeetechServoThatCountsTurnsGoesBeyondOne() {
        let host = feetech([.init(id: 1, pulses: 5_047)])
        _ = host.wait()
        #expect(host.bus.position(of: 1) == 951)
        host.bus.apply(.phase(28), to: 1)
        #expect(host.bus.position(of: 1) == 5_047)
        host.send { Feetech.appendWrite(2_047, to: .homingOffset, of: 1, in: $0) }
        _ = host.wait()
        #expect(host.bus.position(of: 1) == 3_000)
        // Without power it forgets how many turns there were; the phase it keeps.
        host.bus.cyclePower()
        #expect(host.bus.value(of: .phase, at: 1) == 28 && host.bus.position(of: 1) == 951)
        host.send { Feetech.appendWrite(12, to: .phase, of: 1, in: $0) }
        _ = host.wait()
        #expect(host.bus.position(of: 1) == 951)
    }

    @Test func firmwareIsAsAsked() {
        let host = dynamixel()
        host.bus.apply(.firmware(major: 38, minor: 0), to: 1)
        #expect(host.bus.value(of: .firmwareVersion, at: 1) == 38)
        let other = feetech([.init(id: 1, firmware: (3, 9))])
        #expect(other.bus.value(of: .firmwareMinor, at: 1) == 9)
    }
}

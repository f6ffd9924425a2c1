import ServoEmulation
import ServoProtocol
import Testing
import Time

@Suite struct EmulatedFeetechTests {
    private func host(
        _ servos: [EmulatedFeetechBus.Servo] = (1...6).map { EmulatedFeetechBus.Servo(id: $0) }
    ) -> Host<EmulatedFeetechBus> { Host(EmulatedFeetechBus(servos)) }

    private func answers(_ bytes: [UInt8]) -> [(id: UInt8, error: UInt8, data: [UInt8])] {
        let parser = FeetechParser()
        _ = bytes.withUnsafeBytes { parser.feed($0) }
        var result: [(id: UInt8, error: UInt8, data: [UInt8])] = []
        while let packet = parser.next() { result.append((packet.id, packet.instruction, Array(parser.parameters))) }
        return result
    }

    private func write(_ value: Int, _ register: FeetechRegister, _ id: UInt8, _ host: Host<EmulatedFeetechBus>) {
        host.send { Feetech.appendWrite(value, to: register, of: id, in: $0) }
        #expect(answers(host.wait()).map(\.id) == [id])
    }

    @Test func syncReadsAreAnsweredInTurn() {
        let host = host()
        host.send { Feetech.appendSyncRead(56, count: 2, from: [1, 2, 3, 4, 5, 6], in: $0) }
        let found = answers(host.wait())
        #expect(found.map(\.id) == [1, 2, 3, 4, 5, 6] && found.allSatisfy { $0.data == [0, 8] })
        host.bus.faults.missing = [3]
        host.send { Feetech.appendSyncRead(56, count: 2, from: [1, 2, 3, 4, 5, 6], in: $0) }
        #expect(answers(host.wait()).map(\.id) == [1, 2, 4, 5, 6])
    }

    @Test func pingHasNoModelTheRegisterHas() {
        let host = host()
        host.send { Feetech.append(.ping, to: 1, in: $0) }
        #expect(answers(host.wait()).map(\.data) == [[]])
        host.send { Feetech.appendRead(3, count: 2, from: 1, in: $0) }
        #expect(answers(host.wait()).map(\.data) == [[9, 3]])
    }

    @Test func presentIsActualMinusOffset() {
        let host = host([.init(id: 2, pulses: 1_000, homingOffset: -1_024)])
        #expect(host.bus.position(of: 2) == 2_024)
        write(0, .lock, 2, host)
        write(500, .homingOffset, 2, host)
        #expect(host.bus.position(of: 2) == 500)
    }

    @Test func eepromIsKeptOnlyWhileUnlocked() {
        let host = host()
        write(100, .minimumPosition, 1, host)
        host.bus.cyclePower()
        #expect(host.bus.value(of: .minimumPosition, at: 1) == 0, "it was locked")
        write(0, .lock, 1, host)
        write(100, .minimumPosition, 1, host)
        host.bus.cyclePower()
        #expect(host.bus.value(of: .minimumPosition, at: 1) == 100)
        #expect(host.bus.value(of: .torqueEnable, at: 1) == 0)
    }

    /// Unlike a Dynamixel servo it goes where the goal register was left: a driver has to write it first.
    @Test func torqueGoesToTheOldGoal() throws {
        let host = host()
        write(1_500, .goalPosition, 1, host)
        _ = host.wait(.seconds(1))
        #expect(host.bus.position(of: 1) == 2_048)
        write(1, .torqueEnable, 1, host)
        _ = host.wait(.seconds(1))
        #expect(host.bus.position(of: 1) == 1_500)
    }

    @Test func goalsStopAtTheLimits() {
        let host = host([.init(id: 1, limits: 1_000...3_000)])
        write(1, .torqueEnable, 1, host)
        write(4_000, .goalPosition, 1, host)
        _ = host.wait(.seconds(2))
        #expect(host.bus.position(of: 1) == 3_000)
    }

    @Test func aLongPushIsAnOverloadWithLessTorque() throws {
        let host = host()
        host.bus.setObstacle(0...2_100, at: 1)
        write(1, .torqueEnable, 1, host)
        write(3_000, .goalPosition, 1, host)
        _ = host.wait(.milliseconds(500))
        #expect(host.bus.value(of: .presentLoad, at: 1) == 1_000)
        for _ in 0..<30 { _ = host.wait(.milliseconds(100)) }
        #expect(host.bus.value(of: .presentLoad, at: 1) == 200)
        host.send { Feetech.append(.ping, to: 1, in: $0) }
        #expect(answers(host.wait()).map(\.error) == [32])
    }

    @Test func heatSwitchesTorqueOff() {
        let host = host()
        write(1, .torqueEnable, 4, host)
        host.bus.setTemperature(90, at: 4)
        #expect(host.bus.value(of: .torqueEnable, at: 4) == 0)
        host.send { Feetech.append(.ping, to: 4, in: $0) }
        #expect(answers(host.wait()).map(\.error) == [4])
    }

    @Test func theCommand128CallsThePresentPositionTheMiddle() {
        let host = host([.init(id: 1, pulses: 700)])
        write(128, .torqueEnable, 1, host)
        #expect(host.bus.position(of: 1) == 2_048)
    }
}

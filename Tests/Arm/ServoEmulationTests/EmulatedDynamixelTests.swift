import ServoEmulation
import ServoProtocol
import Testing
import Time

/// A host that talks to an emulated bus in a time of its own.
final class Host<Bus: EmulatedBus> {
    let bus: Bus
    private(set) var now = MonotonicTime.zero + .seconds(1)

    init(_ bus: Bus) { self.bus = bus }

    func send(_ write: (PacketBuffer) -> Void) {
        let buffer = PacketBuffer(capacity: 1_000)
        write(buffer)
        bus.receive(buffer.bytes, at: now)
    }

    /// What the bus answers within `duration`.
    func wait(_ duration: Duration = .milliseconds(20)) -> [UInt8] {
        now = now + duration
        bus.advance(to: now)
        return bus.takeReplies(at: now)
    }
}

@Suite struct EmulatedDynamixelTests {
    private func host(
        _ servos: [EmulatedDynamixelBus.Servo] = [.init(id: 1), .init(id: 2)]
    ) -> Host<EmulatedDynamixelBus> {
        Host(EmulatedDynamixelBus(servos))
    }

    private func answers(_ bytes: [UInt8]) -> [(id: UInt8, error: UInt8, data: [UInt8])] {
        let parser = DynamixelParser()
        _ = bytes.withUnsafeBytes { parser.feed($0) }
        var result: [(id: UInt8, error: UInt8, data: [UInt8])] = []
        while let packet = parser.next() {
            result.append((packet.id, parser.parameters.first ?? 0xEE, Array(parser.parameters.dropFirst())))
        }
        return result
    }

    private func write(
        _ value: Int, _ register: DynamixelRegister, _ id: UInt8, _ host: Host<EmulatedDynamixelBus>
    ) -> UInt8? {
        host.send { Dynamixel.appendWrite(value, to: register, of: id, in: $0) }
        return answers(host.wait()).first?.error
    }

    @Test func aShaftThatAWorldTurnsIsWhatTheRegistersSay() {
        for isReversed in [false, true] {
            let bus = EmulatedDynamixelBus([.init(id: 1, isReversed: isReversed)])
            let host = Host(bus)
            bus.setShaft(EmulatedShaft(position: 2_500, velocity: 0, effort: 0), of: 1)
            #expect(bus.position(of: 1) == 2_500)
            #expect(bus.drive(of: 1) == nil, "no torque yet")
            #expect(write(1, .torqueEnable, 1, host) == 0)
            #expect(write(2_600, .goalPosition, 1, host) == 0)
            _ = host.wait(.milliseconds(300))
            // The control goes to its goal; the shaft is where the world has it.
            #expect(abs((bus.drive(of: 1) ?? 0) - 2_600) < 1)
            #expect(bus.position(of: 1) == 2_500)
            bus.setShaft(EmulatedShaft(position: 2_550, velocity: 40, effort: 0.5), of: 1)
            #expect(bus.position(of: 1) == 2_550)
            #expect((bus.value(of: .presentVelocity, at: 1) ?? 0) > 0)
            #expect((bus.value(of: .presentCurrent, at: 1) ?? 0) > 0)
            // Without torque its control lets go of the goal and starts, later, from where the shaft is.
            #expect(write(0, .torqueEnable, 1, host) == 0)
            bus.setShaft(EmulatedShaft(position: 2_000, velocity: 0, effort: 0), of: 1)
            #expect(write(1, .torqueEnable, 1, host) == 0)
            _ = host.wait(.milliseconds(10))
            #expect(abs((bus.drive(of: 1) ?? 0) - 2_000) < 1)
        }
    }

    @Test func everyServoAnswersABroadcastPing() {
        let host = host()
        host.send { Dynamixel.append(.ping, to: Dynamixel.broadcastID, in: $0) }
        let found = answers(host.wait())
        #expect(found.map(\.id) == [1, 2])
        #expect(found.allSatisfy { $0.data == [0xFC, 0x03, 45] && $0.error == 0 })
    }

    @Test func anAnswerTakesItsTimeOnTheLine() {
        let host = host()
        host.send { Dynamixel.append(.ping, to: 1, in: $0) }
        // 10 + 14 bytes at 10 µs, and a return delay of 500 µs.
        #expect(host.wait(.microseconds(730)).isEmpty)
        #expect(host.wait(.microseconds(20)).count == 14)
    }

    @Test func aFastSyncReadIsOnePacketWithRunningSums() {
        let host = host()
        host.send { Dynamixel.appendSyncRead(132, count: 4, from: [1, 2], isFast: true, in: $0) }
        let reply = host.wait()
        #expect(reply.count == Dynamixel.syncReadReplyLength(servos: 2, count: 4, isFast: true))
        let found = answers(reply)
        #expect(found.count == 1 && found.first?.id == Dynamixel.broadcastID)
        host.bus.faults.missing = [2]
        host.send { Dynamixel.appendSyncRead(132, count: 4, from: [1, 2], isFast: true, in: $0) }
        #expect(host.wait().isEmpty)
        host.send { Dynamixel.appendSyncRead(132, count: 4, from: [1, 2], in: $0) }
        #expect(answers(host.wait()).map(\.id) == [1])
    }

    @Test func eepromIsClosedWhileTorqueIsOn() {
        let host = host()
        #expect(write(16, .operatingMode, 1, host) == 0)
        #expect(write(3, .operatingMode, 1, host) == 0)
        #expect(write(1, .torqueEnable, 1, host) == 0)
        #expect(write(16, .operatingMode, 1, host) == 7)
        #expect(host.bus.value(of: .operatingMode, at: 1) == 3)
        #expect(write(5, .presentPosition, 1, host) == 7)
        #expect(write(9_000, .goalPosition, 1, host) == 6)
        #expect(write(7, .operatingMode, 2, host) == 4)
    }

    @Test func torqueHoldsWhereItStandsAndGoalsAreFollowed() throws {
        let host = host([.init(id: 1, pulses: 1_000)])
        #expect(write(3_000, .goalPosition, 1, host) == 0)
        _ = host.wait(.seconds(1))
        #expect(host.bus.position(of: 1) == 1_000, "without torque nothing moves")
        #expect(write(1, .torqueEnable, 1, host) == 0)
        _ = host.wait(.seconds(1))
        #expect(host.bus.position(of: 1) == 1_000, "torque on holds")
        #expect(write(1_500, .goalPosition, 1, host) == 0)
        _ = host.wait(.seconds(2))
        #expect(host.bus.position(of: 1) == 1_500)
    }

    @Test func aTimeProfileTakesItsTime() throws {
        let host = host([.init(id: 1, pulses: 1_000)])
        #expect(write(4, .driveMode, 1, host) == 0)
        #expect(write(1, .torqueEnable, 1, host) == 0)
        #expect(write(1_000, .profileVelocity, 1, host) == 0)
        #expect(write(2_000, .goalPosition, 1, host) == 0)
        _ = host.wait(.milliseconds(480))
        let half = try #require(host.bus.position(of: 1))
        #expect((1_400...1_600).contains(half))
    }

    @Test func aReversedServoTurnsTheOtherWayAndReadsTheSame() {
        let host = host([.init(id: 1, pulses: 2_148, isReversed: true)])
        _ = host.wait()
        #expect(host.bus.position(of: 1) == 1_948)
        #expect(write(1, .torqueEnable, 1, host) == 0)
        #expect(write(1_500, .goalPosition, 1, host) == 0)
        _ = host.wait(.seconds(1))
        #expect(host.bus.position(of: 1) == 1_500)
    }

    @Test func aShadowObeysAndIsSilent() {
        let host = host([.init(id: 2), .init(id: 3, secondaryID: 2)])
        host.send { Dynamixel.appendWrite(1, to: .torqueEnable, of: 2, in: $0) }
        #expect(answers(host.wait()).map(\.id) == [2])
        #expect(host.bus.value(of: .torqueEnable, at: 3) == 1)
        host.send { Dynamixel.appendRead(64, count: 1, from: 3, in: $0) }
        #expect(answers(host.wait()).map(\.id) == [3])
    }

    @Test func theWatchdogStopsTheServoAndRefusesGoals() throws {
        let host = host([.init(id: 1, pulses: 1_000)])
        #expect(write(1, .torqueEnable, 1, host) == 0)
        #expect(write(5, .busWatchdog, 1, host) == 0)
        #expect(write(4_000, .goalPosition, 1, host) == 0)
        _ = host.wait(.milliseconds(70))
        #expect(host.bus.value(of: .busWatchdog, at: 1) == 5)
        _ = host.wait(.milliseconds(60))
        #expect(host.bus.value(of: .busWatchdog, at: 1) == 255)
        let stopped = try #require(host.bus.position(of: 1))
        _ = host.wait(.seconds(1))
        #expect(abs(try #require(host.bus.position(of: 1)) - stopped) < 20 && stopped < 3_000)
        #expect(write(3_000, .goalPosition, 1, host) == 4)
        #expect(write(0, .busWatchdog, 1, host) == 0)
        #expect(write(3_000, .goalPosition, 1, host) == 0)
    }

    @Test func aHardwareErrorRaisesTheAlertAndARebootEndsIt() {
        let host = host([.init(id: 1)])
        #expect(write(1, .torqueEnable, 1, host) == 0)
        host.bus.setHardwareError(DynamixelHardwareError.overload.rawValue, at: 1)
        host.send { Dynamixel.appendRead(70, count: 1, from: 1, in: $0) }
        let found = answers(host.wait())
        #expect(found.first?.error == 0x80 && found.first?.data == [0x20])
        #expect(host.bus.value(of: .torqueEnable, at: 1) == 0)
        #expect(write(1, .torqueEnable, 1, host) == 0x81)
        host.send { Dynamixel.append(.reboot, to: 1, in: $0) }
        _ = host.wait()
        #expect(write(1, .torqueEnable, 1, host) == 0)
    }

    @Test func pushingAgainstAnObstacleIsALoadAndThenAnOverload() throws {
        let host = host([.init(id: 1, pulses: 2_000)])
        #expect(write(1, .torqueEnable, 1, host) == 0)
        host.bus.setObstacle(0...2_100, at: 1)
        #expect(write(3_000, .goalPosition, 1, host) == 0)
        _ = host.wait(.milliseconds(500))
        #expect(host.bus.position(of: 1) == 2_100)
        #expect(try #require(host.bus.value(of: .presentCurrent, at: 1)) == 1_193)
        for _ in 0..<30 { _ = host.wait(.milliseconds(100)) }
        #expect(host.bus.value(of: .hardwareErrorStatus, at: 1) == 0x20)
        #expect(host.bus.value(of: .torqueEnable, at: 1) == 0)
    }

    @Test func damagedAndLostPacketsAreAsFrequentAsAsked() {
        let host = host([.init(id: 1)])
        host.bus.faults.corruptProbability = 0.2
        let parser = DynamixelParser()
        for _ in 0..<2_000 {
            host.send { Dynamixel.append(.ping, to: 1, in: $0) }
            let reply = host.wait(.milliseconds(2))
            _ = reply.withUnsafeBytes { parser.feed($0) }
            while parser.next() != nil {}
            parser.reset()
        }
        // A request is lost in 20 %, an answer damaged in 20 % of the rest.
        #expect((1_150...1_410).contains(parser.counts.packets))
        host.bus.faults = BusFaults()
        host.bus.faults.isUnplugged = true
        host.send { Dynamixel.append(.ping, to: 1, in: $0) }
        #expect(host.wait().isEmpty)
    }

    @Test func acceptedWritesAreReported() {
        let host = host()
        var written: [RegisterWrite] = []
        host.bus.onWrite = { written.append($0) }
        host.send { buffer in
            let start = Dynamixel.beginSyncWrite(116, width: 4, in: buffer)
            for id: UInt8 in [1, 2] {
                buffer.append(id)
                buffer.append(littleEndian: id == 1 ? 1_000 : 99_999, width: 4)
            }
            Dynamixel.end(start, in: buffer)
        }
        #expect(written.map(\.id) == [1], "a goal beyond the limits is not accepted")
        #expect(written.first?.address == 116 && written.first?.data == [0xE8, 3, 0, 0])
    }
}

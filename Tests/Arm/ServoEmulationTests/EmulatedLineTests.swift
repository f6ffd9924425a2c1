import ServoEmulation
import ServoProtocol
import Testing
import Time

/// What goes wrong between the host and the servos, whichever protocol they speak.
@Suite struct EmulatedLineTests {
    private static let ids: [UInt8] = [1, 2, 3, 4, 5, 6]

    private func feetech() -> Host<EmulatedFeetechBus> { Host(EmulatedFeetechBus(Self.ids.map { .init(id: $0) })) }
    private func dynamixel() -> Host<EmulatedDynamixelBus> {
        let host = Host(EmulatedDynamixelBus(Self.ids.map { .init(id: $0) }))
        // Answers come at once: a return delay would hide what the line does.
        host.send { packet in
            for id in Self.ids { Dynamixel.appendWrite(0, to: .returnDelayTime, of: id, in: packet) }
        }
        _ = host.wait()
        return host
    }

    private func ask(_ host: Host<EmulatedFeetechBus>, _ ids: [UInt8] = Self.ids) {
        host.send { Feetech.appendSyncRead(56, count: 2, from: ids, in: $0) }
    }

    private func answered(_ bytes: [UInt8]) -> [UInt8] {
        let parser = FeetechParser()
        _ = bytes.withUnsafeBytes { parser.feed($0) }
        var ids: [UInt8] = []
        while let packet = parser.next() { ids.append(packet.id) }
        return ids
    }

    @Test func anAdapterWaitsForItsLatencyTimer() {
        let host = feetech()
        host.bus.faults.latency = 0.016
        ask(host, [1, 2])
        #expect(host.wait(.milliseconds(15)).isEmpty)
        #expect(answered(host.wait(.milliseconds(3))) == [1, 2])
    }

    @Test func anAdapterHandsOverWhatFillsIt() {
        let host = feetech()
        host.bus.faults.latency = 0.016
        host.send { Feetech.appendSyncRead(0, count: 60, from: [1, 2, 3], in: $0) }
        // 3 × 66 bytes: 62 at a time, and the rest when the timer has run out.
        #expect(host.wait(.milliseconds(5)).count == 186)
        #expect(host.wait(.milliseconds(16)).count == 12)
    }

    @Test func heldAnswersComeAllAtOnce() {
        let host = feetech()
        host.bus.faults.hold = 0.1
        for _ in 0..<4 {
            ask(host)
            #expect(host.wait(.milliseconds(20)).isEmpty)
        }
        #expect(host.bus.faults.hold == 0, "once")
        #expect(answered(host.wait(.milliseconds(21))).count == 24)
        ask(host)
        #expect(answered(host.wait()) == Self.ids)
    }

    @Test func staleAnswersAreThoseToAnEarlierRequest() {
        let host = feetech()
        host.bus.faults.stale = 1
        ask(host, [1])
        #expect(host.wait().isEmpty)
        ask(host, [2])
        #expect(answered(host.wait()) == [1])
        #expect(host.bus.nextReplyTime == nil)
        ask(host, [3])
        #expect(answered(host.wait()) == [2])
        host.bus.faults.stale = 0
        #expect(answered(host.wait()) == [3])
    }

    @Test func goalsAreNoRequests() {
        let host = feetech()
        host.bus.faults.stale = 1
        ask(host, [1])
        host.send { packet in
            let start = Feetech.beginSyncWrite(42, width: 2, in: packet)
            packet.append(1)
            packet.append(littleEndian: 2_000, width: 2)
            Feetech.end(start, in: packet)
        }
        #expect(host.wait().isEmpty)
        #expect(host.bus.stance(of: 1)?.goal == 2_000)
    }

    @Test func aFrozenLineGoesOnWhereItWas() {
        let host = feetech()
        var writes: [RegisterWrite] = []
        host.bus.onWrite = { writes.append($0) }
        ask(host, [1])
        host.bus.faults.pause = 0.05
        _ = host.wait(.microseconds(1))
        host.send { Feetech.appendWrite(1_900, to: .goalPosition, of: 2, in: $0) }
        #expect(host.wait(.milliseconds(40)).isEmpty && writes.isEmpty)
        #expect(host.bus.nextReplyTime == .zero + .seconds(1) + .microseconds(50_001))
        #expect(answered(host.wait(.milliseconds(20))) == [1, 2])
        #expect(writes.map(\.id) == [2] && writes.map(\.after.goal) == [1_900])
        #expect(writes.map(\.time) == [1_050_001_000], "heard when the line went on")
    }

    @Test func garbledAnswersHaveRightChecksumsAndTellNonsense() {
        let host = feetech()
        var readings: [PositionReading] = []
        host.bus.onReading = { readings.append($0) }
        host.bus.faults.garbleProbability = 0.5
        for _ in 0..<50 {
            ask(host)
            #expect(answered(host.wait()) == Self.ids)
        }
        #expect(readings.count == 300)
        let garbled = readings.filter(\.isGarbled)
        #expect((100..<200).contains(garbled.count))
        #expect(Set(garbled.map(\.pulses)).count > 90)
        #expect(readings.allSatisfy { $0.isGarbled || $0.pulses == 2_048 })
    }

    @Test(arguments: [false, true])
    func dynamixelAnswersAreGarbledToo(isFast: Bool) {
        let host = dynamixel()
        var readings: [PositionReading] = []
        host.bus.onReading = { readings.append($0) }
        host.bus.faults.garbleProbability = 1
        host.send { Dynamixel.appendSyncRead(126, count: 10, from: Self.ids, isFast: isFast, in: $0) }
        let parser = DynamixelParser()
        _ = host.wait().withUnsafeBytes { parser.feed($0) }
        var positions: [Int] = []
        while let packet = parser.next() {
            let bytes = Array(parser.parameters)
            let starts =
                packet.id == Dynamixel.broadcastID
                ? stride(from: 2, to: bytes.count, by: 14) : stride(from: 1, to: 2, by: 1)
            for start in starts { positions.append(Int(bytes[start + 6]) | Int(bytes[start + 7]) << 8) }
        }
        #expect(readings.map(\.pulses) == positions && positions.count == 6)
        #expect(readings.allSatisfy(\.isGarbled) && Set(positions).count > 3)
    }

    @Test func whatIsDamagedOnTheWayTellsNothing() {
        let host = feetech()
        var readings = 0
        host.bus.onReading = { _ in readings += 1 }
        host.bus.faults.corruptProbability = 0.3
        var whole = 0
        for _ in 0..<50 {
            ask(host)
            whole += answered(host.wait()).count
        }
        // A damaged length lets the host's parser wait past a sound answer.
        #expect(whole <= readings && whole > 50 && readings < 200, "\(whole) of \(readings)")
    }

    @Test func aWriteSaysWhatItFoundAndWhatItLeft() {
        let host = dynamixel()
        var writes: [RegisterWrite] = []
        host.bus.onWrite = { writes.append($0) }
        host.send { Dynamixel.appendWrite(1, to: .torqueEnable, of: 1, in: $0) }
        _ = host.wait()
        host.send { Dynamixel.appendWrite(2_100, to: .goalPosition, of: 1, in: $0) }
        #expect(writes.map(\.before.isTorqueOn) == [false, true] && writes.map(\.after.isTorqueOn) == [true, true])
        #expect(writes.map(\.after.goal) == [2_048, 2_100] && writes.map(\.after.position) == [2_048, 2_048])
        #expect(host.bus.stance(of: 1) == writes.last?.after && host.bus.stance(of: 99) == nil)
    }
}

import Chance
import ServoProtocol
import Time

/// A chain of emulated STS3215 servos.
package final class EmulatedFeetechBus: EmulatedBus {
    package var faults = BusFaults()
    package var onWrite: ((RegisterWrite) -> Void)?
    package var hostBaud: Int?
    private var servos: [EmulatedFeetechServo] = []
    private let parser = FeetechParser()
    private let buffer = PacketBuffer(capacity: 1_024)
    private var replies: ReplyQueue
    private var dice: SplitMix64
    /// To the packet that is being heard.
    private var answers: [ServoAnswer] = []

    /// A servo of the chain.
    package struct Servo: Sendable {
        package var id: UInt8
        /// Where its bare encoder stands, pulses.
        package var pulses: Int
        package var homingOffset: Int
        /// Pulses, after the offset.
        package var limits: ClosedRange<Int>
        package var firmware: (major: Int, minor: Int)

        package init(
            id: UInt8, pulses: Int = 2048, homingOffset: Int = 0, limits: ClosedRange<Int> = 0...4095,
            firmware: (major: Int, minor: Int) = (3, 10)
        ) {
            self.firmware = firmware
            self.id = id
            self.pulses = pulses
            self.homingOffset = homingOffset
            self.limits = limits
        }
    }

    /// - Parameter seed: of the faults' chance.
    package init(_ servos: [Servo], baud: Int = 1_000_000, seed: UInt64 = 1) {
        self.servos = servos.map {
            EmulatedFeetechServo(
                id: $0.id, pulses: $0.pulses, homingOffset: $0.homingOffset, limits: $0.limits, baud: baud,
                firmware: $0.firmware)
        }
        replies = ReplyQueue(baud: baud)
        dice = SplitMix64(seed: seed)
    }

    package var ids: [UInt8] { servos.map(\.id) }
    package var nextReplyTime: MonotonicTime? { replies.next }

    package func takeReplies(at now: MonotonicTime) -> [UInt8] {
        let bytes = replies.take(at: now)
        return faults.isUnplugged ? [] : bytes
    }

    package func advance(to now: MonotonicTime) {
        for index in servos.indices { servos[index].advance(to: now) }
    }

    package func position(of id: UInt8) -> Int? { value(of: .presentPosition, at: id) }

    /// A register's value; nil for an unknown id.
    package func value(of register: FeetechRegister, at id: UInt8) -> Int? {
        servos.first { $0.id == id }?.value(register)
    }

    package func setObstacle(_ pulses: ClosedRange<Int>?, at id: UInt8) { change(id) { $0.setObstacle(pulses) } }
    package func turn(_ id: UInt8, to pulses: Int) { change(id) { $0.turn(to: pulses) } }
    package func setHardwareError(_ bits: UInt8, at id: UInt8) { change(id) { $0.setHardwareError(bits) } }
    package func setTemperature(_ degrees: Int, at id: UInt8) { change(id) { $0.setTemperature(degrees) } }

    @discardableResult
    package func apply(_ fault: ServoFault, to id: UInt8) -> Bool {
        guard let index = servos.firstIndex(where: { $0.id == id }) else { return false }
        guard fault == .duplicate else {
            var isKnown = false
            change(id) { isKnown = $0.apply(fault) }
            return isKnown
        }
        servos.insert(servos[index], at: index + 1)
        return true
    }

    package func cyclePower() {
        for index in servos.indices { servos[index].restart() }
        parser.reset()
        replies.removeAll()
    }

    private func change(_ id: UInt8, _ body: (inout EmulatedFeetechServo) -> Void) {
        for index in servos.indices where servos[index].id == id { body(&servos[index]) }
    }

    // MARK: - Packets

    package func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) {
        if faults.isUnplugged { return }
        advance(to: now)
        replies.hostSends(bytes.count, at: now)
        var taken = 0
        while taken < bytes.count {
            taken += parser.feed(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
            while let packet = parser.next() {
                hear(packet, Array(parser.parameters), at: now)
                sendAnswers()
            }
        }
    }

    private func hears(_ servo: EmulatedFeetechServo) -> Bool {
        !faults.missing.contains(servo.id) && (hostBaud == nil || hostBaud == servo.baud)
    }

    private func hear(_ packet: ServoPacket, _ parameters: [UInt8], at now: MonotonicTime) {
        if dice.happens(faults.dropProbability) || dice.happens(faults.corruptProbability) { return }
        guard let instruction = Feetech.Instruction(rawValue: packet.instruction) else { return }
        switch instruction {
        case .ping: forEachAddressed(packet.id, answersBroadcast: true) { _ in [] }
        case .read:
            guard parameters.count == 2 else { return }
            forEachAddressed(packet.id) { servo in
                servo.read(Int(parameters[0]), count: Int(parameters[1])).map(Array.init)
            }
        case .write, .registeredWrite:
            guard parameters.count >= 2 else { return }
            let address = Int(parameters[0])
            forEachAddressed(packet.id) { servo in
                if instruction == .registeredWrite {
                    servo.register(address, parameters[1...])
                } else if servo.write(address, parameters[1...]) {
                    self.log(servo.id, address, Array(parameters[1...]), now)
                }
                return servo.answersWrites ? [] : nil
            }
        case .action:
            forEachAddressed(packet.id) { servo in
                if let written = servo.act() { self.log(servo.id, written.address, written.data, now) }
                return servo.answersWrites ? [] : nil
            }
        case .syncRead:
            guard parameters.count > 2 else { return }
            for id in parameters[2...] {
                for servo in servos where servo.id == id && hears(servo) {
                    guard let data = servo.read(Int(parameters[0]), count: Int(parameters[1])) else { continue }
                    answer(servo, Array(data))
                }
            }
        case .syncWrite:
            guard parameters.count > 2 else { return }
            let (address, width) = (Int(parameters[0]), Int(parameters[1]))
            guard width > 0 else { return }
            for start in stride(from: 2, to: parameters.count - width, by: width + 1) {
                let data = parameters[(start + 1)..<(start + 1 + width)]
                for index in servos.indices where servos[index].id == parameters[start] {
                    guard hears(servos[index]), servos[index].write(address, data) else { continue }
                    log(servos[index].id, address, Array(data), now)
                }
            }
        }
    }

    private func log(_ id: UInt8, _ address: Int, _ data: [UInt8], _ now: MonotonicTime) {
        onWrite?(RegisterWrite(time: now.nanoseconds, id: id, address: address, data: data))
    }

    /// Lets every servo that `id` means do something; one that is meant alone answers what `body` returns.
    private func forEachAddressed(
        _ id: UInt8, answersBroadcast: Bool = false, _ body: (inout EmulatedFeetechServo) -> [UInt8]?
    ) {
        let isBroadcast = id == Feetech.broadcastID
        for index in servos.indices where hears(servos[index]) {
            guard isBroadcast || servos[index].id == id else { continue }
            // A write may give it another id; it answers with the new one. At another rate the host hears noise.
            guard let data = body(&servos[index]), !isBroadcast || answersBroadcast, hears(servos[index]) else { continue }
            answer(servos[index], data)
        }
    }

    private func answer(_ servo: EmulatedFeetechServo, _ data: [UInt8]) {
        buffer.removeAll()
        data.withUnsafeBytes { Feetech.appendStatus(from: servo.id, error: servo.error, $0, in: buffer) }
        answers.append(ServoAnswer(id: servo.id, bytes: Array(buffer.bytes), delay: servo.returnDelaySeconds))
    }

    private func sendAnswers() {
        for answer in answers.onTheLine(secondsPerByte: replies.duration(1)) {
            if dice.happens(faults.dropProbability) { continue }
            var bytes = answer.bytes
            if dice.happens(faults.corruptProbability) { dice.damage(&bytes) }
            replies.append(bytes, delay: answer.delay + faults.delay)
        }
        answers = []
    }
}

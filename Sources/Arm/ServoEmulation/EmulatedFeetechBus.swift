import Maths
import ServoProtocol
import Time

/// A chain of emulated STS3215 servos.
package final class EmulatedFeetechBus: EmulatedBus {
    package var faults = BusFaults()
    package var onWrite: ((RegisterWrite) -> Void)?
    /// Rate of the host's end, bits per second, at which alone servos hear; nil: all hear.
    package var hostBaud: Int?
    package var onReading: ((PositionReading) -> Void)?
    private var servos: [EmulatedFeetechServo] = []
    private let parser = FeetechParser()
    private let buffer = PacketBuffer(capacity: 1_024)
    private var line: EmulatedLine
    /// Time at which what the servos hear reached them.
    private var present = MonotonicTime.zero
    private var dice: SplitMix64
    /// Answers to the packet that is being heard.
    private var answers: [ServoAnswer] = []

    /// A servo of the chain.
    package struct Servo: Sendable {
        package var id: UInt8
        /// Position of the bare encoder, pulses.
        package var pulses: Int
        package var homingOffset: Int
        /// Limits of the position after the offset, pulses.
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

    /// Makes a bus on which `servos` answer at `baud` bits per second.
    /// - Parameter seed: seed of the chance that decides on faults.
    package init(_ servos: [Servo], baud: Int = 1_000_000, seed: UInt64 = 1) {
        self.servos = servos.map {
            EmulatedFeetechServo(
                id: $0.id, pulses: $0.pulses, homingOffset: $0.homingOffset, limits: $0.limits, baud: baud,
                firmware: $0.firmware)
        }
        line = EmulatedLine(baud: baud)
        dice = SplitMix64(seed: seed)
    }

    package var ids: [UInt8] { servos.map(\.id) }
    package var nextReplyTime: MonotonicTime? { line.next }

    package func takeReplies(at now: MonotonicTime) -> [UInt8] {
        advance(to: now)
        let bytes = line.take(at: now) { if !faults.isUnplugged { onReading?($0) } }
        return faults.isUnplugged ? [] : bytes
    }

    package func advance(to now: MonotonicTime) {
        line.take(&faults, at: now)
        if let (bytes, time) = line.thaw(at: now) {
            move(to: time)
            bytes.withUnsafeBytes { hear($0, at: time) }
        }
        move(to: now)
    }

    private func move(to now: MonotonicTime) {
        for index in servos.indices { servos[index].advance(to: now) }
    }

    package func position(of id: UInt8) -> Int? { value(of: .presentPosition, at: id) }
    package func stance(of id: UInt8) -> ServoStance? { servos.first { $0.id == id }?.stance }

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
        line.removeAll()
    }

    private func change(_ id: UInt8, _ body: (inout EmulatedFeetechServo) -> Void) {
        for index in servos.indices where servos[index].id == id { body(&servos[index]) }
    }

    // MARK: - Packets

    package func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) {
        if faults.isUnplugged { return }
        advance(to: now)
        if line.isFrozen(at: now) { line.keep(bytes) } else { hear(bytes, at: now) }
    }

    private func hear(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) {
        present = now
        line.hostSends(bytes.count, at: now)
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
            forEachAddressed(packet.id, tellingFrom: Int(parameters[0])) { servo in
                servo.read(Int(parameters[0]), count: Int(parameters[1])).map(Array.init)
            }
        case .write, .registeredWrite:
            guard parameters.count >= 2 else { return }
            let address = Int(parameters[0])
            forEachAddressed(packet.id) { servo in
                let before = servo.stance
                if instruction == .registeredWrite {
                    servo.register(address, parameters[1...])
                } else if servo.write(address, parameters[1...]) {
                    self.log(servo, before, address, Array(parameters[1...]), now)
                }
                return servo.answersWrites ? [] : nil
            }
        case .action:
            forEachAddressed(packet.id) { servo in
                let before = servo.stance
                if let written = servo.act() { self.log(servo, before, written.address, written.data, now) }
                return servo.answersWrites ? [] : nil
            }
        case .syncRead:
            guard parameters.count > 2 else { return }
            for id in parameters[2...] {
                for servo in servos where servo.id == id && hears(servo) {
                    guard let data = servo.read(Int(parameters[0]), count: Int(parameters[1])) else { continue }
                    answer(servo, Array(data), from: Int(parameters[0]))
                }
            }
        case .syncWrite:
            guard parameters.count > 2 else { return }
            let (address, width) = (Int(parameters[0]), Int(parameters[1]))
            guard width > 0 else { return }
            for start in stride(from: 2, to: parameters.count - width, by: width + 1) {
                let data = parameters[(start + 1)..<(start + 1 + width)]
                for index in servos.indices where servos[index].id == parameters[start] {
                    let before = servos[index].stance
                    guard hears(servos[index]), servos[index].write(address, data) else { continue }
                    log(servos[index], before, address, Array(data), now)
                }
            }
        }
    }

    private func log(
        _ servo: EmulatedFeetechServo, _ before: ServoStance, _ address: Int, _ data: [UInt8], _ now: MonotonicTime
    ) {
        onWrite?(
            RegisterWrite(
                time: now.nanoseconds, id: servo.id, address: address, data: data, before: before, after: servo.stance))
    }

    /// Lets every servo that `id` means do something; one that is meant alone answers what `body` returns.
    /// - Parameter register: the first of those whose contents the answer tells.
    private func forEachAddressed(
        _ id: UInt8, answersBroadcast: Bool = false, tellingFrom register: Int? = nil,
        _ body: (inout EmulatedFeetechServo) -> [UInt8]?
    ) {
        let isBroadcast = id == Feetech.broadcastID
        for index in servos.indices where hears(servos[index]) {
            guard isBroadcast || servos[index].id == id else { continue }
            // A write may give it another id; it answers with the new one. At another rate the host hears noise.
            guard let data = body(&servos[index]), !isBroadcast || answersBroadcast, hears(servos[index]) else {
                continue
            }
            answer(servos[index], data, from: register)
        }
    }

    /// Queues a servo's answer with `data`.
    /// - Parameter register: the address of the first register whose contents `data` is; nil when it is none's.
    private func answer(_ servo: EmulatedFeetechServo, _ data: [UInt8], from register: Int?) {
        var data = data
        let reading = register.flatMap { tell(servo, &data, from: $0) }
        buffer.removeAll()
        data.withUnsafeBytes { Feetech.appendStatus(from: servo.id, error: servo.error, $0, in: buffer) }
        answers.append(
            ServoAnswer(
                id: servo.id, bytes: Array(buffer.bytes), delay: servo.returnDelaySeconds,
                readings: reading.map { [$0] } ?? []))
    }

    private func sendAnswers() {
        for answer in answers.onTheLine(secondsPerByte: line.secondsPerByte) {
            if dice.happens(faults.dropProbability) { continue }
            var bytes = answer.bytes
            let isDamaged = dice.happens(faults.corruptProbability)
            if isDamaged { dice.damage(&bytes) }
            line.append(bytes, delay: answer.delay, lateness: faults.delay, telling: isDamaged ? [] : answer.readings)
        }
        answers = []
    }

    /// The position that `data` tells, if it tells one; a garbled one is put there.
    private func tell(_ servo: EmulatedFeetechServo, _ data: inout [UInt8], from register: Int) -> PositionReading? {
        let position = FeetechRegister.presentPosition
        let place = position.address - register
        guard place >= 0, place + position.width <= data.count else { return nil }
        let isGarbled = dice.happens(faults.garbleProbability)
        if isGarbled { dice.garble(&data, at: place, width: position.width) }
        let pulses = data.withUnsafeBytes { position.value(in: $0, base: register) }
        return PositionReading(id: servo.id, pulses: pulses, isGarbled: isGarbled, time: present)
    }
}

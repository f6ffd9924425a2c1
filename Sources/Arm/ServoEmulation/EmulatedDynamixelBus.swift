import Maths
import ServoProtocol
import Time

/// A chain of emulated Dynamixel servos of the X series: Protocol 2.0, or 1.0 where a servo is set to it.
package final class EmulatedDynamixelBus: EmulatedBus {
    package var faults = BusFaults()
    package var onWrite: ((RegisterWrite) -> Void)?
    /// Rate of the host's end, bits per second, at which alone servos hear; nil: all hear.
    package var hostBaud: Int?
    package var onReading: ((PositionReading) -> Void)?
    private var servos: [EmulatedDynamixelServo] = []
    private let parser = DynamixelParser()
    /// Parser for protocol 1.0, whose frames are Feetech's.
    private let firstProtocolParser = FeetechParser()
    private let buffer = PacketBuffer(capacity: 4_096)
    private var line: EmulatedLine
    /// Time at which what the servos hear reached them.
    private var present = MonotonicTime.zero
    private var dice: SplitMix64
    /// Whether fast sync and bulk reads are answered.
    private let knowsFastSyncRead: Bool
    /// Answers to the packet that is being heard.
    private var answers: [ServoAnswer] = []

    /// A servo of the chain.
    package struct Servo: Sendable {
        package var id: UInt8
        package var model: DynamixelModel
        /// Position of the servo, pulses.
        package var pulses: Int
        package var secondaryID: UInt8
        package var isReversed: Bool
        package var firmware: Int

        package init(
            id: UInt8, model: DynamixelModel = .xm430w350, pulses: Int = 2048, secondaryID: UInt8 = 255,
            isReversed: Bool = false, firmware: Int = 45
        ) {
            self.firmware = firmware
            self.id = id
            self.model = model
            self.pulses = pulses
            self.secondaryID = secondaryID
            self.isReversed = isReversed
        }
    }

    /// Makes a bus on which `servos` answer at `baud` bits per second.
    /// - Parameter seed: seed of the chance that decides on faults.
    package init(_ servos: [Servo], baud: Int = 1_000_000, knowsFastSyncRead: Bool = true, seed: UInt64 = 1) {
        self.servos = servos.map {
            EmulatedDynamixelServo(
                id: $0.id, model: $0.model, firmware: $0.firmware, pulses: $0.pulses, secondaryID: $0.secondaryID,
                isReversed: $0.isReversed, baud: baud)
        }
        line = EmulatedLine(baud: baud)
        self.knowsFastSyncRead = knowsFastSyncRead
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
    package func value(of register: DynamixelRegister, at id: UInt8) -> Int? {
        servos.first { $0.id == id }?.value(register)
    }

    /// Position to which a servo's control sends its shaft, pulses as its position register counts; nil without torque,
    /// and for an unknown id.
    package func drive(of id: UInt8) -> Double? { servos.first { $0.id == id }?.drive }

    /// Takes what became of a servo's shaft in a world outside, which from then on decides where it is.
    package func setShaft(_ shaft: EmulatedShaft, of id: UInt8) { change(id) { $0.setShaft(shaft) } }

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
        firstProtocolParser.reset()
        line.removeAll()
    }

    private func change(_ id: UInt8, _ body: (inout EmulatedDynamixelServo) -> Void) {
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
        if servos.contains(where: { $0.protocolVersion == 1 }) { receiveFirstProtocol(bytes, at: now) }
    }

    private func isAtHostRate(_ servo: EmulatedDynamixelServo) -> Bool { hostBaud == nil || hostBaud == servo.baud }

    private func hears(_ servo: EmulatedDynamixelServo) -> Bool {
        !faults.missing.contains(servo.id) && servo.protocolVersion == 2 && isAtHostRate(servo)
    }

    private func hear(_ packet: ServoPacket, _ parameters: [UInt8], at now: MonotonicTime) {
        if dice.happens(faults.dropProbability) || dice.happens(faults.corruptProbability) { return }
        guard let instruction = Dynamixel.Instruction(rawValue: packet.instruction) else {
            return answerUnknown(packet.id)
        }
        for index in servos.indices where hears(servos[index]) { servos[index].hearInstruction(at: now) }
        switch instruction {
        case .ping:
            forEachAddressed(packet.id, answersBroadcast: true) { servo in
                (0, Array(servo.registers[0...1]) + [servo.registers[6]], 0)
            }
        case .read:
            guard parameters.count == 4 else { return fail(packet.id, 5) }
            let (address, count) = (Self.word(parameters, 0), Self.word(parameters, 2))
            forEachAddressed(packet.id, tellingFrom: address) { servo in
                guard let data = servo.read(address, count: count) else { return (5, [], 1) }
                return (0, Array(data), 1)
            }
        case .write, .registeredWrite:
            guard parameters.count >= 3 else { return fail(packet.id, 5) }
            let address = Self.word(parameters, 0)
            forEachAddressed(packet.id) { servo in
                if instruction == .registeredWrite {
                    servo.register(address, parameters[2...])
                    return (0, [], 2)
                }
                let before = servo.stance
                let error = servo.write(address, parameters[2...])
                if error == 0 { self.log(servo, before, address, Array(parameters[2...]), now) }
                return (error, [], 2)
            }
        case .action:
            forEachAddressed(packet.id) { servo in
                let before = servo.stance
                if let written = servo.act() { self.log(servo, before, written.address, written.data, now) }
                return (0, [], 2)
            }
        case .reboot:
            forEachAddressed(packet.id) { servo in
                servo.restart()
                return (0, [], 2)
            }
        case .clear, .factoryReset: forEachAddressed(packet.id) { _ in (0, [], 2) }
        case .syncRead: syncRead(parameters, isFast: false)
        case .fastSyncRead: if knowsFastSyncRead { syncRead(parameters, isFast: true) }
        case .syncWrite: syncWrite(parameters, at: now)
        case .bulkRead:
            for start in stride(from: 0, to: parameters.count - 4, by: 5) {
                let (address, count) = (Self.word(parameters, start + 1), Self.word(parameters, start + 3))
                forEachAddressed(parameters[start], tellingFrom: address) { servo in
                    guard let data = servo.read(address, count: count) else { return (5, [], 1) }
                    return (0, Array(data), 1)
                }
            }
        case .bulkWrite: bulkWrite(parameters, at: now)
        case .fastBulkRead: if knowsFastSyncRead { fastBulkRead(parameters) }
        case .status: break
        }
    }

    private static func word(_ bytes: [UInt8], _ index: Int) -> Int { Int(bytes[index]) | Int(bytes[index + 1]) << 8 }

    private func log(
        _ servo: EmulatedDynamixelServo, _ before: ServoStance, _ address: Int, _ data: [UInt8], _ now: MonotonicTime
    ) {
        onWrite?(
            RegisterWrite(
                time: now.nanoseconds, id: servo.id, address: address, data: data, before: before, after: servo.stance))
    }

    /// Lets every servo that `id` means do something; the one whose own id it is answers.
    /// - Parameters:
    ///   - register: the first of those whose contents the answer tells.
    ///   - body: returns error number, data, and the status return level from which it is answered.
    private func forEachAddressed(
        _ id: UInt8, answersBroadcast: Bool = false, tellingFrom register: Int? = nil,
        _ body: (inout EmulatedDynamixelServo) -> (error: UInt8, data: [UInt8], level: Int)
    ) {
        let isBroadcast = id == Dynamixel.broadcastID
        for index in servos.indices where hears(servos[index]) {
            let isOwn = servos[index].id == id
            guard isBroadcast || isOwn || servos[index].secondaryID == id else { continue }
            let (error, data, level) = body(&servos[index])
            guard isOwn || (isBroadcast && answersBroadcast), servos[index].statusReturnLevel >= level else { continue }
            // At another rate the host hears noise.
            guard isAtHostRate(servos[index]) else { continue }
            answer(servos[index], servos[index].status(error), data, from: register)
        }
    }

    private func fail(_ id: UInt8, _ error: UInt8) { forEachAddressed(id) { _ in (error, [], 2) } }

    private func answerUnknown(_ id: UInt8) { fail(id, 2) }

    /// Queues a servo's status packet with `data`.
    /// - Parameter register: the address of the first register whose contents `data` is; nil when it is none's.
    private func answer(
        _ servo: EmulatedDynamixelServo, _ status: Dynamixel.StatusError, _ data: [UInt8], from register: Int?
    ) {
        var data = data
        let reading = register.flatMap { tell(servo, &data, from: $0) }
        buffer.removeAll()
        data.withUnsafeBytes { Dynamixel.appendStatus(from: servo.id, error: status, $0, in: buffer) }
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
    private func tell(_ servo: EmulatedDynamixelServo, _ data: inout [UInt8], from register: Int) -> PositionReading? {
        let position = DynamixelRegister.presentPosition
        let place = position.address - register
        guard place >= 0, place + position.width <= data.count else { return nil }
        let isGarbled = dice.happens(faults.garbleProbability)
        if isGarbled { dice.garble(&data, at: place, width: position.width) }
        let pulses = data.withUnsafeBytes { position.value(in: $0, base: register) }
        return PositionReading(id: servo.id, pulses: pulses, isGarbled: isGarbled, time: present)
    }

    /// Registers of one servo that are asked for.
    private struct Asked {
        var id: UInt8
        var address: Int
        var count: Int
    }

    private func syncRead(_ parameters: [UInt8], isFast: Bool) {
        guard parameters.count > 4 else { return }
        let (address, count) = (Self.word(parameters, 0), Self.word(parameters, 2))
        let asked = parameters[4...].map { Asked(id: $0, address: address, count: count) }
        if isFast { return answerTogether(asked) }
        for one in asked {
            for servo in servos where servo.id == one.id && hears(servo) && servo.statusReturnLevel >= 1 {
                guard let data = servo.read(address, count: count) else { continue }
                answer(servo, servo.status(), Array(data), from: address)
            }
        }
    }

    private func fastBulkRead(_ parameters: [UInt8]) {
        guard !parameters.isEmpty, parameters.count % 5 == 0 else { return }
        answerTogether(
            stride(from: 0, to: parameters.count, by: 5).map {
                Asked(id: parameters[$0], address: Self.word(parameters, $0 + 1), count: Self.word(parameters, $0 + 3))
            })
    }

    /// Answers for all in one packet: who is missing spoils it.
    private func answerTogether(_ asked: [Asked]) {
        // The length is known from the start.
        let length = asked.reduce(1) { $0 + $1.count + 4 }
        guard length + 7 <= DynamixelFraming.longestPacket else { return }
        buffer.removeAll()
        let start = Dynamixel.begin(.status, to: Dynamixel.broadcastID, in: buffer)
        var delay = 0.0
        var readings: [PositionReading] = []
        for (place, one) in asked.enumerated() {
            guard let servo = servos.first(where: { $0.id == one.id }), hears(servo), servo.statusReturnLevel >= 1,
                var data = servo.read(one.address, count: one.count).map(Array.init)
            else { return }
            if let reading = tell(servo, &data, from: one.address) { readings.append(reading) }
            if place == 0 { delay = servo.returnDelaySeconds }
            buffer.append(servo.status().byte)
            buffer.append(servo.id)
            for byte in data { buffer.append(byte) }
            // The packet's sum so far; the last one is the packet's own.
            if place < asked.count - 1 {
                buffer.append(littleEndian: Dynamixel.runningChecksum(start, length: length, in: buffer), width: 2)
            }
        }
        Dynamixel.end(start, in: buffer)
        answers.append(
            ServoAnswer(id: Dynamixel.broadcastID, bytes: Array(buffer.bytes), delay: delay, readings: readings))
    }

    private func syncWrite(_ parameters: [UInt8], at now: MonotonicTime) {
        guard parameters.count > 4 else { return }
        let (address, width) = (Self.word(parameters, 0), Self.word(parameters, 2))
        guard width > 0 else { return }
        for start in stride(from: 4, to: parameters.count - width, by: width + 1) {
            write(parameters[start], address, parameters[(start + 1)..<(start + 1 + width)], now)
        }
    }

    private func bulkWrite(_ parameters: [UInt8], at now: MonotonicTime) {
        var start = 0
        while start + 5 <= parameters.count {
            let (address, width) = (Self.word(parameters, start + 1), Self.word(parameters, start + 3))
            guard start + 5 + width <= parameters.count else { return }
            write(parameters[start], address, parameters[(start + 5)..<(start + 5 + width)], now)
            start += 5 + width
        }
    }

    /// Writes to every servo that obeys an id, without an answer.
    private func write(_ id: UInt8, _ address: Int, _ data: ArraySlice<UInt8>, _ now: MonotonicTime) {
        for index in servos.indices where hears(servos[index]) {
            guard servos[index].id == id || servos[index].secondaryID == id else { continue }
            let before = servos[index].stance
            if servos[index].write(address, data) == 0 { log(servos[index], before, address, Array(data), now) }
        }
    }

    // MARK: - Protocol 1.0

    private func receiveFirstProtocol(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) {
        firstProtocolParser.reset()
        _ = firstProtocolParser.feed(bytes)
        while let packet = firstProtocolParser.next() {
            let parameters = Array(firstProtocolParser.parameters)
            for index in servos.indices where servos[index].protocolVersion == 1 && isAtHostRate(servos[index]) {
                let servo = servos[index]
                guard packet.id == servo.id || packet.id == Feetech.broadcastID, !faults.missing.contains(servo.id)
                else { continue }
                guard let data = answerFirstProtocol(packet.instruction, parameters, by: index, at: now),
                    packet.id == servo.id || packet.instruction == Feetech.Instruction.ping.rawValue
                else { continue }
                buffer.removeAll()
                data.withUnsafeBytes { Feetech.appendStatus(from: servo.id, $0, in: buffer) }
                answers.append(ServoAnswer(id: servo.id, bytes: Array(buffer.bytes), delay: servo.returnDelaySeconds))
            }
            sendAnswers()
        }
    }

    /// Carries out one instruction of the first protocol for the servo at `index`.
    /// - Returns: the answer's data; nil if there is no answer.
    private func answerFirstProtocol(
        _ instruction: UInt8, _ parameters: [UInt8], by index: Int, at now: MonotonicTime
    ) -> [UInt8]? {
        switch Feetech.Instruction(rawValue: instruction) {
        case .ping: return []
        case .read where parameters.count == 2 && servos[index].statusReturnLevel >= 1:
            return servos[index].read(Int(parameters[0]), count: Int(parameters[1])).map(Array.init)
        case .write where parameters.count >= 2:
            let address = Int(parameters[0])
            let before = servos[index].stance
            if servos[index].write(address, parameters[1...]) == 0 {
                log(servos[index], before, address, Array(parameters[1...]), now)
            }
            return servos[index].statusReturnLevel == 2 ? [] : nil
        default: return nil
        }
    }
}

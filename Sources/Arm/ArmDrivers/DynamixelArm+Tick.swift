import Messages
import ServoProtocol
import Time

// What the control loop does with the servos at every tick. Nothing here allocates but setting them up anew.
extension DynamixelArm: ServoBusArm {
    var port: Port { client.port }
    var margin: Duration {
        get { client.margin }
        set { client.margin = newValue }
    }

    package func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        try prepare(at: now)
        try keepAwake(at: now)
        return try readAll(at: now)
    }

    package func resume() { line.askToResume() }

    func askAll(at now: MonotonicTime) throws(ServoPortError) -> ArmDriverError? {
        alertedServo = nil
        try ask(isFast: usesFastRead)
        // Who is missing is asked alone, in answers of its own.
        if !line.readings.isComplete { try ask(isFast: false) }
        guard let alertedServo, line.expectsTorque else { return line.readings.isComplete ? try look(at: now) : nil }
        return .dynamixelError(servo: Int(alertedServo), try hardwareErrors(of: alertedServo))
    }

    /// A loop that was late may have let the servos' watchdogs trip: they have stopped where they are, with torque, and
    /// take no goals. They are told that somebody is there again, each by itself; where they stand is read afterwards.
    private func keepAwake(at now: MonotonicTime) throws(ArmDriverError) {
        defer { lastRead = now }
        guard let watchdog, isWatchdogArmed, line.expectsTorque, let lastRead, now - lastRead >= watchdog * 0.75 else {
            return
        }
        isWatchdogArmed = false
        let silent: UInt8?
        do throws(ServoPortError) {
            silent = try clearWatchdogs()
        } catch {
            throw lost(error, at: now)
        }
        if let silent { throw suspended(by: .noReply(servo: Int(silent))) }
    }

    /// Clears the watchdog of every servo by writing 0 to it.
    /// - Returns: the id of the first servo that did not acknowledge; nil when all did.
    private func clearWatchdogs() throws(ServoPortError) -> UInt8? {
        for id in layout.ids {
            guard let status = try client.write(0, to: .busWatchdog, of: id), status.number == 0 else { return id }
        }
        return nil
    }

    // MARK: - Questions

    /// Asks for current, velocity and position of all servos that have not answered in this tick.
    func ask(isFast: Bool) throws(ServoPortError) {
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        let count = ServoBudget.bytesNeeded(.dynamixel) + line.nextTag()
        outgoing.removeAll()
        let start = Dynamixel.begin(isFast ? .fastSyncRead : .syncRead, to: Dynamixel.broadcastID, in: outgoing)
        outgoing.append(littleEndian: Self.base, width: 2)
        outgoing.append(littleEndian: count, width: 2)
        var silent = 0
        for index in leaders.indices where !line.readings.servos[index].hasAnswered {
            outgoing.append(leaders[index])
            silent += 1
        }
        Dynamixel.end(start, in: outgoing)
        port.discardInput()
        parser.reset()
        line.readings.beginQuestion()
        let asked = port.now
        try port.send(outgoing.bytes)
        let reply = Dynamixel.syncReadReplyLength(servos: silent, count: count, isFast: isFast)
        let deadline = port.now + client.wireTime(outgoing.count + reply) + client.margin
        while !line.readings.isHeard {
            let received = try port.receive(into: client.incoming, until: deadline)
            if received == 0 { return }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<received]))
            while let packet = parser.next() {
                guard packet.instruction == Dynamixel.Instruction.status.rawValue else { continue }
                if packet.id == Dynamixel.broadcastID {
                    // One packet for all; the last one's sum is the packet's own.
                    let isOurs = packet.parameterCount == silent * (4 + count) - 2
                    if isOurs { takeFast(parser.parameters, count: count, asked: asked) } else { line.noteAllLate() }
                } else if packet.parameterCount == count + 1 {
                    take(packet.id, error: parser.parameters[0], parser.parameters, at: 1, asked: asked)
                } else {
                    noteForeign(packet.id, packet.parameterCount - 1)
                }
            }
        }
    }

    /// One packet for all: error, id, data for each, with a running sum behind each but the last.
    private func takeFast(_ bytes: UnsafeRawBufferPointer, count: Int, asked: MonotonicTime) {
        var place = 0
        while place + 2 + count <= bytes.count {
            take(bytes[place + 1], error: bytes[place], bytes, at: place + 2, asked: asked)
            place += 4 + count
        }
    }

    private func take(_ id: UInt8, error: UInt8, _ bytes: UnsafeRawBufferPointer, at place: Int, asked: MonotonicTime) {
        for index in leaders.indices where leaders[index] == id {
            let data = UnsafeRawBufferPointer(rebasing: bytes[place...])
            let unit = DynamixelUnit.radiansPerSecond / DynamixelUnit.radiansPerPulse
            line.answered(
                index,
                ServoReadings.Measurement(
                    asked: asked, answered: port.now,
                    pulse: Double(DynamixelRegister.presentPosition.value(in: data, base: Self.base)),
                    velocity: Double(DynamixelRegister.presentVelocity.value(in: data, base: Self.base)) * unit,
                    load: Double(DynamixelRegister.presentCurrent.value(in: data, base: Self.base)) / fullLoad[index]))
            if Dynamixel.StatusError(error).hasHardwareAlert { alertedServo = id }
        }
    }

    /// An answer of another length is one to an earlier question.
    private func noteForeign(_ id: UInt8, _ count: Int) {
        let needed = ServoBudget.bytesNeeded(.dynamixel)
        guard count >= needed, count < needed + ServoLineState.tags else { return }
        for index in leaders.indices where leaders[index] == id { line.noteLate(index) }
    }

    // MARK: - Looks

    /// Asks one servo for `count` bytes from `address` on, without allocating. They are behind the error byte of the
    /// parser's parameters, until it is fed again.
    /// - Returns: false when it does not answer in time.
    private func fetch(_ address: Int, count: Int, of id: UInt8) throws(ServoPortError) -> Bool {
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        outgoing.removeAll()
        Dynamixel.appendRead(address, count: count, from: id, in: outgoing)
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + client.wireTime(outgoing.count + 11 + count) + client.margin
        while true {
            let received = try port.receive(into: client.incoming, until: deadline)
            if received == 0 { return false }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<received]))
            while let packet = parser.next() {
                if packet.id == id, packet.parameterCount == count + 1 { return true }
            }
        }
    }

    /// A register among what was fetched.
    private func fetched(_ register: DynamixelRegister, from address: Int) -> Int {
        client.parser.parameters.littleEndian(at: 1 + register.address - address, width: register.width)
    }

    /// Reads which errors a servo reports; none if it does not answer.
    private func hardwareErrors(of id: UInt8) throws(ServoPortError) -> DynamixelHardwareError {
        let address = DynamixelRegister.hardwareErrorStatus.address
        guard try fetch(address, count: 1, of: id) else { return [] }
        return DynamixelHardwareError(rawValue: UInt8(truncatingIfNeeded: fetched(.hardwareErrorStatus, from: address)))
    }

    /// Asks one servo, whose turn it is, for what its position does not tell.
    private func look(at now: MonotonicTime) throws(ServoPortError) -> ArmDriverError? {
        guard let turn = line.looks.next(at: now) else { return nil }
        let temperature = DynamixelRegister.presentTemperature.address
        let answers =
            switch turn.kind {
            case .torque: try fetch(Self.healthBase, count: Self.healthCount, of: turn.id)
            case .temperature: try fetch(temperature, count: 1, of: turn.id)
            }
        guard answers else {
            let verdict = line.looks.wasSilent(at: now, tolerated: ServoLineState.tolerated)
            return verdict == .certain ? .noReply(servo: Int(turn.id)) : nil
        }
        switch turn.kind {
        case .torque:
            if let finding = health(of: turn.id) { return line.looks.wasBad(at: now) == .certain ? finding : nil }
        case .temperature:
            let degrees = fetched(.presentTemperature, from: temperature)
            if turn.isShadow { line.looks.setTemperature(degrees) }
            for index in leaders.indices where leaders[index] == turn.id {
                line.readings.setTemperature(degrees, of: index)
            }
            if isDoubtful(turn) { return nil }
        }
        line.looks.wasGood(at: now)
        return nil
    }

    /// First address and number of bytes of the registers, torque to watchdog, that say whether a servo obeys.
    private static var healthBase: Int { DynamixelRegister.torqueEnable.address }
    private static var healthCount: Int { DynamixelRegister.busWatchdog.address + 1 - healthBase }

    /// What the registers just fetched say that should not be.
    private func health(of id: UInt8) -> ArmDriverError? {
        guard line.expectsTorque else { return nil }
        let errors = DynamixelHardwareError(
            rawValue: UInt8(truncatingIfNeeded: fetched(.hardwareErrorStatus, from: Self.healthBase)))
        if !errors.isEmpty { return .dynamixelError(servo: Int(id), errors) }
        if fetched(.torqueEnable, from: Self.healthBase) != 1 { return .torqueLost(servo: Int(id)) }
        switch fetched(.busWatchdog, from: Self.healthBase) {
        case 255: return .stoppedItself(servo: Int(id))
        // It has not heard that its watchdog is to run: it is told again with the next goals.
        case 0: isWatchdogArmed = false
        default: break
        }
        return nil
    }

    /// What the servo told last waits to be confirmed: it is asked again at the next tick.
    private func isDoubtful(_ turn: ServoLooks.Turn) -> Bool {
        turn.isShadow ? line.looks.isDoubtful : line.readings.servos[turn.joint].temperature.isDoubtful
    }

    // MARK: - Goals

    package func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        try setpoint.check(for: jointCount)
        if line.isSuspended { return }
        if line.isReleased { return try takeHoldAgain(at: now) }
        let outgoing = client.outgoing
        outgoing.removeAll()
        if !isWatchdogArmed { appendWatchdog() }
        let start = Dynamixel.beginSyncWrite(
            DynamixelRegister.goalPosition.address, width: DynamixelRegister.goalPosition.width, in: outgoing)
        for index in leaders.indices {
            let value = index < jointCount ? setpoint.positions[index] : setpoint.gripper
            outgoing.append(leaders[index])
            outgoing.append(
                littleEndian: layout.goal(index, value, within: limits[index], read: line.readings.pulse(index)),
                width: DynamixelRegister.goalPosition.width)
        }
        Dynamixel.end(start, in: outgoing)
        try send(client.outgoing.bytes, at: now)
    }

    package func release(at now: MonotonicTime) throws(ArmDriverError) {
        line.isReleased = true
        if line.isLost { return }
        client.outgoing.removeAll()
        append(0, to: .torqueEnable)
        try send(client.outgoing.bytes, at: now)
    }

    /// Appends a write of one value for all leaders; a shadow obeys its leader's id.
    private func append(_ value: Int, to register: DynamixelRegister) {
        let start = Dynamixel.beginSyncWrite(register.address, width: register.width, in: client.outgoing)
        for id in leaders {
            client.outgoing.append(id)
            client.outgoing.append(littleEndian: value, width: register.width)
        }
        Dynamixel.end(start, in: client.outgoing)
    }

    /// Appends the watchdog's time for all servos. Nobody answers it; whether every servo has heard it is seen by
    /// looking.
    private func appendWatchdog() {
        guard let watchdog else { return }
        isWatchdogArmed = true
        append(min(max(Int((watchdog.inSeconds * 50).rounded(.up)), 1), 127), to: .busWatchdog)
    }
}

extension JointSetpoint {
    /// Checks that the setpoint is one for an arm of `jointCount` joints: of the right size and finite.
    /// - Throws: `ArmDriverError` naming what is wrong with it.
    func check(for jointCount: Int) throws(ArmDriverError) {
        guard positions.count == jointCount else {
            throw .wrongJointCount(found: positions.count, expected: jointCount)
        }
        for joint in 0..<jointCount where !positions[joint].isFinite { throw .setpointNotFinite(joint: joint) }
        guard gripper.isFinite else { throw .setpointNotFinite(joint: jointCount) }
    }
}

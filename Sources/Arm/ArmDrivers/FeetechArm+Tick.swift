import Messages
import ServoProtocol
import Time

// What the control loop does with the servos at every tick. Nothing here allocates but setting them up anew.
extension FeetechArm: ServoBusArm {
    var port: Port { client.port }
    var margin: Duration {
        get { client.margin }
        set { client.margin = newValue }
    }

    package func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        try prepare(at: now)
        return try readAll(at: now)
    }

    package func resume() { line.askToResume() }

    func askAll(at now: MonotonicTime) throws(ServoPortError) -> ArmDriverError? {
        alert = nil
        try ask()
        if !line.readings.isComplete { try ask() }
        guard let alert, line.expectsTorque else { return line.readings.isComplete ? try look(at: now) : nil }
        return .feetechError(servo: Int(alert.id), alert.errors)
    }

    // MARK: - Questions

    /// Asks for position, velocity, load and temperature of all servos that have not answered in this tick.
    func ask() throws(ServoPortError) {
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        let needed = ServoBudget.bytesNeeded(.feetech)
        let count = needed + line.nextTag()
        outgoing.removeAll()
        let start = Feetech.begin(.syncRead, to: Feetech.broadcastID, in: outgoing)
        outgoing.append(littleEndian: Self.base, width: 1)
        outgoing.append(littleEndian: count, width: 1)
        var silent = 0
        for index in leaders.indices where !line.readings.servos[index].hasAnswered {
            outgoing.append(leaders[index])
            silent += 1
        }
        Feetech.end(start, in: outgoing)
        port.discardInput()
        parser.reset()
        line.readings.beginQuestion()
        let asked = port.now
        try port.send(outgoing.bytes)
        let reply = Feetech.syncReadReplyLength(servos: silent, count: count)
        let deadline = port.now + client.wireTime(outgoing.count + reply) + client.margin
        while !line.readings.isHeard {
            let received = try port.receive(into: client.incoming, until: deadline)
            if received == 0 { return }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<received]))
            while let packet = parser.next() {
                if packet.parameterCount == count {
                    take(packet.id, error: packet.instruction, parser.parameters, asked: asked)
                } else if packet.parameterCount >= needed, packet.parameterCount < needed + ServoLineState.tags {
                    // An answer of another length is one to an earlier question.
                    for index in leaders.indices where leaders[index] == packet.id { line.noteLate(index) }
                }
            }
        }
    }

    private func take(_ id: UInt8, error: UInt8, _ data: UnsafeRawBufferPointer, asked: MonotonicTime) {
        for index in leaders.indices where leaders[index] == id {
            line.answered(
                index,
                ServoReadings.Measurement(
                    asked: asked, answered: port.now,
                    pulse: Double(FeetechRegister.presentPosition.value(in: data, base: Self.base)),
                    velocity: Double(FeetechRegister.presentVelocity.value(in: data, base: Self.base)),
                    load: Double(FeetechRegister.presentLoad.value(in: data, base: Self.base)) / 1_000))
            line.readings.setTemperature(FeetechRegister.presentTemperature.value(in: data, base: Self.base), of: index)
            if error != 0 { alert = (id, Feetech.StatusError(rawValue: error)) }
        }
    }

    // MARK: - Looks

    /// Asks one servo, whose turn it is, whether its torque is on.
    private func look(at now: MonotonicTime) throws(ServoPortError) -> ArmDriverError? {
        guard let turn = line.looks.next(at: now) else { return nil }
        guard let torque = try fetchTorque(of: turn.id) else {
            let verdict = line.looks.wasSilent(at: now, tolerated: ServoLineState.tolerated)
            return verdict == .certain ? .noReply(servo: Int(turn.id)) : nil
        }
        if torque != 1 && line.expectsTorque {
            return line.looks.wasBad(at: now) == .certain ? .torqueLost(servo: Int(turn.id)) : nil
        }
        line.looks.wasGood(at: now)
        return nil
    }

    /// Reads whether a servo's torque is on, without allocating.
    /// - Returns: nil when the servo does not answer in time.
    private func fetchTorque(of id: UInt8) throws(ServoPortError) -> Int? {
        let register = FeetechRegister.torqueEnable
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        outgoing.removeAll()
        Feetech.appendRead(register.address, count: register.width, from: id, in: outgoing)
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + client.wireTime(outgoing.count + 6 + register.width) + client.margin
        while true {
            let count = try port.receive(into: client.incoming, until: deadline)
            if count == 0 { return nil }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<count]))
            while let packet = parser.next() {
                guard packet.id == id, packet.parameterCount == register.width else { continue }
                return register.value(in: parser.parameters, base: register.address)
            }
        }
    }

    // MARK: - Goals

    package func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        try setpoint.check(for: jointCount)
        if line.isSuspended { return }
        if line.isReleased { return try takeHoldAgain(at: now) }
        let register = FeetechRegister.goalPosition
        let outgoing = client.outgoing
        outgoing.removeAll()
        let start = Feetech.beginSyncWrite(register.address, width: register.width, in: outgoing)
        for index in leaders.indices {
            let value = index < jointCount ? setpoint.positions[index] : setpoint.gripper
            let limits = index < jointCount ? layout.joints[index].limits : layout.gripper.limits
            outgoing.append(leaders[index])
            outgoing.append(
                littleEndian: register.encoded(
                    layout.goal(index, value, within: limits, read: line.readings.pulse(index))),
                width: register.width)
        }
        Feetech.end(start, in: outgoing)
        try send(client.outgoing.bytes, at: now)
    }

    package func release(at now: MonotonicTime) throws(ArmDriverError) {
        line.isReleased = true
        if line.isLost { return }
        let register = FeetechRegister.torqueEnable
        client.outgoing.removeAll()
        let start = Feetech.beginSyncWrite(register.address, width: register.width, in: client.outgoing)
        for id in leaders {
            client.outgoing.append(id)
            client.outgoing.append(littleEndian: 0, width: register.width)
        }
        Feetech.end(start, in: client.outgoing)
        try send(client.outgoing.bytes, at: now)
    }
}

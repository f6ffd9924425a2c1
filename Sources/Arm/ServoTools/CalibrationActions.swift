import ArmDrivers

extension ServoLine {
    /// Carries out what a session asks of the servos; what it asks to be kept is not for them.
    package func perform(_ action: CalibrationSession.Action) throws(ServoToolError) {
        switch action {
        case .write(let value, let field, let id): try write(value, to: field, of: id)
        case .align(let shadow, let leader): try align(shadow, with: leader)
        case .keepDraft, .save, .discard: break
        }
    }

    /// Sets the shadow's offset. Which sign it has follows from what the servo makes of it.
    private func align(_ shadow: UInt8, with leader: UInt8) throws(ServoToolError) {
        try write(0, to: .homingOffset, of: shadow)
        let way = try present(leader) - present(shadow)
        for offset in [way, -way] {
            try write(offset, to: .homingOffset, of: shadow)
            if abs(try present(leader) - present(shadow)) <= ServoAlignment.tolerance,
                abs(offset) <= servoProtocol.largestOffset
            {
                return
            }
        }
        throw .apart(leader: leader, shadow: shadow, pulses: abs(way))
    }

    private func present(_ id: UInt8) throws(ServoToolError) -> Int {
        guard let position = try onLine({ () throws(ServoPortError) in try read(.position, of: id) }) else {
            throw .silent(servo: id)
        }
        return position
    }

    /// Positions of these servos, pulses by id; who does not answer is left out.
    package func positions(of ids: [UInt8]) throws(ServoToolError) -> [UInt8: Int] {
        var positions: [UInt8: Int] = [:]
        for id in ids {
            positions[id] = try onLine { () throws(ServoPortError) in try read(.position, of: id, tries: 2) }
        }
        return positions
    }

    /// Reads what these servos are and remember, by id.
    package func registers(of ids: [UInt8]) throws(ServoToolError) -> [UInt8: ServoRegisters] {
        var registers: [UInt8: ServoRegisters] = [:]
        for id in ids { registers[id] = try self.registers(of: id) }
        return registers
    }

    private func registers(of id: UInt8) throws(ServoToolError) -> ServoRegisters {
        let echo = try onLine { () throws(ServoPortError) in try self.echo(of: id) }
        if echo != .answer { throw echo == .silence ? .silent(servo: id) : .sameID(servo: id) }
        guard let reading = try onLine({ () throws(ServoPortError) in try survey(id) }) else {
            throw .answersPingsOnly(servo: id)
        }
        var values: [ServoField: Int] = [:]
        for field in ServoField.calibrated where field.exists(in: servoProtocol) {
            guard let value = try onLine({ () throws(ServoPortError) in try read(field, of: id) }) else {
                throw .silent(servo: id)
            }
            values[field] = value
        }
        return ServoRegisters(model: reading.model, firmware: reading.firmware, values: values)
    }
}

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

    /// Which sign the offset has follows from what the servo makes of it.
    private func align(_ shadow: UInt8, with leader: UInt8) throws(ServoToolError) {
        try write(0, to: .homingOffset, of: shadow)
        let way = try present(leader) - present(shadow)
        for offset in [way, -way] {
            try write(offset, to: .homingOffset, of: shadow)
            if abs(try present(leader) - present(shadow)) <= ServoAlignment.tolerance, abs(offset) <= ServoAlignment.largestOffset {
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

    /// Where these servos stand, pulses by id.
    package func positions(of ids: [UInt8]) throws(ServoToolError) -> [UInt8: Int] {
        var positions: [UInt8: Int] = [:]
        for id in ids { positions[id] = try present(id) }
        return positions
    }

    /// What these servos' registers say, by id.
    package func registers(of ids: [UInt8]) throws(ServoToolError) -> [UInt8: CalibrationSession.Registers] {
        var registers: [UInt8: CalibrationSession.Registers] = [:]
        for id in ids {
            guard let reading = try onLine({ () throws(ServoPortError) in try survey(id) }) else {
                throw .silent(servo: id)
            }
            registers[id] = .init(
                homingOffset: reading.homingOffset,
                limits: reading.lowestPosition...max(reading.lowestPosition, reading.highestPosition))
        }
        return registers
    }
}

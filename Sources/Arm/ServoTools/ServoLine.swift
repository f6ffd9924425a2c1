import ArmDrivers
import ServoProtocol
import Time

/// The servos on one line, asked one thing after the other, whatever their protocol.
package final class ServoLine<Port: ServoPort> {
    private enum Client {
        case dynamixel(DynamixelClient<Port>)
        case feetech(FeetechClient<Port>)
    }
    private let client: Client
    private let port: Port
    package let servoProtocol: ServoLayout.ServoProtocolName
    /// Baud rate of the line, bits per second.
    package let baud: Int

    package init(port: Port, baud: Int, servoProtocol: ServoLayout.ServoProtocolName) {
        self.servoProtocol = servoProtocol
        self.baud = baud
        self.port = port
        switch servoProtocol {
        case .dynamixel: client = .dynamixel(DynamixelClient(port: port, baud: baud))
        case .feetech: client = .feetech(FeetechClient(port: port, baud: baud))
        }
    }

    /// Time that an answer may take beyond its time on the wire.
    package var margin: Duration {
        get {
            switch client {
            case .dynamixel(let client): client.margin
            case .feetech(let client): client.margin
            }
        }
        set {
            switch client {
            case .dynamixel(let client): client.margin = newValue
            case .feetech(let client): client.margin = newValue
            }
        }
    }

    /// Tries once to open the line again after an error.
    /// - Returns: whether it is open.
    @discardableResult
    package func reopen() -> Bool {
        do {
            switch client {
            case .dynamixel(let client): try client.port.reopen()
            case .feetech(let client): try client.port.reopen()
            }
            return true
        } catch {
            return false
        }
    }

    /// The same line in another protocol.
    package func speaking(_ other: ServoLayout.ServoProtocolName) -> ServoLine {
        ServoLine(port: port, baud: baud, servoProtocol: other)
    }

    /// Finds the ids that answer when all are asked at once, and whether there were bytes that are no answer.
    package func census() throws(ServoPortError) -> (ids: [UInt8], isDamaged: Bool) {
        switch client {
        // Each waits for its turn, 3 ms for every id below its own.
        case .dynamixel(let client):
            let ids = try client.pingAll(patience: .milliseconds(800))
            return (ids, client.hasHeardDamage)
        case .feetech(let client):
            let ids = try client.pingAll(patience: .milliseconds(300))
            return (ids, client.hasHeardDamage)
        }
    }

    /// Writes without an answer, some times: the servo may answer with another id, at another rate, or not at all.
    func tell(_ value: Int, to field: ServoField, of id: UInt8) throws(ServoPortError) {
        switch client {
        case .dynamixel(let client):
            if let register = field.dynamixel { _ = try client.write(value, to: register, of: id) }
        case .feetech(let client): if let register = field.feetech { _ = try client.write(value, to: register, of: id) }
        }
    }

    /// Sets a Dynamixel servo of the X series that speaks protocol 1.0 to 2.0; a line of Feetech's frames reaches it.
    func leaveFirstProtocol(_ id: UInt8) throws(ServoPortError) {
        guard case .feetech(let client) = client else { return }
        for (register, value) in [(DynamixelRegister.torqueEnable, 0), (.protocolType, 2)] {
            _ = try client.write(value, to: FeetechRegister(register.address, width: register.width), of: id)
        }
    }

    /// Pings one servo and tells what comes back.
    package func echo(of id: UInt8, tries: Int = 5) throws(ServoPortError) -> ServoEcho {
        switch client {
        case .dynamixel(let client): try client.echo(of: id, tries: tries)
        case .feetech(let client): try client.echo(of: id, tries: tries)
        }
    }

    /// Lets a servo answer everything.
    /// - Returns: false if it still answers no reads.
    package func answerEverything(_ id: UInt8) throws(ServoPortError) -> Bool {
        switch client {
        case .dynamixel(let client): try client.answerEverything(id)
        case .feetech(let client): try client.answerEverything(id)
        }
    }

    /// Tells which protocol a servo speaks, by frames of this line's kind; nil if it does not answer.
    package func tongue(of id: UInt8) throws(ServoPortError) -> ServoTongue? {
        switch client {
        case .dynamixel(let client): try client.ping(id, tries: 2) != nil ? .secondDynamixel : nil
        case .feetech(let client): try client.tongue(of: id)
        }
    }

    /// Reads a field of a servo, in the servo's own unit.
    /// - Returns: nil if the servo does not answer, or has no such field.
    package func read(_ field: ServoField, of id: UInt8, tries: Int = 3) throws(ServoPortError) -> Int? {
        switch client {
        case .dynamixel(let client):
            guard let register = field.dynamixel else { return nil }
            return try client.read(register, of: id, tries: tries)
        case .feetech(let client):
            guard let register = field.feetech else { return nil }
            return try client.read(register, of: id, tries: tries)
        }
    }

    /// Writes and reads back. What the servos do not have is passed over.
    package func write(_ value: Int, to field: ServoField, of id: UInt8) throws(ServoToolError) {
        try check(value, field, id)
        switch client {
        case .dynamixel(let client):
            guard let register = field.dynamixel else { return }
            let status = try onLine { () throws(ServoPortError) in try client.write(value, to: register, of: id) }
            if let status, status.number != 0 { throw .refused(servo: id, field: field, reason: "\(status)") }
        case .feetech(let client):
            guard let register = field.feetech else { return }
            // A servo whose power was away has locked itself again: what it takes then it forgets.
            if register.isEEPROM { try unlock(id) }
            _ = try onLine { () throws(ServoPortError) in try client.write(value, to: register, of: id) }
        }
        guard let found = try onLine({ () throws(ServoPortError) in try read(field, of: id) }) else {
            throw .silent(servo: id)
        }
        if found != value { throw .unconfirmed(servo: id, field: field, wrote: value, found: found) }
    }

    /// Refuses what a register cannot hold: cut, it would be another value without a word.
    private func check(_ value: Int, _ field: ServoField, _ id: UInt8) throws(ServoToolError) {
        let holds: Bool =
            switch client {
            case .dynamixel: field.dynamixel?.holds(value) ?? true
            case .feetech: field.feetech?.holds(value) ?? true
            }
        if !holds { throw .doesNotFit(servo: id, field: field, value: value) }
    }

    private func unlock(_ id: UInt8) throws(ServoToolError) {
        guard let lock = try onLine({ () throws(ServoPortError) in try read(.lock, of: id) }) else {
            throw .silent(servo: id)
        }
        if lock != 0 { try write(0, to: .lock, of: id) }
    }

    /// Makes what the line throws a tool's error.
    func onLine<Value>(_ body: () throws(ServoPortError) -> Value) throws(ServoToolError) -> Value {
        do {
            return try body()
        } catch {
            throw .port(errno: error.errno)
        }
    }

    /// Reads everything that is shown of a servo; nil if it does not answer.
    package func survey(_ id: UInt8) throws(ServoPortError) -> ServoReading? {
        guard let (firmware, errors) = try identify(id), let model = try read(.model, of: id),
            let position = try read(.position, of: id), let offset = try read(.homingOffset, of: id),
            let lowest = try read(.lowestPosition, of: id), let highest = try read(.highestPosition, of: id),
            let mode = try read(.operatingMode, of: id), let torque = try read(.torque, of: id),
            let voltage = try read(.voltage, of: id), let temperature = try read(.temperature, of: id)
        else { return nil }
        return ServoReading(
            id: id, model: model, modelName: servoProtocol.modelName(model), firmware: firmware, position: position,
            homingOffset: offset, lowestPosition: lowest, highestPosition: highest, operatingMode: mode,
            driveMode: try read(.driveMode, of: id), phase: try read(.phase, of: id),
            secondaryID: try read(.secondaryID, of: id), isTorqueOn: torque == 1,
            volts: Double(voltage) / 10, celsius: temperature, errors: errors)
    }

    /// Firmware, and what is wrong with it in words; nil words: nothing.
    private func identify(_ id: UInt8) throws(ServoPortError) -> (firmware: String, errors: String?)? {
        switch client {
        case .dynamixel(let client):
            guard let (_, firmware) = try client.ping(id), let bits = try client.read(.hardwareErrorStatus, of: id)
            else {
                return nil
            }
            let errors = DynamixelHardwareError(rawValue: UInt8(truncatingIfNeeded: bits))
            return ("\(firmware)", errors.isEmpty ? nil : "\(errors)")
        case .feetech(let client):
            guard let errors = try client.ping(id), let major = try client.read(.firmwareMajor, of: id),
                let minor = try client.read(.firmwareMinor, of: id)
            else { return nil }
            return ("\(major).\(minor)", errors.isEmpty ? nil : "\(errors)")
        }
    }
}

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
    package let servoProtocol: ServoLayout.ServoProtocolName
    /// Bits per second.
    package let baud: Int

    package init(port: Port, baud: Int, servoProtocol: ServoLayout.ServoProtocolName) {
        self.servoProtocol = servoProtocol
        self.baud = baud
        switch servoProtocol {
        case .dynamixel: client = .dynamixel(DynamixelClient(port: port, baud: baud))
        case .feetech: client = .feetech(FeetechClient(port: port, baud: baud))
        }
    }

    /// What an answer may take beyond its time on the wire.
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

    /// Whether a servo answers.
    package func answers(_ id: UInt8, tries: Int = 3) throws(ServoPortError) -> Bool {
        switch client {
        case .dynamixel(let client): try client.ping(id, tries: tries) != nil
        case .feetech(let client): try client.ping(id, tries: tries) != nil
        }
    }

    /// Ids that answer when all are asked at once.
    package func answering() throws(ServoPortError) -> [UInt8] {
        switch client {
        // Each waits for its turn, 3 ms for every id below its own.
        case .dynamixel(let client): try client.pingAll(patience: .milliseconds(800))
        case .feetech(let client): try client.pingAll(patience: .milliseconds(300))
        }
    }

    /// - Returns: nil if the servo does not answer, or has no such thing.
    package func read(_ field: ServoField, of id: UInt8) throws(ServoPortError) -> Int? {
        switch client {
        case .dynamixel(let client):
            guard let register = field.dynamixel else { return nil }
            return try client.read(register, of: id)
        case .feetech(let client):
            guard let register = field.feetech else { return nil }
            return try client.read(register, of: id)
        }
    }

    /// Writes and reads back. What the servos do not have is passed over.
    package func write(_ value: Int, to field: ServoField, of id: UInt8) throws(ServoToolError) {
        switch client {
        case .dynamixel(let client):
            guard let register = field.dynamixel else { return }
            let status = try onLine { () throws(ServoPortError) in try client.write(value, to: register, of: id) }
            if let status, status.number != 0 { throw .refused(servo: id, field: field, reason: "\(status)") }
        case .feetech(let client):
            guard let register = field.feetech else { return }
            _ = try onLine { () throws(ServoPortError) in try client.write(value, to: register, of: id) }
        }
        guard let found = try onLine({ () throws(ServoPortError) in try read(field, of: id) }) else {
            throw .silent(servo: id)
        }
        if found != value { throw .unconfirmed(servo: id, field: field, wrote: value, found: found) }
    }

    /// What the line throws, as a tool's error.
    func onLine<Value>(_ body: () throws(ServoPortError) -> Value) throws(ServoToolError) -> Value {
        do {
            return try body()
        } catch {
            throw .port(errno: error.errno)
        }
    }

    /// Everything that is shown of a servo; nil if it does not answer.
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
            driveMode: try read(.driveMode, of: id), secondaryID: try read(.secondaryID, of: id), isTorqueOn: torque == 1,
            volts: Double(voltage) / 10, celsius: temperature, errors: errors)
    }

    /// Firmware, and what is wrong with it in words; nil words: nothing.
    private func identify(_ id: UInt8) throws(ServoPortError) -> (firmware: String, errors: String?)? {
        switch client {
        case .dynamixel(let client):
            guard let (_, firmware) = try client.ping(id), let bits = try client.read(.hardwareErrorStatus, of: id) else {
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

/// What a servo says of itself.
package struct ServoReading: Equatable, Sendable {
    package var id: UInt8
    package var model: Int
    package var modelName: String
    package var firmware: String
    /// Pulses, like offset and limits.
    package var position: Int
    package var homingOffset: Int
    package var lowestPosition: Int
    package var highestPosition: Int
    package var operatingMode: Int
    /// Nil where the protocol has none.
    package var driveMode: Int?
    package var secondaryID: Int?
    package var isTorqueOn: Bool
    package var volts: Double
    package var celsius: Int
    /// Hardware errors in words; nil: none.
    package var errors: String?
}

/// Why a tool cannot go on.
package enum ServoToolError: Error, Equatable, CustomStringConvertible {
    case port(errno: Int32)
    case silent(servo: UInt8)
    case refused(servo: UInt8, field: ServoField, reason: String)
    case unconfirmed(servo: UInt8, field: ServoField, wrote: Int, found: Int)
    case apart(leader: UInt8, shadow: UInt8, pulses: Int)

    package var description: String {
        switch self {
        case .port(let errno):
            "talking to the servos: \(String(cString: strerror(errno))), expected an open line. Check the adapter's cable."
        case .silent(let servo):
            "asking servo \(servo): it does not answer, expected it to. Check the arm's power and the cable before it; "
                + "'octo-arm scan' says which servos answer."
        case .refused(let servo, let field, let reason):
            "writing '\(field.rawValue)' of servo \(servo): it refuses (\(reason)), expected it to take it. Switch the arm's "
                + "power off and on, and try again."
        case .unconfirmed(let servo, let field, let wrote, let found):
            "writing '\(field.rawValue)' of servo \(servo): it is \(found) after \(wrote) was written, expected \(wrote). Check "
                + "the cable, and try again."
        case .apart(let leader, let shadow, let pulses):
            "aligning servo \(shadow) with \(leader): they stand \(pulses) pulses apart on one joint, expected at most "
                + "\(ServoAlignment.tolerance). Loosen the horn of \(shadow) and mount it a notch further."
        }
    }
}

/// Servos that turn one joint together.
package enum ServoAlignment {
    /// The furthest that they may stand apart, pulses.
    package static var tolerance: Int { 40 }
    /// The largest homing offset that a Dynamixel servo heeds in position mode, pulses: a quarter of a turn.
    package static var largestOffset: Int { 1_024 }
}

#if canImport(Glibc)
import Glibc
#endif

/// What is wrong with one servo of an emulated bus.
package enum ServoFault: Equatable, Sendable {
    /// Torque goes off, or on, by itself: no error tells of it.
    case torque(isOn: Bool)
    /// Which requests the servo answers. Dynamixel's status return level: 0 pings only, 1 reads too, 2 everything.
    /// Feetech's response level: 0 pings and reads, 1 everything.
    case answerLevel(Int)
    /// The servo's phase register (Feetech); bit 0x10 makes positions count turns.
    case phase(UInt8)
    /// A second servo has the same id.
    case duplicate
    /// The servo's firmware; Dynamixel has one number, and the minor one is passed over.
    case firmware(major: UInt8, minor: UInt8)
    /// The Dynamixel protocol the servo speaks, 1 or 2: it hears no packet of the other.
    case protocolVersion(Int)

    /// A fault and the servo's id, in the words of `octo-arm help emulate`; nil where they say none.
    package static func parsed(_ name: String, _ numbers: [Double]) -> (fault: Self, id: UInt8)? {
        let bytes = numbers.compactMap { UInt8(exactly: $0) }
        guard bytes.count == numbers.count, let id = bytes.first else { return nil }
        switch (name, bytes.count) {
        case ("torque", 2) where bytes[1] <= 1: return (.torque(isOn: bytes[1] == 1), id)
        case ("level", 2) where bytes[1] <= 2: return (.answerLevel(Int(bytes[1])), id)
        case ("phase", 2): return (.phase(bytes[1]), id)
        case ("duplicate", 1): return (.duplicate, id)
        case ("firmware", 2): return (.firmware(major: bytes[1], minor: 0), id)
        case ("firmware", 3): return (.firmware(major: bytes[1], minor: bytes[2]), id)
        case ("protocol", 2) where bytes[1] == 1 || bytes[1] == 2: return (.protocolVersion(Int(bytes[1])), id)
        default: return nil
        }
    }
}

/// A bus whose servos can have something wrong with them.
package protocol ServoFaultBus: AnyObject {
    /// Makes something wrong with the servo that has this id.
    /// - Returns: false where no servo has this id, or its protocol knows no such thing.
    @discardableResult
    func apply(_ fault: ServoFault, to id: UInt8) -> Bool

    /// The rate at which the host talks, bits per second: servos that are set to another one hear noise. Nil is always
    /// theirs.
    var hostBaud: Int? { get set }
}

import Teleop

/// Bytes as devices send them, for tests of decoders and sessions.
enum RecordedBytes {
    /// `struct input_event` at 1700000000.123456 s.
    static func event(_ type: UInt16, _ code: UInt16, _ value: Int32) -> [UInt8] {
        [0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 0x40, 0xe2, 0x01, 0, 0, 0, 0, 0]
            + [UInt8(type & 0xff), UInt8(type >> 8), UInt8(code & 0xff), UInt8(code >> 8)]
            + (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * Int32($0))) }
    }
    static let report = event(0, 0, 0)
    static let dropped = event(0, 3, 0)
    static func button(_ code: UInt16, _ value: Int32) -> [UInt8] { event(1, code, value) }
    static func axis(_ code: UInt16, _ value: Int32) -> [UInt8] { event(3, code, value) }

    /// `struct js_event` at 1 s.
    static func joystick(_ type: UInt8, _ number: UInt8, _ value: Int16) -> [UInt8] {
        let bits = UInt16(bitPattern: value)
        return [0xe8, 0x03, 0, 0, UInt8(bits & 0xff), UInt8(bits >> 8), type, number]
    }

    /// Translation 350 -175 70, rotation 35 -70 105.
    static let puckApart: [[UInt8]] = [
        [0x01, 0x5e, 0x01, 0x51, 0xff, 0x46, 0x00], [0x02, 0x23, 0x00, 0xba, 0xff, 0x69, 0x00],
    ]
    static let puckTogether: [UInt8] = [0x01, 0x5e, 0x01, 0x51, 0xff, 0x46, 0x00, 0x23, 0x00, 0xba, 0xff, 0x69, 0x00]

    static let deadManCode: UInt16 = 0x136
    static let emergencyStopCode: UInt16 = 0x131
}

/// Readings of a gamepad that sends `bytes`.
func padReadings(_ bytes: [UInt8], ranges: [UInt16: Gamepad.AxisRange] = [:]) -> [DeviceReading] {
    var decoder = EventDecoder()
    var pad = Gamepad(ranges: ranges)
    return pad.receive(decoder.receive(bytes))
}

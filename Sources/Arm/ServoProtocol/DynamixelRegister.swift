/// One entry of the control table of the X series (ROBOTIS e-manual, XM430-W350 and its siblings).
package struct DynamixelRegister: Equatable, Sendable, BitwiseCopyable {
    package var address: Int
    /// Width in bytes.
    package var width: Int
    package var isSigned: Bool

    package init(_ address: Int, width: Int, isSigned: Bool = false) {
        self.address = address
        self.width = width
        self.isSigned = isSigned
    }

    /// First address of the RAM: registers below it keep their values without power, and can be written only while
    /// torque is off.
    package static var firstRAMAddress: Int { 64 }
    package var isEEPROM: Bool { address < Self.firstRAMAddress }

    /// Whether the register can hold this value.
    package func holds(_ value: Int) -> Bool {
        isSigned
            ? value >= -(1 << (8 * width - 1)) && value < 1 << (8 * width - 1) : value >= 0 && value < 1 << (8 * width)
    }

    /// The register's value in an answer.
    /// - Parameters:
    ///   - bytes: data that begin with register address `base`.
    package func value(in bytes: UnsafeRawBufferPointer, base: Int) -> Int {
        let raw = bytes.littleEndian(at: address - base, width: width)
        return isSigned && raw >> (8 * width - 1) & 1 == 1 ? raw - 1 << (8 * width) : raw
    }
}

// Computed, not stored: a stored global is made at its first use, which may be in the control loop.
extension DynamixelRegister {
    package static var modelNumber: Self { Self(0, width: 2) }
    package static var firmwareVersion: Self { Self(6, width: 1) }
    package static var id: Self { Self(7, width: 1) }
    /// Rate of the line, as `DynamixelUnit.baudRate(code:)` reads it.
    package static var baudRate: Self { Self(8, width: 1) }
    /// Return delay; unit 2 µs.
    package static var returnDelayTime: Self { Self(9, width: 1) }
    /// Drive mode; bits: 1 reversed, 4 time-based profile.
    package static var driveMode: Self { Self(10, width: 1) }
    /// Operating mode, as `DynamixelOperatingMode` has it.
    package static var operatingMode: Self { Self(11, width: 1) }
    /// Second id that the servo obeys without answering; 255 for none.
    package static var secondaryID: Self { Self(12, width: 1) }
    package static var protocolType: Self { Self(13, width: 1) }
    /// Homing offset; unit: pulses.
    package static var homingOffset: Self { Self(20, width: 4, isSigned: true) }
    /// Temperature limit; unit: degrees Celsius.
    package static var temperatureLimit: Self { Self(31, width: 1) }
    /// Maximum voltage; unit: 0.1 V.
    package static var maximumVoltage: Self { Self(32, width: 2) }
    /// Minimum voltage; unit: 0.1 V.
    package static var minimumVoltage: Self { Self(34, width: 2) }
    /// PWM limit; unit: 0.113 %.
    package static var pwmLimit: Self { Self(36, width: 2) }
    /// Current limit; unit: 2.69 mA (XM), 1 mA (XL330).
    package static var currentLimit: Self { Self(38, width: 2) }
    /// Velocity limit; unit: 0.229 rpm.
    package static var velocityLimit: Self { Self(44, width: 4) }
    /// Maximum position; unit: pulses.
    package static var maximumPosition: Self { Self(48, width: 4, isSigned: true) }
    /// Minimum position; unit: pulses.
    package static var minimumPosition: Self { Self(52, width: 4, isSigned: true) }
    /// Which hardware errors switch torque off.
    package static var shutdown: Self { Self(63, width: 1) }
    package static var torqueEnable: Self { Self(64, width: 1) }
    /// What the servo answers: 0 pings only, 1 reads too, 2 everything.
    package static var statusReturnLevel: Self { Self(68, width: 1) }
    /// Bits of `DynamixelHardwareError`.
    package static var hardwareErrorStatus: Self { Self(70, width: 1) }
    /// Time of the watchdog; unit 20 ms, 0 is off, 255 says that it has tripped.
    package static var busWatchdog: Self { Self(98, width: 1) }
    /// Goal PWM; unit: 0.113 %.
    package static var goalPWM: Self { Self(100, width: 2, isSigned: true) }
    /// Goal current, in the unit of the current limit.
    package static var goalCurrent: Self { Self(102, width: 2, isSigned: true) }
    /// Goal velocity; unit: `DynamixelUnit.radiansPerSecond`.
    package static var goalVelocity: Self { Self(104, width: 4, isSigned: true) }
    package static var profileAcceleration: Self { Self(108, width: 4) }
    package static var profileVelocity: Self { Self(112, width: 4) }
    /// Goal position; unit: pulses.
    package static var goalPosition: Self { Self(116, width: 4, isSigned: true) }
    package static var moving: Self { Self(122, width: 1) }
    /// Present PWM; unit: 0.113 %.
    package static var presentPWM: Self { Self(124, width: 2, isSigned: true) }
    /// Current in the unit of the current limit; on servos without current measurement the load, unit 0.1 %.
    package static var presentCurrent: Self { Self(126, width: 2, isSigned: true) }
    /// Present velocity; unit: `DynamixelUnit.radiansPerSecond`.
    package static var presentVelocity: Self { Self(128, width: 4, isSigned: true) }
    /// Present position; unit: pulses.
    package static var presentPosition: Self { Self(132, width: 4, isSigned: true) }
    /// Present voltage; unit: 0.1 V.
    package static var presentVoltage: Self { Self(144, width: 2) }
    /// Present temperature; unit: degrees Celsius.
    package static var presentTemperature: Self { Self(146, width: 1) }
}

/// What the numbers in the registers stand for.
package enum DynamixelUnit {
    /// Angle of one pulse in radians: 4096 to a turn.
    package static var radiansPerPulse: Double { 2 * .pi / 4096 }
    /// The pulse that stands for 0 radians.
    package static var zeroPulse: Int { 2048 }
    /// Speed of one unit of velocity in radians per second: 0.229 rpm rounded as the vendor rounds it.
    package static var radiansPerSecond: Double { 0.0239691227 }
    /// Length of one unit of the bus watchdog, milliseconds.
    package static var watchdogMilliseconds: Int { 20 }
    /// Microseconds of one unit of the return delay.
    package static var returnDelayMicroseconds: Int { 2 }

    /// The largest homing offset that a servo heeds in position mode, pulses: a quarter of a turn.
    package static var largestOffset: Int { 1_024 }

    /// The value of `DynamixelRegister.baudRate` for a rate in bits per second; nil if it has none.
    package static func baudCode(_ baud: Int) -> Int? { (0...7).first { baudRate(code: $0) == baud } }

    /// Values of `DynamixelRegister.baudRate` and what they mean, in bits per second.
    package static func baudRate(code: Int) -> Int? {
        switch code {
        case 0: 9_600
        case 1: 57_600
        case 2: 115_200
        case 3: 1_000_000
        case 4: 2_000_000
        case 5: 3_000_000
        case 6: 4_000_000
        case 7: 4_500_000
        default: nil
        }
    }
}

/// A servo of the X series that arms are built of.
package enum DynamixelModel: Int, CaseIterable, Sendable {
    case xm430w210 = 1030
    case xm430w350 = 1020
    case xm540w270 = 1120
    case xl430w250 = 1060
    case xc430w150 = 1070
    case xl330m077 = 1190
    case xl330m288 = 1200

    package var name: String {
        switch self {
        case .xm430w210: "XM430-W210"
        case .xm430w350: "XM430-W350"
        case .xm540w270: "XM540-W270"
        case .xl430w250: "XL430-W250"
        case .xc430w150: "XC430-W150"
        case .xl330m077: "XL330-M077"
        case .xl330m288: "XL330-M288"
        }
    }

    /// Whether register 126 says a current; else it is a load in 0.1 %.
    package var measuresCurrent: Bool {
        switch self {
        case .xl430w250, .xc430w150: false
        case .xm430w210, .xm430w350, .xm540w270, .xl330m077, .xl330m288: true
        }
    }
}

/// Values of `DynamixelRegister.operatingMode`.
package enum DynamixelOperatingMode: Int, Sendable {
    case current = 0
    case velocity = 1
    case position = 3
    case extendedPosition = 4
    case currentBasedPosition = 5
    case pwm = 16
}

/// Bits of `hardwareErrorStatus` and `shutdown`.
package struct DynamixelHardwareError: OptionSet, Equatable, Sendable, BitwiseCopyable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static var voltage: Self { Self(rawValue: 0x01) }
    package static var overheating: Self { Self(rawValue: 0x04) }
    package static var encoder: Self { Self(rawValue: 0x08) }
    package static var electricalShock: Self { Self(rawValue: 0x10) }
    package static var overload: Self { Self(rawValue: 0x20) }
}

extension DynamixelHardwareError: CustomStringConvertible {
    package var description: String {
        var words: [String] = []
        if contains(.voltage) { words.append("input voltage") }
        if contains(.overheating) { words.append("overheating") }
        if contains(.encoder) { words.append("encoder") }
        if contains(.electricalShock) { words.append("electrical shock") }
        if contains(.overload) { words.append("overload") }
        return words.isEmpty ? "none" : words.joined(separator: ", ")
    }
}

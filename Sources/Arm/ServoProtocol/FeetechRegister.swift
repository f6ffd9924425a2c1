/// One register of the STS3215 (register table of the STS/SMS series).
package struct FeetechRegister: Equatable, Sendable, BitwiseCopyable {
    package var address: Int
    /// Width in bytes.
    package var width: Int
    /// The bit that stands for minus, in front of the magnitude; nil for a number without sign.
    package var signBit: Int?

    package init(_ address: Int, width: Int, signBit: Int? = nil) {
        self.address = address
        self.width = width
        self.signBit = signBit
    }

    /// First address of the RAM: registers below it keep their values without power, if `lock` is 0 when they are
    /// written.
    package static var firstRAMAddress: Int { 40 }
    package var isEEPROM: Bool { address < Self.firstRAMAddress }
    package var range: Range<Int> { address..<address + width }

    /// The largest magnitude the register can hold.
    package var largest: Int { (1 << (signBit ?? 8 * width)) - 1 }

    /// Whether the register can hold this value.
    package func holds(_ value: Int) -> Bool { value >= (signBit == nil ? 0 : -largest) && value <= largest }

    /// Encodes a value with sign and magnitude as the servo wants them.
    /// - Parameter value: one that the register holds. A cut one would be another position without a word: whoever does
    ///   not know asks `holds` first.
    package func encoded(_ value: Int) -> Int {
        precondition(holds(value), "a value that the register cannot hold")
        guard let signBit, value < 0 else { return value }
        return -value | 1 << signBit
    }

    /// The value of the register's raw number: the inverse of `encoded`.
    package func decoded(_ raw: Int) -> Int {
        guard let signBit else { return raw }
        let magnitude = raw & ((1 << signBit) - 1)
        return raw >> signBit & 1 == 1 ? -magnitude : magnitude
    }

    /// The register's value in an answer.
    /// - Parameters:
    ///   - bytes: data that begin with register address `base`.
    package func value(in bytes: UnsafeRawBufferPointer, base: Int) -> Int {
        decoded(bytes.littleEndian(at: address - base, width: width))
    }
}

extension FeetechRegister {
    package static var firmwareMajor: Self { Self(0, width: 1) }
    package static var firmwareMinor: Self { Self(1, width: 1) }
    package static var modelNumber: Self { Self(3, width: 2) }
    package static var id: Self { Self(5, width: 1) }
    /// Rate of the line, as `FeetechUnit.baudRate(code:)` reads it.
    package static var baudRate: Self { Self(6, width: 1) }
    /// Return delay; unit 2 µs.
    package static var returnDelayTime: Self { Self(7, width: 1) }
    /// What the servo answers: 0 pings and reads, 1 everything.
    package static var responseStatusLevel: Self { Self(8, width: 1) }
    /// Lowest position; unit: pulses, after the homing offset.
    package static var minimumPosition: Self { Self(9, width: 2) }
    /// Highest position; unit: pulses, after the homing offset.
    package static var maximumPosition: Self { Self(11, width: 2) }
    /// Maximum temperature; unit: degrees Celsius.
    package static var maximumTemperature: Self { Self(13, width: 1) }
    /// Maximum voltage; unit: 0.1 V.
    package static var maximumVoltage: Self { Self(14, width: 1) }
    /// Minimum voltage; unit: 0.1 V.
    package static var minimumVoltage: Self { Self(15, width: 1) }
    /// Maximum torque; unit: 0.1 %.
    package static var maximumTorque: Self { Self(16, width: 2) }
    /// Bits that say how the servo turns and counts, such as `FeetechUnit.countsTurns`.
    package static var phase: Self { Self(18, width: 1) }
    package static var unloadingCondition: Self { Self(19, width: 1) }
    package static var proportionalGain: Self { Self(21, width: 1) }
    package static var derivativeGain: Self { Self(22, width: 1) }
    package static var integralGain: Self { Self(23, width: 1) }
    package static var protectionCurrent: Self { Self(28, width: 2) }
    /// Homing offset, pulses: what is read is the actual position minus this.
    package static var homingOffset: Self { Self(31, width: 2, signBit: 11) }
    /// Operating mode: 0 position, 1 velocity, 2 PWM, 3 steps.
    package static var operatingMode: Self { Self(33, width: 1) }
    package static var protectiveTorque: Self { Self(34, width: 1) }
    package static var protectionTime: Self { Self(35, width: 1) }
    package static var overloadTorque: Self { Self(36, width: 1) }
    package static var torqueEnable: Self { Self(40, width: 1) }
    /// Acceleration; unit: 100 pulses/s².
    package static var acceleration: Self { Self(41, width: 1) }
    /// Goal position; unit: pulses.
    package static var goalPosition: Self { Self(42, width: 2, signBit: 15) }
    package static var goalTime: Self { Self(44, width: 2) }
    /// Goal velocity; unit: pulses per second.
    package static var goalVelocity: Self { Self(46, width: 2, signBit: 15) }
    /// Torque limit; unit: 0.1 %.
    package static var torqueLimit: Self { Self(48, width: 2) }
    /// Lock of the EEPROM registers; with 1 what is written to them is lost without power.
    package static var lock: Self { Self(55, width: 1) }
    /// Present position; unit: pulses.
    package static var presentPosition: Self { Self(56, width: 2, signBit: 15) }
    /// Present velocity; unit: pulses per second.
    package static var presentVelocity: Self { Self(58, width: 2, signBit: 15) }
    /// Present load; unit: 0.1 %.
    package static var presentLoad: Self { Self(60, width: 2, signBit: 10) }
    /// Present voltage; unit: 0.1 V.
    package static var presentVoltage: Self { Self(62, width: 1) }
    /// Present temperature; unit: degrees Celsius.
    package static var presentTemperature: Self { Self(63, width: 1) }
    package static var status: Self { Self(65, width: 1) }
    package static var moving: Self { Self(66, width: 1) }
    /// Present current; unit: 6.5 mA.
    package static var presentCurrent: Self { Self(69, width: 2, signBit: 15) }
    package static var maximumAcceleration: Self { Self(85, width: 1) }
}

/// What the numbers in the registers stand for.
package enum FeetechUnit {
    /// Angle of one pulse in radians: 4096 to a turn.
    package static var radiansPerPulse: Double { 2 * .pi / 4096 }
    /// The model number of the STS3215.
    package static var sts3215: Int { 777 }
    /// Microseconds of one unit of the return delay.
    package static var returnDelayMicroseconds: Int { 2 }

    /// Bits of `FeetechRegister.phase`: positions count turns, also below 0, in place of one turn's 0...4095.
    package static var countsTurns: Int { 0x10 }

    /// The value of `FeetechRegister.baudRate` for a rate in bits per second; nil if it has none.
    package static func baudCode(_ baud: Int) -> Int? { (0...7).first { baudRate(code: $0) == baud } }

    /// Values of `FeetechRegister.baudRate` and what they mean, in bits per second.
    package static func baudRate(code: Int) -> Int? {
        switch code {
        case 0: 1_000_000
        case 1: 500_000
        case 2: 250_000
        case 3: 128_000
        case 4: 115_200
        case 5: 57_600
        case 6: 38_400
        case 7: 19_200
        default: nil
        }
    }
}

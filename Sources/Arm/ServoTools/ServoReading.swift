import ServoProtocol

/// What a servo says of itself.
package struct ServoReading: Equatable, Sendable {
    package var id: UInt8
    package var model: Int
    package var modelName: String
    package var firmware: String
    /// Position, pulses, like offset and limits.
    package var position: Int
    package var homingOffset: Int
    package var lowestPosition: Int
    package var highestPosition: Int
    package var operatingMode: Int
    /// Drive mode; like phase and secondary id nil where the protocol has none.
    package var driveMode: Int?
    package var phase: Int?
    package var secondaryID: Int?
    package var isTorqueOn: Bool
    /// Voltage at the servo, volts.
    package var volts: Double
    /// Temperature of the servo, degrees Celsius.
    package var celsius: Int
    /// Hardware errors in words; nil: none.
    package var errors: String?
}

extension ServoReading {
    /// A Feetech servo whose positions count turns, beyond 0...4095.
    package var countsTurns: Bool { (phase ?? 0) & FeetechUnit.countsTurns != 0 }
}

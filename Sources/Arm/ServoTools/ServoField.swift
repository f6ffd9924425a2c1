import ArmDrivers
import ServoProtocol

/// What tools read from servos and write to them, whatever the protocol.
package enum ServoField: String, CaseIterable, Sendable {
    case model
    case id
    /// The protocol's code for a rate.
    case baudRate = "baud rate"
    /// Dynamixel: 0 answers pings only, 1 reads too, 2 everything. Feetech: 0 pings and reads, 1 everything.
    case answerLevel = "status return level"
    /// Version of the protocol, 1 or 2; Dynamixel only.
    case protocolVersion = "protocol type"
    /// Homing offset, pulses; what it does to the position differs: Dynamixel adds it, Feetech subtracts it.
    case homingOffset = "homing offset"
    /// Lowest position, pulses as the position counts.
    case lowestPosition = "minimum position"
    /// Highest position, pulses as the position counts.
    case highestPosition = "maximum position"
    case operatingMode = "operating mode"
    /// Drive mode, Dynamixel only; bit 0: the servo turns the other way round.
    case driveMode = "drive mode"
    /// Phase, Feetech only; bit 0x10: positions count turns.
    case phase
    /// Second id that the servo obeys, Dynamixel only; 255 for none.
    case secondaryID = "secondary id"
    /// Lock, Feetech only; 1: what is written to registers that outlast the power is lost with it.
    case lock
    case torque = "torque enable"
    /// Present position, pulses.
    case position
    /// Present voltage, 0.1 V.
    case voltage
    /// Present temperature, degrees Celsius.
    case temperature

    /// Register of Dynamixel servos; nil: such servos do not have it.
    var dynamixel: DynamixelRegister? {
        switch self {
        case .model: .modelNumber
        case .id: .id
        case .baudRate: .baudRate
        case .answerLevel: .statusReturnLevel
        case .protocolVersion: .protocolType
        case .homingOffset: .homingOffset
        case .lowestPosition: .minimumPosition
        case .highestPosition: .maximumPosition
        case .operatingMode: .operatingMode
        case .driveMode: .driveMode
        case .secondaryID: .secondaryID
        case .lock, .phase: nil
        case .torque: .torqueEnable
        case .position: .presentPosition
        case .voltage: .presentVoltage
        case .temperature: .presentTemperature
        }
    }

    /// Register of Feetech servos; nil: such servos do not have it.
    var feetech: FeetechRegister? {
        switch self {
        case .model: .modelNumber
        case .id: .id
        case .baudRate: .baudRate
        case .answerLevel: .responseStatusLevel
        case .homingOffset: .homingOffset
        case .lowestPosition: .minimumPosition
        case .highestPosition: .maximumPosition
        case .operatingMode: .operatingMode
        case .phase: .phase
        case .driveMode, .secondaryID, .protocolVersion: nil
        case .lock: .lock
        case .torque: .torqueEnable
        case .position: .presentPosition
        case .voltage: .presentVoltage
        case .temperature: .presentTemperature
        }
    }
}

extension ServoField {
    /// Whether servos of a protocol have it.
    package func exists(in name: ServoLayout.ServoProtocolName) -> Bool {
        name == .dynamixel ? dynamixel != nil : feetech != nil
    }

    /// Fields that a calibration writes and that outlast the power, in the order in which it is to be written: the
    /// phase and the modes change what a position is.
    package static var calibrated: [Self] {
        [.phase, .operatingMode, .driveMode, .homingOffset, .lowestPosition, .highestPosition]
    }
}

extension ServoLayout.ServoProtocolName {
    /// The register's code for a rate in bits per second; nil if these servos do not have it.
    package func baudCode(_ baud: Int) -> Int? {
        switch self {
        case .dynamixel: DynamixelUnit.baudCode(baud)
        case .feetech: FeetechUnit.baudCode(baud)
        }
    }

    /// The register `answerLevel` of a servo that answers everything.
    package var fullAnswerLevel: Int { self == .dynamixel ? 2 : 1 }

    /// The largest homing offset that the servo heeds, pulses. A Dynamixel servo's register holds more; in position
    /// mode a quarter of a turn counts.
    package var largestOffset: Int {
        self == .dynamixel ? DynamixelUnit.largestOffset : FeetechRegister.homingOffset.largest
    }
    /// Rates of the line that servos can be set to, bits per second; the likely ones first.
    package var bauds: [Int] {
        switch self {
        // Arms come with 1 Mbit/s, single servos with 57,600.
        case .dynamixel: [1_000_000, 57_600, 2_000_000, 3_000_000, 4_000_000, 115_200, 4_500_000, 9_600]
        case .feetech: [1_000_000, 500_000, 250_000, 128_000, 115_200, 57_600, 38_400, 19_200]
        }
    }

    /// Value of the register `operatingMode` when goals are positions.
    package var positionMode: Int {
        switch self {
        case .dynamixel: DynamixelOperatingMode.position.rawValue
        case .feetech: 0
        }
    }

    /// Name of a model.
    package func modelName(_ number: Int) -> String {
        switch self {
        case .dynamixel: DynamixelModel(rawValue: number)?.name ?? "model \(number)"
        case .feetech: number == FeetechUnit.sts3215 ? "STS3215" : "model \(number)"
        }
    }
}

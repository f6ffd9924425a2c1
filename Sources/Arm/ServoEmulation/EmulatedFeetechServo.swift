import ServoProtocol
import Time

/// The inside of an STS3215: registers, what is kept without power, motion, protection.
struct EmulatedFeetechServo {
    /// Speed at 12 V without load, pulses per second: 50 rpm.
    private static let freeSpeed = 50.0 / 60 * 4096
    private static let tableLength = 100

    private(set) var registers = [UInt8](repeating: 0, count: tableLength)
    /// What comes back with the power: registers below 40, as written while `lock` was 0.
    private var kept: [UInt8] = []
    private var motor: EmulatedMotor
    private let unusualBaud: Int
    private var pending: (address: Int, data: [UInt8])?
    private var now: MonotonicTime = .zero
    private(set) var error: Feetech.StatusError = []
    /// Whether overload has been noticed: it pushes with the protective torque only.
    private var isProtecting = false

    /// Makes a servo at rest.
    /// - Parameters:
    ///   - pulses: position of its bare encoder, pulses; beyond 0...4095 after turns that it has counted.
    ///   - baud: bits per second; one that its register does not know is its own all the same.
    init(
        id: UInt8, pulses: Int, homingOffset: Int = 0, limits: ClosedRange<Int> = 0...4095, baud: Int = 1_000_000,
        firmware: (major: Int, minor: Int) = (3, 10)
    ) {
        motor = EmulatedMotor(position: Double(pulses))
        unusualBaud = baud
        set(.firmwareMajor, firmware.major)
        set(.firmwareMinor, firmware.minor)
        set(.baudRate, FeetechUnit.baudCode(baud) ?? 255)
        set(.modelNumber, FeetechUnit.sts3215)
        set(.id, Int(id))
        set(.returnDelayTime, 0)
        set(.responseStatusLevel, 1)
        set(.minimumPosition, limits.lowerBound)
        set(.maximumPosition, limits.upperBound)
        set(.maximumTemperature, 70)
        set(.maximumVoltage, 140)
        set(.minimumVoltage, 40)
        set(.maximumTorque, 1_000)
        set(.phase, 12)
        set(.proportionalGain, 32)
        set(.derivativeGain, 32)
        set(.protectionCurrent, 500)
        set(.homingOffset, homingOffset)
        set(.protectiveTorque, 20)
        set(.protectionTime, 200)
        set(.overloadTorque, 80)
        kept = Array(registers[..<FeetechRegister.firstRAMAddress])
        resetRAM()
    }

    // MARK: Registers

    func value(_ register: FeetechRegister) -> Int { registers.withUnsafeBytes { register.value(in: $0, base: 0) } }

    private mutating func set(_ register: FeetechRegister, _ value: Int) {
        let nearest = min(max(value, register.signBit == nil ? 0 : -register.largest), register.largest)
        let raw = register.encoded(nearest)
        for index in 0..<register.width {
            registers[register.address + index] = UInt8(truncatingIfNeeded: raw >> (8 * index))
        }
    }

    private mutating func resetRAM() {
        for address in FeetechRegister.firstRAMAddress..<registers.count { registers[address] = 0 }
        set(.torqueLimit, value(.maximumTorque))
        set(.lock, 1)
        set(.presentVoltage, 120)
        set(.presentTemperature, 30)
        set(.maximumAcceleration, 50)
        motor.rest()
        isProtecting = false
        pending = nil
        updatePresent()
    }

    var id: UInt8 { registers[FeetechRegister.id.address] }
    /// Baud rate at which the servo talks, bits per second.
    var baud: Int { FeetechUnit.baudRate(code: value(.baudRate)) ?? unusualBaud }
    var answersWrites: Bool { value(.responseStatusLevel) == 1 }
    var returnDelaySeconds: Double { Double(value(.returnDelayTime) * FeetechUnit.returnDelayMicroseconds) * 1e-6 }
    private var isTorqueOn: Bool { value(.torqueEnable) == 1 }
    var stance: ServoStance {
        ServoStance(position: value(.presentPosition), goal: value(.goalPosition), isTorqueOn: isTorqueOn)
    }

    func read(_ address: Int, count: Int) -> ArraySlice<UInt8>? {
        guard count > 0, address >= 0, address + count <= registers.count else { return nil }
        return registers[address..<address + count]
    }

    private static func isReadOnly(_ address: Int) -> Bool { (0..<5).contains(address) || (56..<80).contains(address) }

    /// A write beyond the table is not carried out; one to a read-only register changes nothing, without an error.
    /// - Returns: whether it was accepted.
    mutating func write(_ address: Int, _ data: ArraySlice<UInt8>) -> Bool {
        guard !data.isEmpty, address >= 0, address + data.count <= registers.count else { return false }
        for (index, byte) in data.enumerated() where !Self.isReadOnly(address + index) {
            registers[address + index] = byte
        }
        let range = address..<address + data.count
        if range.lowerBound < FeetechRegister.firstRAMAddress, value(.lock) == 0 {
            kept = Array(registers[..<FeetechRegister.firstRAMAddress])
        }
        if range.contains(FeetechRegister.torqueEnable.address) {
            if value(.torqueEnable) == 128 {
                // Calls the present position the middle.
                set(.homingOffset, Int((motor.position - 2048).rounded()))
                set(.torqueEnable, 0)
            }
            isProtecting = false
            error.remove(.overload)
        }
        updatePresent()
        return true
    }

    mutating func register(_ address: Int, _ data: ArraySlice<UInt8>) { pending = (address, Array(data)) }

    /// Carries out the registered write, if there is one.
    /// - Returns: what was written; nil if nothing was registered or the servo refused it.
    mutating func act() -> (address: Int, data: [UInt8])? {
        defer { pending = nil }
        guard let pending, write(pending.address, pending.data[...]) else { return nil }
        return pending
    }

    // MARK: Time

    mutating func advance(to time: MonotonicTime) {
        let seconds = now == .zero ? 0 : (time - now).inSeconds
        now = time
        guard isTorqueOn else {
            motor.rest()
            return updatePresent()
        }
        let wanted = value(.goalVelocity)
        let speed = wanted == 0 ? Self.freeSpeed : min(Double(abs(wanted)), Self.freeSpeed)
        switch value(.operatingMode) {
        case 0:
            // It stops at its limit registers, whatever the goal.
            let (low, high) = (value(.minimumPosition), value(.maximumPosition))
            let goal = low < high ? min(max(value(.goalPosition), low), high) : value(.goalPosition)
            motor.follow(motor.position + Double(goal) - presentPulses, speed: speed, for: seconds)
        case 1: motor.push(Double(wanted.signum()) * speed / Self.freeSpeed, speed: Self.freeSpeed, for: seconds)
        default: motor.rest()
        }
        protect()
        updatePresent()
    }

    private mutating func protect() {
        let share = abs(motor.effort) * 100
        if share >= Double(value(.overloadTorque)), motor.stalledSeconds > Double(value(.protectionTime)) * 0.01 {
            isProtecting = true
            error.insert(.overload)
        }
    }

    /// Whether positions of many turns, also below 0, are told instead of one turn's.
    private var countsTurns: Bool { value(.phase) & FeetechUnit.countsTurns != 0 }

    /// What the encoder says less the offset.
    private var presentPulses: Double {
        let pulses = motor.position - Double(value(.homingOffset))
        if countsTurns { return pulses }
        let rest = pulses.truncatingRemainder(dividingBy: 4_096)
        return rest < 0 ? rest + 4_096 : rest
    }

    private mutating func updatePresent() {
        let pulses = Int(presentPulses.rounded())
        set(.presentPosition, countsTurns ? pulses : pulses & 4_095)
        set(.presentVelocity, Int(motor.velocity.rounded()))
        let share = isProtecting ? motor.effort * Double(value(.protectiveTorque)) / 100 : motor.effort
        set(.presentLoad, Int((share * 1_000).rounded()))
        set(.presentCurrent, Int((share * 300).rounded()))
        set(.moving, abs(motor.velocity) > 1 ? 1 : 0)
    }

    // MARK: Faults

    /// Puts obstacles at both ends of a range that the servo cannot leave; nil takes them away.
    /// - Parameter pulses: range of positions, as the position register counts.
    mutating func setObstacle(_ pulses: ClosedRange<Int>?) {
        guard let pulses else {
            (motor.lowestFree, motor.highestFree) = (-.infinity, .infinity)
            return
        }
        let offset = motor.position - presentPulses
        (motor.lowestFree, motor.highestFree) = (Double(pulses.lowerBound) + offset, Double(pulses.upperBound) + offset)
    }

    mutating func turn(to pulses: Int) {
        if isTorqueOn { return }
        motor.position += Double(pulses) - presentPulses
        updatePresent()
    }

    /// Makes something wrong with the servo.
    /// - Returns: whether these servos have such a thing.
    mutating func apply(_ fault: ServoFault) -> Bool {
        switch fault {
        case .torque(let isOn):
            set(.torqueEnable, isOn ? 1 : 0)
            if !isOn { motor.rest() }
        case .answerLevel(let level) where level <= 1: keep(.responseStatusLevel, level)
        case .phase(let bits): keep(.phase, Int(bits))
        case .firmware(let major, let minor):
            keep(.firmwareMajor, Int(major))
            keep(.firmwareMinor, Int(minor))
        case .answerLevel, .duplicate, .protocolVersion: return false
        }
        updatePresent()
        return true
    }

    /// Sets a register as if it had always been so.
    private mutating func keep(_ register: FeetechRegister, _ value: Int) {
        set(register, value)
        kept.replaceSubrange(register.range, with: registers[register.range])
    }

    mutating func setHardwareError(_ bits: UInt8) {
        error = Feetech.StatusError(rawValue: bits)
        if bits != 0 { set(.torqueEnable, 0) }
    }

    mutating func setTemperature(_ degrees: Int) {
        set(.presentTemperature, degrees)
        guard degrees > value(.maximumTemperature) else { return }
        error.insert(.overheating)
        set(.torqueEnable, 0)
    }

    mutating func restart() {
        error = []
        let temperature = value(.presentTemperature)
        registers.replaceSubrange(..<FeetechRegister.firstRAMAddress, with: kept)
        // The encoder knows one turn: how many there were is forgotten.
        motor.position = motor.position - 4_096 * (motor.position / 4_096).rounded(.down)
        resetRAM()
        setTemperature(temperature)
    }
}

import ServoProtocol
import Time

/// The inside of an X-series servo: registers, what may be written when, motion, watchdog.
struct EmulatedDynamixelServo {
    /// Speed at 100 % PWM without load, pulses per second: 46 rpm of an XM430-W350 at 12 V.
    private static let freeSpeed = 46.0 / 60 * 4096
    /// Time of full pushing against an obstacle that is an overload, seconds.
    private static let overloadSeconds = 2.0
    private static let tableLength = 256

    private(set) var registers = [UInt8](repeating: 0, count: tableLength)
    private var motor: EmulatedMotor
    private let unusualBaud: Int
    /// The address and bytes of the last registered write.
    private var pending: (address: Int, data: [UInt8])?
    private var lastInstruction: MonotonicTime = .zero
    private var now: MonotonicTime = .zero
    /// Speed towards the present goal, pulses per second.
    private var goalSpeed = freeSpeed
    private var hardwareError: UInt8 = 0

    /// Makes a servo at rest.
    /// - Parameters:
    ///   - pulses: position at which it stands, pulses.
    ///   - baud: bits per second; one that its register does not know is its own all the same.
    init(
        id: UInt8, model: DynamixelModel, firmware: Int = 45, pulses: Int, secondaryID: UInt8 = 255,
        isReversed: Bool = false,
        baud: Int = 1_000_000
    ) {
        motor = EmulatedMotor(position: Double(pulses))
        unusualBaud = baud
        set(.modelNumber, model.rawValue)
        set(.firmwareVersion, firmware)
        set(.id, Int(id))
        set(.baudRate, DynamixelUnit.baudCode(baud) ?? 255)
        set(.returnDelayTime, 250)
        set(.driveMode, isReversed ? 1 : 0)
        set(.operatingMode, DynamixelOperatingMode.position.rawValue)
        set(.secondaryID, Int(secondaryID))
        set(.protocolType, 2)
        set(.temperatureLimit, 80)
        set(.maximumVoltage, 160)
        set(.minimumVoltage, 95)
        set(.pwmLimit, 885)
        set(.currentLimit, model.measuresCurrent ? 1193 : 0)
        set(.velocityLimit, 350)
        set(.maximumPosition, 4095)
        set(.minimumPosition, 0)
        set(.shutdown, 52)
        resetRAM()
    }

    // MARK: Registers

    func value(_ register: DynamixelRegister) -> Int {
        registers.withUnsafeBytes { register.value(in: $0, base: 0) }
    }

    private mutating func set(_ register: DynamixelRegister, _ value: Int) {
        for index in 0..<register.width {
            registers[register.address + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    private mutating func resetRAM() {
        for address in DynamixelRegister.firstRAMAddress..<registers.count { registers[address] = 0 }
        set(.statusReturnLevel, 2)
        set(.presentTemperature, 32)
        set(.presentVoltage, 120)
        pending = nil
        motor.rest()
        updatePresent()
        set(.goalPosition, value(.presentPosition))
    }

    var id: UInt8 { registers[DynamixelRegister.id.address] }
    /// Second id whose packets the servo obeys, and does not answer; nil without one.
    var secondaryID: UInt8? {
        let id = registers[DynamixelRegister.secondaryID.address]
        return id <= Dynamixel.highestID ? id : nil
    }
    /// Baud rate at which the servo talks, bits per second.
    var baud: Int { DynamixelUnit.baudRate(code: value(.baudRate)) ?? unusualBaud }
    /// Version of the protocol that the servo speaks, 1 or 2.
    var protocolVersion: Int { value(.protocolType) }
    var statusReturnLevel: Int { value(.statusReturnLevel) }
    var returnDelaySeconds: Double { Double(value(.returnDelayTime) * DynamixelUnit.returnDelayMicroseconds) * 1e-6 }
    private var isTorqueOn: Bool { value(.torqueEnable) == 1 }
    var stance: ServoStance {
        ServoStance(position: value(.presentPosition), goal: value(.goalPosition), isTorqueOn: isTorqueOn)
    }
    private var mode: DynamixelOperatingMode? { DynamixelOperatingMode(rawValue: value(.operatingMode)) }
    private var watchdogHasTripped: Bool { value(.busWatchdog) == 255 }

    func status(_ number: UInt8 = 0) -> Dynamixel.StatusError {
        Dynamixel.StatusError(number | (hardwareError != 0 ? 0x80 : 0))
    }

    func read(_ address: Int, count: Int) -> ArraySlice<UInt8>? {
        guard count > 0, address >= 0, address + count <= registers.count else { return nil }
        return registers[address..<address + count]
    }

    private static func isReadOnly(_ address: Int) -> Bool {
        (0..<7).contains(address) || (69..<71).contains(address) || (120..<148).contains(address)
    }

    /// Writes bytes to registers from `address` on, unless the servo refuses them.
    /// - Returns: the number of the error byte; 0 if it was accepted.
    mutating func write(_ address: Int, _ data: ArraySlice<UInt8>) -> UInt8 {
        guard !data.isEmpty, address >= 0, address + data.count <= registers.count else { return 5 }
        let range = address..<address + data.count
        if range.contains(where: Self.isReadOnly) { return 7 }
        if range.contains(where: { $0 < DynamixelRegister.firstRAMAddress }) && isTorqueOn { return 7 }
        let writesGoal = range.overlaps(100..<104) || range.overlaps(104..<108) || range.overlaps(116..<120)
        if watchdogHasTripped && writesGoal { return 4 }
        let before = registers
        registers.replaceSubrange(range, with: data)
        let problem = check(range)
        if problem != 0 {
            registers = before
            return problem
        }
        apply(range, wasTorqueOn: before[DynamixelRegister.torqueEnable.address] == 1)
        return 0
    }

    private func check(_ range: Range<Int>) -> UInt8 {
        if range.contains(DynamixelRegister.torqueEnable.address) {
            if value(.torqueEnable) > 1 { return 4 }
            if value(.torqueEnable) == 1 && hardwareError != 0 { return 1 }
        }
        if range.contains(DynamixelRegister.operatingMode.address), mode == nil { return 4 }
        if range.contains(DynamixelRegister.busWatchdog.address), value(.busWatchdog) > 127 { return 4 }
        if range.contains(DynamixelRegister.protocolType.address), ![1, 2].contains(value(.protocolType)) { return 4 }
        if range.contains(DynamixelRegister.id.address), value(.id) > Int(Dynamixel.highestID) { return 4 }
        if range.contains(DynamixelRegister.baudRate.address), DynamixelUnit.baudRate(code: value(.baudRate)) == nil {
            return 4
        }
        if range.overlaps(116..<120), mode == .position {
            let goal = value(.goalPosition)
            if goal < value(.minimumPosition) || goal > value(.maximumPosition) { return 6 }
        }
        if range.overlaps(100..<102), abs(value(.goalPWM)) > value(.pwmLimit) { return 6 }
        return 0
    }

    private mutating func apply(_ range: Range<Int>, wasTorqueOn: Bool) {
        if range.contains(DynamixelRegister.torqueEnable.address), isTorqueOn, !wasTorqueOn {
            // It holds where it is.
            set(.goalPosition, value(.presentPosition))
            goalSpeed = Self.freeSpeed
        }
        if range.overlaps(116..<120) {
            let isTimeBased = value(.driveMode) & 4 != 0
            let profile = Double(value(.profileVelocity))
            let distance = abs(Double(value(.goalPosition)) - presentPulses)
            if profile <= 0 {
                goalSpeed = Self.freeSpeed
            } else if isTimeBased {
                goalSpeed = min(Self.freeSpeed, distance / (profile * 1e-3))
            } else {
                goalSpeed = min(
                    Self.freeSpeed, profile * DynamixelUnit.radiansPerSecond / DynamixelUnit.radiansPerPulse)
            }
        }
        // A register that moves what is present at once.
        updatePresent()
    }

    mutating func register(_ address: Int, _ data: ArraySlice<UInt8>) { pending = (address, Array(data)) }

    /// Carries out the registered write, if there is one.
    /// - Returns: what was written; nil if nothing was registered or the servo refused it.
    mutating func act() -> (address: Int, data: [UInt8])? {
        defer { pending = nil }
        guard let pending, write(pending.address, pending.data[...]) == 0 else { return nil }
        return pending
    }

    // MARK: Time

    private var sign: Double { value(.driveMode) & 1 != 0 ? -1 : 1 }
    /// What the encoder says, turned as the drive mode says, with the offset: present = actual + homing offset.
    private var presentPulses: Double { registered(motor.present) }
    private func registered(_ actual: Double) -> Double { sign * (actual - 2048) + 2048 + Double(value(.homingOffset)) }
    private func actual(_ pulses: Double) -> Double { sign * (pulses - Double(value(.homingOffset)) - 2048) + 2048 }

    /// An instruction packet was on the line, for whomever.
    mutating func hearInstruction(at now: MonotonicTime) { lastInstruction = now }

    mutating func advance(to time: MonotonicTime) {
        let seconds = now == .zero ? 0 : (time - now).inSeconds
        now = time
        runWatchdog()
        guard isTorqueOn else {
            motor.rest()
            return updatePresent()
        }
        switch mode {
        case .position, .extendedPosition, .currentBasedPosition:
            let limit = Double(value(.velocityLimit)) * DynamixelUnit.radiansPerSecond / DynamixelUnit.radiansPerPulse
            motor.follow(actual(Double(value(.goalPosition))), speed: min(goalSpeed, limit), for: seconds)
        case .pwm:
            // The emulated gripper has an end at either side.
            motor.push(sign * Double(value(.goalPWM)) / 885, speed: Self.freeSpeed, for: seconds)
        case .velocity:
            let speed = Double(value(.goalVelocity)) * DynamixelUnit.radiansPerSecond / DynamixelUnit.radiansPerPulse
            motor.push(sign * speed / Self.freeSpeed, speed: Self.freeSpeed, for: seconds)
        case .current, nil: motor.rest()
        }
        if motor.stalledSeconds > Self.overloadSeconds && abs(motor.effort) >= 1 && mode != .pwm {
            setHardwareError(DynamixelHardwareError.overload.rawValue)
        }
        updatePresent()
    }

    private mutating func runWatchdog() {
        let setting = value(.busWatchdog)
        guard (1...127).contains(setting), isTorqueOn else { return }
        guard now - lastInstruction > .milliseconds(setting * DynamixelUnit.watchdogMilliseconds) else { return }
        set(.busWatchdog, 255)
        set(.goalPosition, value(.presentPosition))
        set(.goalPWM, 0)
        set(.goalVelocity, 0)
        set(.profileVelocity, 0)
        set(.profileAcceleration, 0)
    }

    private mutating func updatePresent() {
        set(.presentPosition, Int(presentPulses.rounded()))
        let unit = DynamixelUnit.radiansPerSecond / DynamixelUnit.radiansPerPulse
        set(.presentVelocity, Int((sign * motor.presentVelocity / unit).rounded()))
        let measuresCurrent = DynamixelModel(rawValue: value(.modelNumber))?.measuresCurrent ?? false
        let full = measuresCurrent ? Double(max(value(.currentLimit), 1)) : 1_000
        set(.presentCurrent, Int((sign * motor.presentEffort * full).rounded()))
        set(.moving, abs(motor.presentVelocity) > 1 ? 1 : 0)
    }

    mutating func turn(to pulses: Int) {
        if isTorqueOn { return }
        motor.position = actual(Double(pulses))
        updatePresent()
    }

    // MARK: A world outside

    /// Position to which the servo's control sends its shaft, pulses as its position register counts; nil without
    /// torque.
    var drive: Double? { isTorqueOn ? registered(motor.position) : nil }

    /// Takes what something else than the emulated motor has made of its shaft.
    mutating func setShaft(_ shaft: EmulatedShaft) {
        motor.shaft = EmulatedShaft(
            position: actual(shaft.position), velocity: sign * shaft.velocity, effort: sign * shaft.effort)
        if !isTorqueOn { motor.rest() }
        updatePresent()
    }

    // MARK: Faults

    /// Puts obstacles at both ends of a range that the servo cannot leave; nil takes them away.
    /// - Parameter pulses: range of positions, as the position register counts.
    mutating func setObstacle(_ pulses: ClosedRange<Int>?) {
        guard let pulses else {
            (motor.lowestFree, motor.highestFree) = (-.infinity, .infinity)
            return
        }
        let ends = [actual(Double(pulses.lowerBound)), actual(Double(pulses.upperBound))].sorted()
        (motor.lowestFree, motor.highestFree) = (ends[0], ends[1])
    }

    /// Makes something wrong with the servo.
    /// - Returns: whether these servos have such a thing.
    mutating func apply(_ fault: ServoFault) -> Bool {
        switch fault {
        case .torque(let isOn):
            set(.torqueEnable, isOn ? 1 : 0)
            set(.goalPosition, value(.presentPosition))
            if !isOn { motor.rest() }
        case .answerLevel(let level): set(.statusReturnLevel, level)
        case .firmware(let major, _): set(.firmwareVersion, Int(major))
        case .protocolVersion(let version): set(.protocolType, version)
        case .phase, .duplicate: return false
        }
        updatePresent()
        return true
    }

    mutating func setHardwareError(_ bits: UInt8) {
        hardwareError = bits
        set(.hardwareErrorStatus, Int(bits))
        guard bits & UInt8(value(.shutdown)) != 0 else { return }
        set(.torqueEnable, 0)
        motor.rest()
    }

    mutating func setTemperature(_ degrees: Int) {
        set(.presentTemperature, degrees)
        if degrees > value(.temperatureLimit) { setHardwareError(DynamixelHardwareError.overheating.rawValue) }
    }

    /// Starts the servo anew, by a reboot or by power that comes back.
    mutating func restart() {
        hardwareError = 0
        let temperature = value(.presentTemperature)
        resetRAM()
        set(.presentTemperature, temperature)
        if temperature > value(.temperatureLimit) { setHardwareError(DynamixelHardwareError.overheating.rawValue) }
    }
}

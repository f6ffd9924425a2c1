import Messages
import ServoProtocol
import Time

/// An arm of Dynamixel X-series servos (Protocol 2.0): WidowX-250s, ViperX and their like.
///
/// Each tick one sync read of current, velocity and position, and one sync write of goals; now and then one servo is
/// asked for its torque, its temperature or its watchdog. The servos' own watchdog is armed: if this process dies they
/// stop by themselves. An answer that is lost is asked for once more in the same tick; if it stays away, the joint
/// stays unread where it was read last, and after a fifth of a second the read fails and the driver is suspended.
package final class DynamixelArm<Port: ServoPort>: ArmDriver, @unchecked Sendable {
    // Unchecked: made on one thread and then owned by the control loop's, never used by two at a time.

    /// The furthest that servos on one joint may stand apart, pulses.
    private static var shadowTolerance: Int { 40 }
    static var base: Int { DynamixelRegister.presentCurrent.address }

    let client: DynamixelClient<Port>
    let layout: ServoLayout
    let leaders: [UInt8]
    let watchdog: Duration?
    let portName: String
    /// Period of the control loop.
    private let period: Duration
    var line: ServoLineState
    private(set) var usesFastRead = false
    /// Limits of each leader, pulses, as narrow as the servo's own registers; below, what a full load is to each.
    private(set) var limits: [ClosedRange<Int>] = []
    private(set) var fullLoad: [Double] = []
    var lastRead: MonotonicTime?
    /// The watchdog has been sent to the servos, only once the loop runs: what comes before its first tick may take
    /// longer than the servos would wait.
    var isWatchdogArmed = false
    /// A servo whose answer of this tick had the bit of a hardware error.
    var alertedServo: UInt8?

    /// Sets the servos up: nothing moves. Torque that is on stays on, so that the arm does not fall. Then times the
    /// line with questions as the control loop asks them, and begins only if whole answers come.
    /// - Parameters:
    ///   - baud: baud rate of the line, bits per second.
    ///   - watchdog: the servos stop by themselves without a packet for so long; rounded up to 20 ms, at most 2.54 s.
    ///     nil leaves it off: then they go on to the last goal.
    ///   - period: the control loop's period; no answer is awaited for longer than it allows.
    ///   - portName: name of the port in messages.
    package init(
        port: Port, baud: Int, layout: ServoLayout, watchdog: Duration? = .milliseconds(200),
        period: Duration = .milliseconds(10), torque: TorqueAtStart = .on, portName: String
    ) throws(ServoStartError) {
        client = DynamixelClient(port: port, baud: baud)
        self.layout = layout
        self.watchdog = watchdog
        self.portName = portName
        self.period = period
        leaders = layout.leaders
        line = ServoLineState(layout, kinds: [.torque, .temperature], torque: torque)
        try start(withTorque: torque == .on)
    }

    package var jointCount: Int { layout.joints.count }
    package var isSuspended: Bool { line.isSuspended }

    /// What a tick costs on the wire.
    package var budget: ServoBudget { ServoBudget(layout, baud: client.baud, usesFastRead: usesFastRead) }

    /// What a tick's questions and answers really took at the start.
    package var lineCost: LineCost? { line.cost }

    /// Answers that did not come, since the start.
    package var missedAnswers: UInt64 { line.readings.missed }

    package func joint(blamedBy error: ArmDriverError) -> Int? { error.servo.flatMap { layout.joint(movedBy: $0) } }

    // MARK: - Start

    /// Finds, checks and sets up the servos in order, and stops at the first thing that is wrong.
    /// - Parameter withTorque: switches torque on where it is off; else it stays as it is found.
    func start(withTorque: Bool) throws(ServoStartError) {
        client.margin = .milliseconds(50)
        isWatchdogArmed = false
        // Literals: with `+` the typed functions are cast at run time, which traps.
        let steps: [() throws(ServoPortError) -> Outcome] =
            withTorque
            ? [findServos, compare, checkHealth, setUp, readLimits, checkPlaces, switchOn]
            : [findServos, compare, checkHealth, setUp, readLimits]
        let outcome: Outcome
        do throws(ServoPortError) {
            outcome = try Outcome.first(steps)
            if case .fine = outcome { usesFastRead = try client.knowsFastSyncRead(leaders) }
        } catch {
            throw .port(errno: error.errno, port: portName)
        }
        try outcome.get()
        try timeLine()
        lastRead = nil
    }

    /// Asks as the control loop does, until the servos have answered whole several times in a row.
    private func timeLine() throws(ServoStartError) {
        var timing = LineTiming(leaders)
        line.readings.forget()
        do throws(ServoPortError) {
            // A first place counts when it is told twice.
            line.readings.begin()
            try ask(isFast: usesFastRead)
            while timing.needsMore {
                line.readings.begin()
                let begin = client.port.now
                try ask(isFast: usesFastRead)
                timing.took(client.port.now - begin, line.readings)
            }
        } catch {
            throw .port(errno: error.errno, port: portName)
        }
        let cost = try timing.cost(port: portName)
        line.cost = cost
        client.margin = min(
            cost.margin(beyond: client.wireTime(budget.bytesPerTick)), max(period * 0.6, .milliseconds(4)))
    }

    func checkPlaces() throws(ServoPortError) -> ServoStartOutcome {
        for id in layout.ids {
            guard let position = try place(of: id) else { return unsteady(id) }
            guard let low = try client.read(.minimumPosition, of: id),
                let high = try client.read(.maximumPosition, of: id),
                let torque = try client.read(.torqueEnable, of: id)
            else { return silent(id) }
            if torque == 0, low <= high, let failed = ServoPlace.check(id, position, low...high) { return failed }
        }
        return .fine
    }

    private typealias Outcome = ServoStartOutcome

    private func findServos() throws(ServoPortError) -> Outcome { try client.find(layout.ids, port: portName) }

    /// Checks that what angles depend on is the same in the servos and in the file.
    private func compare() throws(ServoPortError) -> Outcome {
        for part in layout.parts {
            guard let wanted = part.homingOffset else { continue }
            guard let found = try client.read(.homingOffset, of: part.id) else { return silent(part.id) }
            if found != wanted {
                return .failed(.otherCalibration(servo: part.id, register: "homing offset", found: found, file: wanted))
            }
            if abs(found) > DynamixelUnit.largestOffset {
                return .failed(.offsetNotHeeded(servo: part.id, offset: found))
            }
        }
        for joint in layout.joints {
            guard let isReversed = joint.isReversed else { continue }
            // A shadow sits opposite its leader.
            for (id, wanted) in [(joint.id, isReversed)] + joint.shadows.map({ ($0, !isReversed) }) {
                guard let drive = try client.read(.driveMode, of: id) else { return silent(id) }
                if drive & 1 != (wanted ? 1 : 0) {
                    return .failed(
                        .otherCalibration(
                            servo: id, register: "drive mode, reverse bit", found: drive & 1, file: wanted ? 1 : 0))
                }
            }
        }
        return .fine
    }

    private func checkHealth() throws(ServoPortError) -> Outcome {
        for id in layout.ids {
            guard let bits = try client.read(.hardwareErrorStatus, of: id),
                let temperature = try ServoPlace.confirmed({ () throws(ServoPortError) in
                    try client.read(.presentTemperature, of: id)
                })
            else { return silent(id) }
            let errors = DynamixelHardwareError(rawValue: UInt8(truncatingIfNeeded: bits))
            if !errors.isEmpty { return .failed(.hardwareError(servo: id, errors: "\(errors)")) }
            for index in leaders.indices where leaders[index] == id {
                line.readings.startTemperature(temperature, of: index)
            }
        }
        for joint in layout.joints {
            guard let leader = try client.read(.presentPosition, of: joint.id) else { return silent(joint.id) }
            for shadow in joint.shadows {
                guard let follower = try client.read(.presentPosition, of: shadow) else { return silent(shadow) }
                let apart = abs(leader - follower)
                if apart > Self.shadowTolerance {
                    return .failed(.shadowApart(leader: joint.id, shadow: shadow, pulses: apart))
                }
            }
        }
        return .fine
    }

    private func setUp() throws(ServoPortError) -> Outcome {
        for id in layout.ids {
            // Without it goals would be refused; writing 0 also clears one that has tripped.
            if let failed = try write(0, .busWatchdog, "bus watchdog", id) { return failed }
            if let failed = try write(2, .statusReturnLevel, "status return level", id) { return failed }
            let leader = layout.joints.first { $0.shadows.contains(id) }?.id
            guard let drive = try client.read(.driveMode, of: id) else { return silent(id) }
            let wanted: [(DynamixelRegister, String, Int)] = [
                (.operatingMode, "operating mode", DynamixelOperatingMode.position.rawValue),
                (.returnDelayTime, "return delay time", 0), (.secondaryID, "secondary id", Int(leader ?? 255)),
                // Which way it turns is the servo's own; profiles count in velocities.
                (.driveMode, "drive mode", drive & 1),
            ]
            for (register, name, value) in wanted {
                guard let found = try client.read(register, of: id) else { return silent(id) }
                if found == value { continue }
                guard let torque = try client.read(.torqueEnable, of: id) else { return silent(id) }
                if torque != 0 { return .failed(.torqueIsOn(servo: id, register: name, found: found, expected: value)) }
                if let failed = try write(value, register, name, id) { return failed }
            }
            // The goals come at the control rate, already smooth: the servo is to follow at once.
            if let failed = try write(0, .profileAcceleration, "profile acceleration", id) { return failed }
            if let failed = try write(0, .profileVelocity, "profile velocity", id) { return failed }
        }
        return .fine
    }

    /// Writes and reads back. A shadow is asked by its own id.
    private func write(
        _ value: Int, _ register: DynamixelRegister, _ name: String, _ id: UInt8
    ) throws(ServoPortError) -> Outcome? {
        guard let status = try client.write(value, to: register, of: id) else { return silent(id) }
        if status.number != 0 { return .failed(.refused(servo: id, register: name, reason: "\(status)")) }
        guard let found = try client.read(register, of: id) else { return silent(id) }
        return found == value ? nil : .failed(.unconfirmed(servo: id, register: name, wrote: value, found: found))
    }

    private func readLimits() throws(ServoPortError) -> Outcome {
        limits = []
        fullLoad = []
        for (index, id) in leaders.enumerated() {
            guard let low = try client.read(.minimumPosition, of: id),
                let high = try client.read(.maximumPosition, of: id),
                let current = try client.read(.currentLimit, of: id), let model = try client.read(.modelNumber, of: id)
            else { return silent(id) }
            let wanted = index < layout.joints.count ? layout.joints[index].limits : layout.gripper.limits
            // A goal beyond the servo's own limits is refused without a word in a sync write.
            let lower = min(max(wanted.lowerBound, low), wanted.upperBound)
            limits.append(lower...max(lower, min(wanted.upperBound, high)))
            let measures = DynamixelModel(rawValue: model)?.measuresCurrent ?? false
            fullLoad.append(measures && current > 0 ? Double(current) : 1_000)
        }
        return .fine
    }

    func switchOn() throws(ServoPortError) -> ServoStartOutcome {
        for id in layout.ids {
            guard let torque = try client.read(.torqueEnable, of: id) else { return silent(id) }
            if torque != 0 { continue }
            guard let position = try place(of: id) else { return unsteady(id) }
            // A shadow's own id reaches it alone; the leader's goal reaches both.
            _ = try client.write(position, to: .goalPosition, of: id)
            if let failed = try write(1, .torqueEnable, "torque enable", id) { return failed }
        }
        return .fine
    }

    func readPosition(of id: UInt8) throws(ServoPortError) -> Int? { try client.read(.presentPosition, of: id) }
}

import Messages
import ServoProtocol
import Time

/// An arm of Dynamixel X-series servos (Protocol 2.0): WidowX-250s, ViperX and their like.
///
/// Each tick one sync read of current, velocity and position, and one sync write of goals. The servos' own watchdog is
/// armed: if this process dies they stop by themselves. An answer that is lost is asked for once more in the same tick;
/// if it stays away, the joint is taken to go on as it moved, for three ticks; then the read fails and the arm holds.
package final class DynamixelArm<Port: ServoPort>: ArmDriver, @unchecked Sendable {
    // Unchecked: made on one thread and then owned by the control loop's, never used by two at a time.
    private static var toleratedMisses: Int { 3 }
    /// The furthest that servos on one joint may stand apart, pulses.
    private static var shadowTolerance: Int { 40 }
    /// Ticks between two looks at a servo's temperature; each tick that looks costs one more read.
    private static var ticksPerTemperature: UInt64 { 50 }
    private static var torqueRepeats: Int { 5 }
    private static var base: Int { DynamixelRegister.presentCurrent.address }
    private static var count: Int { ServoBudget.bytesRead(.dynamixel) }
    private static var retryPause: Duration { .milliseconds(500) }

    private let client: DynamixelClient<Port>
    private let layout: ServoLayout
    private let leaders: [UInt8]
    private let watchdog: Duration?
    private let portName: String
    private var readings: ServoReadings
    private var usesFastRead = false
    /// Of each leader: pulses, as narrow as the servo's own registers; what a full load is; unit of its velocity.
    private var limits: [ClosedRange<Int>] = []
    private var fullLoad: [Double] = []
    private var ticks: UInt64 = 0
    private var nextRetry: MonotonicTime = .zero
    private var lastRead: MonotonicTime = .zero
    private var isLost = false
    /// Only once the loop runs: what comes before its first tick may take longer than the servos would wait.
    private var isWatchdogArmed = false
    private var isAlerted: UInt8 = 0
    /// Writes that switch torque on again, after it was off: nobody answers one, and one may be lost.
    private var torqueWrites = 0

    /// Sets the servos up: nothing moves. Torque that is on stays on, so that the arm does not fall.
    /// - Parameters:
    ///   - baud: of the line, bits per second.
    ///   - watchdog: the servos stop by themselves without a packet for so long; rounded up to 20 ms, at most 2.54 s. nil
    ///     leaves it off: then they go on to the last goal.
    ///   - portName: for messages.
    package init(
        port: Port, baud: Int, layout: ServoLayout, watchdog: Duration? = .milliseconds(200), portName: String
    ) throws(ServoStartError) {
        client = DynamixelClient(port: port, baud: baud)
        self.layout = layout
        self.watchdog = watchdog
        self.portName = portName
        leaders = layout.leaders
        readings = ServoReadings(count: leaders.count)
        try start()
        client.margin = .milliseconds(4)
    }

    package var jointCount: Int { layout.joints.count }

    /// What a tick costs on the wire.
    package var budget: ServoBudget { ServoBudget(layout, baud: client.baud, usesFastRead: usesFastRead) }

    /// Answers that did not come, since the start.
    package var missedAnswers: UInt64 { readings.missed }

    // MARK: - Start

    private func start() throws(ServoStartError) {
        let outcome: Outcome
        do throws(ServoPortError) {
            outcome = try Outcome.first([findServos, compare, checkHealth, setUp, readLimits, switchOn])
            usesFastRead = try client.knowsFastSyncRead(leaders)
        } catch {
            throw .port(errno: error.errno, port: portName)
        }
        try outcome.get()
    }

    private typealias Outcome = ServoStartOutcome

    private func findServos() throws(ServoPortError) -> Outcome { try client.find(layout.ids, port: portName) }

    /// What angles depend on has to be the same in the servos and in the file.
    private func compare() throws(ServoPortError) -> Outcome {
        for part in layout.parts {
            guard let wanted = part.homingOffset else { continue }
            guard let found = try client.read(.homingOffset, of: part.id) else { return silent(part.id) }
            if found != wanted {
                return .failed(.otherCalibration(servo: part.id, register: "homing offset", found: found, file: wanted))
            }
            if abs(found) > DynamixelUnit.largestOffset { return .failed(.offsetNotHeeded(servo: part.id, offset: found)) }
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
            guard let bits = try client.read(.hardwareErrorStatus, of: id) else { return silent(id) }
            let errors = DynamixelHardwareError(rawValue: UInt8(truncatingIfNeeded: bits))
            if !errors.isEmpty { return .failed(.hardwareError(servo: id, errors: "\(errors)")) }
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

    private func silent(_ id: UInt8) -> Outcome {
        .failed(.missing(found: layout.ids.filter { $0 != id }, expected: layout.ids, port: portName))
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
            guard let low = try client.read(.minimumPosition, of: id), let high = try client.read(.maximumPosition, of: id),
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

    private func switchOn() throws(ServoPortError) -> Outcome {
        for id in layout.ids {
            guard let position = try client.read(.presentPosition, of: id), let torque = try client.read(.torqueEnable, of: id)
            else { return silent(id) }
            if torque == 0 {
                // A shadow's own id reaches it alone; the leader's goal reaches both.
                _ = try client.write(position, to: .goalPosition, of: id)
                if let failed = try write(1, .torqueEnable, "torque enable", id) { return failed }
            }
        }
        isWatchdogArmed = false
        return .fine
    }

    // MARK: - Control tick

    package func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        if isLost { try recover(at: now) }
        try checkWatchdog(at: now)
        ticks += 1
        readings.begin()
        isAlerted = 0
        do throws(ServoPortError) {
            try ask(isFast: usesFastRead)
            // Who is missing is asked alone, in answers of its own.
            if !readings.isComplete { try ask(isFast: false) }
            if isAlerted == 0 && ticks % Self.ticksPerTemperature == 0 { try askTemperature() }
        } catch {
            isLost = true
            nextRetry = now + Self.retryPause
            throw .systemCall(errno: error.errno)
        }
        if let silent = readings.end(at: now, tolerated: Self.toleratedMisses) {
            throw .noReply(servo: Int(leaders[silent]))
        }
        if isAlerted != 0 { throw .servoError(servo: Int(isAlerted), status: 0x80) }
        return readings.state(layout, at: now)
    }

    /// A loop that was late let the servos' watchdogs trip: they have stopped, and take no goals until they are set up anew.
    private func checkWatchdog(at now: MonotonicTime) throws(ArmDriverError) {
        defer { lastRead = now }
        guard let watchdog, isWatchdogArmed, lastRead > .zero, now - lastRead >= watchdog else { return }
        isLost = true
        nextRetry = now
        throw .systemCall(errno: 62)  // ETIME
    }

    private func ask(isFast: Bool) throws(ServoPortError) {
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        outgoing.removeAll()
        let start = Dynamixel.begin(isFast ? .fastSyncRead : .syncRead, to: Dynamixel.broadcastID, in: outgoing)
        outgoing.append(littleEndian: Self.base, width: 2)
        outgoing.append(littleEndian: Self.count, width: 2)
        var asked = 0
        for index in leaders.indices where !readings.readings[index].hasAnswered {
            outgoing.append(leaders[index])
            asked += 1
        }
        Dynamixel.end(start, in: outgoing)
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let reply = Dynamixel.syncReadReplyLength(servos: asked, count: Self.count, isFast: isFast)
        let deadline = port.now + client.wireTime(outgoing.count + reply) + client.margin
        while !readings.isComplete {
            let count = try port.receive(into: client.incoming, until: deadline)
            if count == 0 { return }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<count]))
            while let packet = parser.next() {
                guard packet.instruction == Dynamixel.Instruction.status.rawValue else { continue }
                if packet.id == Dynamixel.broadcastID {
                    takeFast(parser.parameters)
                } else if packet.parameterCount == Self.count + 1 {
                    take(packet.id, error: parser.parameters[0], parser.parameters, at: 1)
                }
            }
        }
    }

    /// One packet for all: error, id, data for each, with a running sum behind each but the last.
    private func takeFast(_ bytes: UnsafeRawBufferPointer) {
        var place = 0
        while place + 2 + Self.count <= bytes.count {
            take(bytes[place + 1], error: bytes[place], bytes, at: place + 2)
            place += 4 + Self.count
        }
    }

    private func take(_ id: UInt8, error: UInt8, _ bytes: UnsafeRawBufferPointer, at place: Int) {
        for index in leaders.indices where leaders[index] == id {
            let data = UnsafeRawBufferPointer(rebasing: bytes[place..<place + Self.count])
            let unit = DynamixelUnit.radiansPerSecond / DynamixelUnit.radiansPerPulse
            readings.answered(
                index, pulse: DynamixelRegister.presentPosition.value(in: data, base: Self.base),
                velocity: Double(DynamixelRegister.presentVelocity.value(in: data, base: Self.base)) * unit,
                load: Double(DynamixelRegister.presentCurrent.value(in: data, base: Self.base)) / fullLoad[index])
            if Dynamixel.StatusError(error).hasHardwareAlert { isAlerted = id }
        }
    }

    /// Of one servo each time, in turn.
    private func askTemperature() throws(ServoPortError) {
        let index = Int(ticks / Self.ticksPerTemperature % UInt64(leaders.count))
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        outgoing.removeAll()
        Dynamixel.appendRead(DynamixelRegister.presentTemperature.address, count: 1, from: leaders[index], in: outgoing)
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + client.wireTime(outgoing.count + 12) + client.margin
        while true {
            let count = try port.receive(into: client.incoming, until: deadline)
            if count == 0 { return }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<count]))
            while let packet = parser.next() {
                guard packet.id == leaders[index], packet.parameterCount == 2 else { continue }
                return readings.setTemperature(Int(parser.parameters[1]), of: index)
            }
        }
    }

    package func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        guard setpoint.positions.count == jointCount else {
            throw .wrongJointCount(found: setpoint.positions.count, expected: jointCount)
        }
        for joint in 0..<jointCount where !setpoint.positions[joint].isFinite { throw .setpointNotFinite(joint: joint) }
        guard setpoint.gripper.isFinite else { throw .setpointNotFinite(joint: jointCount) }
        if isLost { throw .systemCall(errno: 19) }  // ENODEV; the next read tries to open it again
        let outgoing = client.outgoing
        outgoing.removeAll()
        if !isWatchdogArmed { appendWatchdog() }
        if torqueWrites > 0 {
            torqueWrites -= 1
            appendTorque(1)
        }
        let start = Dynamixel.beginSyncWrite(
            DynamixelRegister.goalPosition.address, width: DynamixelRegister.goalPosition.width, in: outgoing)
        for index in leaders.indices {
            let wanted =
                index < jointCount
                ? layout.joints[index].pulse(setpoint.positions[index]) : layout.gripper.pulse(setpoint.gripper)
            outgoing.append(leaders[index])
            outgoing.append(
                littleEndian: min(max(wanted, limits[index].lowerBound), limits[index].upperBound),
                width: DynamixelRegister.goalPosition.width)
        }
        Dynamixel.end(start, in: outgoing)
        try send(at: now)
    }

    package func release(at now: MonotonicTime) throws(ArmDriverError) {
        if isLost { throw .systemCall(errno: 19) }  // ENODEV
        client.outgoing.removeAll()
        appendTorque(0)
        torqueWrites = Self.torqueRepeats
        try send(at: now)
    }

    private func send(at now: MonotonicTime) throws(ArmDriverError) {
        do {
            try client.port.send(client.outgoing.bytes)
        } catch {
            isLost = true
            nextRetry = now + Self.retryPause
            throw .systemCall(errno: error.errno)
        }
    }

    private func appendTorque(_ value: Int) {
        let register = DynamixelRegister.torqueEnable
        let start = Dynamixel.beginSyncWrite(register.address, width: register.width, in: client.outgoing)
        // A shadow obeys its leader's id.
        for id in leaders {
            client.outgoing.append(id)
            client.outgoing.append(littleEndian: value, width: register.width)
        }
        Dynamixel.end(start, in: client.outgoing)
    }

    private func appendWatchdog() {
        guard let watchdog else { return }
        isWatchdogArmed = true
        let register = DynamixelRegister.busWatchdog
        let start = Dynamixel.beginSyncWrite(register.address, width: register.width, in: client.outgoing)
        // A shadow obeys its leader's id.
        for id in leaders {
            client.outgoing.append(id)
            client.outgoing.append(
                littleEndian: min(max(Int((watchdog.inSeconds * 50).rounded(.up)), 1), 127), width: register.width)
        }
        Dynamixel.end(start, in: client.outgoing)
    }

    /// The adapter may be back: then the servos are set up as at the start. Not in real time, but the arm is lost anyway.
    private func recover(at now: MonotonicTime) throws(ArmDriverError) {
        guard now >= nextRetry else { throw .systemCall(errno: 19) }
        nextRetry = now + Self.retryPause
        do {
            try client.port.reopen()
        } catch {
            throw .systemCall(errno: error.errno)
        }
        do throws(ServoStartError) {
            try start()
        } catch {
            throw .noReply(servo: Int(leaders.first ?? 0))
        }
        readings = ServoReadings(count: leaders.count)
        lastRead = .zero
        isLost = false
    }
}

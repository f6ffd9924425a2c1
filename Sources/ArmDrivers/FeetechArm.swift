import Messages
import ServoProtocol
import Time

/// An arm of Feetech STS3215 servos: SO-100, SO-101.
///
/// Each tick one sync read of position, velocity, load and temperature, and one sync write of goals. An answer that is
/// lost is asked for once more in the same tick; if it stays away, the joint is taken to go on as it moved, for three
/// ticks; then the read fails and the arm holds. These servos have no bus watchdog: if this process dies, they hold the
/// last goal, which is at most one tick of motion away.
package final class FeetechArm<Port: ServoPort>: ArmDriver, @unchecked Sendable {
    // Unchecked: made on one thread and then owned by the control loop's, never used by two at a time.
    private static var torqueRepeats: Int { 5 }
    private static var toleratedMisses: Int { 3 }
    private static var base: Int { FeetechRegister.presentPosition.address }
    private static var count: Int { ServoBudget.bytesRead(.feetech) }
    private static var retryPause: Duration { .milliseconds(500) }
    /// As fast as the servo can: the goals are smooth already.
    private static var acceleration: Int { 254 }

    private let client: FeetechClient<Port>
    private let layout: ServoLayout
    private let leaders: [UInt8]
    private let portName: String
    private var readings: ServoReadings
    private var nextRetry: MonotonicTime = .zero
    private var isLost = false
    private var alert: (id: UInt8, bits: UInt8) = (0, 0)
    /// Writes that switch torque on again, after it was off: nobody answers one, and one may be lost.
    private var torqueWrites = 0

    /// Sets the servos up: nothing moves. Torque that is on stays on, so that the arm does not fall.
    /// - Parameters:
    ///   - baud: of the line, bits per second.
    ///   - portName: for messages.
    package init(port: Port, baud: Int, layout: ServoLayout, portName: String) throws(ServoStartError) {
        client = FeetechClient(port: port, baud: baud)
        self.layout = layout
        self.portName = portName
        leaders = layout.leaders
        readings = ServoReadings(count: leaders.count)
        try start()
        client.margin = .milliseconds(4)
    }

    package var jointCount: Int { layout.joints.count }

    /// What a tick costs on the wire.
    package var budget: ServoBudget { ServoBudget(layout, baud: client.baud, usesFastRead: false) }

    /// Answers that did not come, since the start.
    package var missedAnswers: UInt64 { readings.missed }

    // MARK: - Start

    private typealias Outcome = ServoStartOutcome

    private func start() throws(ServoStartError) {
        let outcome: Outcome
        do throws(ServoPortError) {
            outcome = try Outcome.first([findServos, compare, setUp, switchOn])
        } catch {
            throw .port(errno: error.errno, port: portName)
        }
        try outcome.get()
    }

    private func silent(_ id: UInt8) -> Outcome {
        .failed(.missing(found: layout.ids.filter { $0 != id }, expected: layout.ids, port: portName))
    }

    private func findServos() throws(ServoPortError) -> Outcome { try client.find(layout.ids, port: portName) }

    /// What angles depend on has to be the same in the servos and in the file.
    private func compare() throws(ServoPortError) -> Outcome {
        for part in layout.parts {
            guard let model = try client.read(.modelNumber, of: part.id) else { return silent(part.id) }
            if model != FeetechUnit.sts3215 {
                return .failed(.refused(servo: part.id, register: "model number", reason: "it is \(model), not 777"))
            }
            guard let phase = try client.read(.phase, of: part.id) else { return silent(part.id) }
            if phase & FeetechUnit.countsTurns != 0 { return .failed(.countsTurns(servo: part.id, phase: phase)) }
            guard let offset = part.homingOffset else { continue }
            for (register, name, wanted) in [
                (FeetechRegister.homingOffset, "homing offset", offset),
                (.minimumPosition, "minimum position", part.limits.lowerBound),
                (.maximumPosition, "maximum position", part.limits.upperBound),
            ] {
                guard let found = try client.read(register, of: part.id) else { return silent(part.id) }
                if found != wanted {
                    return .failed(.otherCalibration(servo: part.id, register: name, found: found, file: wanted))
                }
            }
        }
        return .fine
    }

    private func setUp() throws(ServoPortError) -> Outcome {
        for id in layout.ids {
            for (register, name, value) in [
                (FeetechRegister.operatingMode, "operating mode", 0), (.returnDelayTime, "return delay time", 0),
            ] {
                guard let found = try client.read(register, of: id) else { return silent(id) }
                if found == value { continue }
                guard let torque = try client.read(.torqueEnable, of: id) else { return silent(id) }
                if torque != 0 { return .failed(.torqueIsOn(servo: id, register: name, found: found, expected: value)) }
                if let failed = try write(0, .lock, "lock", id) { return failed }
                if let failed = try write(value, register, name, id) { return failed }
                if let failed = try write(1, .lock, "lock", id) { return failed }
            }
            if let failed = try write(Self.acceleration, .acceleration, "acceleration", id) { return failed }
            if let failed = try write(0, .goalVelocity, "goal velocity", id) { return failed }
        }
        return .fine
    }

    /// Writes and reads back.
    private func write(
        _ value: Int, _ register: FeetechRegister, _ name: String, _ id: UInt8
    ) throws(ServoPortError) -> Outcome? {
        guard try client.write(value, to: register, of: id), let found = try client.read(register, of: id) else {
            return silent(id)
        }
        return found == value ? nil : .failed(.unconfirmed(servo: id, register: name, wrote: value, found: found))
    }

    private func switchOn() throws(ServoPortError) -> Outcome {
        for id in layout.ids {
            guard let torque = try client.read(.torqueEnable, of: id), let position = try client.read(.presentPosition, of: id)
            else { return silent(id) }
            if torque == 1 { continue }
            // With torque it goes to whatever goal was left in it.
            if let failed = try write(position, .goalPosition, "goal position", id) { return failed }
            if let failed = try write(1, .torqueEnable, "torque enable", id) { return failed }
        }
        return .fine
    }

    // MARK: - Control tick

    package func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        if isLost { try recover(at: now) }
        readings.begin()
        alert = (0, 0)
        do throws(ServoPortError) {
            try ask()
            if !readings.isComplete { try ask() }
        } catch {
            isLost = true
            nextRetry = now + Self.retryPause
            throw .systemCall(errno: error.errno)
        }
        if let silent = readings.end(at: now, tolerated: Self.toleratedMisses) {
            throw .noReply(servo: Int(leaders[silent]))
        }
        if alert.bits != 0 { throw .servoError(servo: Int(alert.id), status: alert.bits) }
        return readings.state(layout, at: now)
    }

    private func ask() throws(ServoPortError) {
        let (outgoing, parser, port) = (client.outgoing, client.parser, client.port)
        outgoing.removeAll()
        let start = Feetech.begin(.syncRead, to: Feetech.broadcastID, in: outgoing)
        outgoing.append(littleEndian: Self.base, width: 1)
        outgoing.append(littleEndian: Self.count, width: 1)
        var asked = 0
        for index in leaders.indices where !readings.readings[index].hasAnswered {
            outgoing.append(leaders[index])
            asked += 1
        }
        Feetech.end(start, in: outgoing)
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let reply = Feetech.syncReadReplyLength(servos: asked, count: Self.count)
        let deadline = port.now + client.wireTime(outgoing.count + reply) + client.margin
        while !readings.isComplete {
            let count = try port.receive(into: client.incoming, until: deadline)
            if count == 0 { return }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: client.incoming[..<count]))
            while let packet = parser.next() {
                guard packet.parameterCount == Self.count else { continue }
                take(packet.id, error: packet.instruction, parser.parameters)
            }
        }
    }

    private func take(_ id: UInt8, error: UInt8, _ data: UnsafeRawBufferPointer) {
        for index in leaders.indices where leaders[index] == id {
            readings.answered(
                index, pulse: FeetechRegister.presentPosition.value(in: data, base: Self.base),
                velocity: Double(FeetechRegister.presentVelocity.value(in: data, base: Self.base)),
                load: Double(FeetechRegister.presentLoad.value(in: data, base: Self.base)) / 1_000)
            readings.setTemperature(FeetechRegister.presentTemperature.value(in: data, base: Self.base), of: index)
            if error != 0 { alert = (id, error) }
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
        let start = Feetech.beginSyncWrite(
            FeetechRegister.goalPosition.address, width: FeetechRegister.goalPosition.width, in: outgoing)
        for index in leaders.indices {
            let pulse =
                index < jointCount
                ? layout.joints[index].pulse(setpoint.positions[index]) : layout.gripper.pulse(setpoint.gripper)
            outgoing.append(leaders[index])
            outgoing.append(littleEndian: FeetechRegister.goalPosition.encoded(pulse), width: 2)
        }
        Feetech.end(start, in: outgoing)
        // Behind the goals: with torque a servo goes to whatever goal it has.
        if torqueWrites > 0 {
            torqueWrites -= 1
            appendTorque(1)
        }
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
        let register = FeetechRegister.torqueEnable
        let start = Feetech.beginSyncWrite(register.address, width: register.width, in: client.outgoing)
        for id in leaders {
            client.outgoing.append(id)
            client.outgoing.append(littleEndian: value, width: register.width)
        }
        Feetech.end(start, in: client.outgoing)
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
        isLost = false
    }
}

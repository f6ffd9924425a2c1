import Messages
import ServoProtocol
import Time

/// An arm of Feetech STS3215 servos: SO-100, SO-101.
///
/// Each tick one sync read of position, velocity, load and temperature, and one sync write of goals; now and then one
/// servo is asked for its torque. An answer that is lost is asked for once more in the same tick; if it stays away, the
/// joint stays unread where it was read last, and after a fifth of a second the read fails and the driver is suspended.
/// These servos have no bus watchdog: if this process dies, they hold the last goal, which is at most one tick of
/// motion away.
package final class FeetechArm<Port: ServoPort>: ArmDriver, @unchecked Sendable {
    // Unchecked: made on one thread and then owned by the control loop's, never used by two at a time.

    static var base: Int { FeetechRegister.presentPosition.address }
    /// Acceleration in units of 100 pulses/s², as fast as the servo can: the goals are smooth already.
    private static var acceleration: Int { 254 }

    let client: FeetechClient<Port>
    let layout: ServoLayout
    let leaders: [UInt8]
    let portName: String
    /// Period of the control loop.
    private let period: Duration
    var line: ServoLineState
    /// A servo whose answer of this tick told errors.
    var alert: (id: UInt8, errors: Feetech.StatusError)?

    /// Sets the servos up: nothing moves. Torque that is on stays on, so that the arm does not fall. Then times the
    /// line with questions as the control loop asks them, and begins only if whole answers come.
    /// - Parameters:
    ///   - baud: baud rate of the line, bits per second.
    ///   - period: the control loop's period; no answer is awaited for longer than it allows.
    ///   - portName: name of the port in messages.
    package init(
        port: Port, baud: Int, layout: ServoLayout, period: Duration = .milliseconds(10), torque: TorqueAtStart = .on,
        portName: String
    ) throws(ServoStartError) {
        client = FeetechClient(port: port, baud: baud)
        self.layout = layout
        self.portName = portName
        self.period = period
        leaders = layout.leaders
        line = ServoLineState(layout, kinds: [.torque], torque: torque)
        try start(withTorque: torque == .on)
    }

    package var jointCount: Int { layout.joints.count }
    package var isSuspended: Bool { line.isSuspended }

    /// What a tick costs on the wire.
    package var budget: ServoBudget { ServoBudget(layout, baud: client.baud, usesFastRead: false) }

    /// What a tick's questions and answers really took at the start.
    package var lineCost: LineCost? { line.cost }

    /// Answers that did not come, since the start.
    package var missedAnswers: UInt64 { line.readings.missed }

    package func joint(blamedBy error: ArmDriverError) -> Int? { error.servo.flatMap { layout.joint(movedBy: $0) } }

    // MARK: - Start

    private typealias Outcome = ServoStartOutcome

    /// Finds, checks and sets up the servos in order, and stops at the first thing that is wrong.
    /// - Parameter withTorque: switches torque on where it is off; else it stays as it is found.
    func start(withTorque: Bool) throws(ServoStartError) {
        client.margin = .milliseconds(50)
        // One literal: with `+` the typed functions are cast at run time, which traps.
        let parts: [() throws(ServoPortError) -> Outcome] =
            withTorque ? [findServos, compare, setUp, checkPlaces, switchOn] : [findServos, compare, setUp]
        let outcome: Outcome
        do throws(ServoPortError) {
            outcome = try Outcome.first(parts)
        } catch {
            throw .port(errno: error.errno, port: portName)
        }
        try outcome.get()
        try timeLine()
    }

    /// Asks as the control loop does, until the servos have answered whole several times in a row.
    private func timeLine() throws(ServoStartError) {
        var timing = LineTiming(leaders)
        line.readings.forget()
        do throws(ServoPortError) {
            // A first place counts when it is told twice.
            line.readings.begin()
            try ask()
            while timing.needsMore {
                line.readings.begin()
                let begin = client.port.now
                try ask()
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
            // Equal limits mean none: the servo turns on and on.
            if torque == 0, low < high, let failed = ServoPlace.check(id, position, low...high) { return failed }
        }
        return .fine
    }

    private func findServos() throws(ServoPortError) -> Outcome { try client.find(layout.ids, port: portName) }

    /// Checks that what angles depend on is the same in the servos and in the file.
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

    /// Writes a register and reads it back.
    private func write(
        _ value: Int, _ register: FeetechRegister, _ name: String, _ id: UInt8
    ) throws(ServoPortError) -> Outcome? {
        guard try client.write(value, to: register, of: id), let found = try client.read(register, of: id) else {
            return silent(id)
        }
        return found == value ? nil : .failed(.unconfirmed(servo: id, register: name, wrote: value, found: found))
    }

    func switchOn() throws(ServoPortError) -> ServoStartOutcome {
        for id in layout.ids {
            guard let torque = try client.read(.torqueEnable, of: id) else { return silent(id) }
            if torque == 1 { continue }
            guard let position = try place(of: id) else { return unsteady(id) }
            // With torque it goes to whatever goal was left in it.
            if let failed = try write(position, .goalPosition, "goal position", id) { return failed }
            if let failed = try write(1, .torqueEnable, "torque enable", id) { return failed }
        }
        return .fine
    }

    func readPosition(of id: UInt8) throws(ServoPortError) -> Int? { try client.read(.presentPosition, of: id) }
}

import Messages
import ServoProtocol
import Time

/// What drivers of both kinds of servos have in common: when the line is opened again, when servos are set up anew, and
/// how an error ends in suspension.
protocol ServoBusArm: AnyObject {
    associatedtype Port: ServoPort
    var port: Port { get }
    var layout: ServoLayout { get }
    var leaders: [UInt8] { get }
    var line: ServoLineState { get set }

    /// Sets the servos up; nothing moves.
    func start(withTorque: Bool) throws(ServoStartError)
    /// Switches torque on where each servo stands.
    /// - Returns: what is in the way of that.
    func takeHold() throws(ServoPortError) -> ArmDriverError?
    /// Asks all servos, those that are silent once more, and one of them for what its position does not tell.
    /// - Returns: what a servo told that means that it is not well.
    func askAll(at now: MonotonicTime) throws(ServoPortError) -> ArmDriverError?
}

extension ServoBusArm {
    /// Opens a lost line again and resumes where somebody has asked for it, before anything is asked in a tick.
    func prepare(at now: MonotonicTime) throws(ArmDriverError) {
        try reconnect(at: now)
        if line.takeResumption() { try resumeNow(at: now) }
    }

    /// A tick's questions, and what they come to.
    func readAll(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        line.readings.begin()
        let finding: ArmDriverError?
        do throws(ServoPortError) {
            finding = try askAll(at: now)
        } catch {
            throw lost(error, at: now)
        }
        if let error = line.endTick(leaders, at: now) ?? finding { throw suspended(by: error) }
        guard let state = line.readings.state(layout, looks: line.looks, at: now) else {
            throw suspended(by: .noReply(servo: Int(leaders[0])))
        }
        return state
    }

    /// The adapter may be back: then it is opened, and nothing more, until somebody says that the arm may go on.
    private func reconnect(at now: MonotonicTime) throws(ArmDriverError) {
        guard line.isLost else { return }
        guard now >= line.nextRetry || line.wantsResumption else { throw .systemCall(errno: 19) }  // ENODEV
        line.triedToOpen(at: now)
        do {
            try port.reopen()
        } catch {
            _ = line.takeResumption()
            throw .systemCall(errno: error.errno)
        }
        line.foundAgain()
    }

    /// Sets the servos up as at the start. Not in real time, but the arm stands.
    private func resumeNow(at now: MonotonicTime) throws(ArmDriverError) {
        do throws(ServoStartError) {
            try start(withTorque: true)
        } catch {
            if case .port = error { line.lose(at: now) }
            throw ArmDriverError(error)
        }
        line.resumed()
    }

    /// The first setpoint after `release`: torque, and the goals from the next tick on.
    func takeHoldAgain(at now: MonotonicTime) throws(ArmDriverError) {
        let refusal: ArmDriverError?
        do throws(ServoPortError) {
            refusal = try takeHold()
        } catch {
            throw lost(error, at: now)
        }
        if let refusal { throw suspended(by: refusal) }
        line.isReleased = false
    }

    func send(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) throws(ArmDriverError) {
        do {
            try port.send(bytes)
        } catch {
            throw lost(error, at: now)
        }
    }

    func lost(_ error: ServoPortError, at now: MonotonicTime) -> ArmDriverError {
        line.lose(at: now)
        return .systemCall(errno: error.errno)
    }

    func suspended(by error: ArmDriverError) -> ArmDriverError {
        line.suspend()
        return error
    }
}

import Messages
import ServoProtocol
import Time

/// What drivers of both kinds of servos have in common: when the line is opened again, when servos are set up anew, and
/// how an error ends in suspension.
protocol ServoBusArm: AnyObject {
    associatedtype Port: ServoPort
    var port: Port { get }
    /// The line's name, for messages.
    var portName: String { get }
    /// How much longer than its bytes take on the wire an answer is awaited.
    var margin: Duration { get set }
    var layout: ServoLayout { get }
    var leaders: [UInt8] { get }
    var line: ServoLineState { get set }

    /// Sets the servos up; nothing moves.
    func start(withTorque: Bool) throws(ServoStartError)
    /// Checks that servos without torque stand inside their own limits: with torque they would go back as fast as they
    /// can.
    func checkPlaces() throws(ServoPortError) -> ServoStartOutcome
    /// Switches torque on where each servo stands, and reads back what was written.
    func switchOn() throws(ServoPortError) -> ServoStartOutcome
    /// Reads once where a servo stands, pulses.
    /// - Returns: nil if it does not answer.
    func readPosition(of id: UInt8) throws(ServoPortError) -> Int?
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

    /// Takes hold after torque was off because somebody had asked for it: it comes on where each servo stands, and
    /// every register is read back.
    /// - Returns: what is in the way of that.
    private func takeHold() throws(ServoPortError) -> ArmDriverError? {
        let ofTicks = margin
        margin = .milliseconds(50)
        defer { margin = ofTicks }
        var outcome = try checkPlaces()
        if case .fine = outcome { outcome = try switchOn() }
        guard case .failed(let error) = outcome else { return nil }
        return ArmDriverError(error)
    }

    /// Reads where a servo stands, pulses: what it has told three times alike, since a goal is made of it.
    func place(of id: UInt8) throws(ServoPortError) -> Int? {
        try ServoPlace.confirmed { () throws(ServoPortError) in try readPosition(of: id) }
    }

    func silent(_ id: UInt8) -> ServoStartOutcome {
        .failed(.missing(found: layout.ids.filter { $0 != id }, expected: layout.ids, port: portName))
    }

    func unsteady(_ id: UInt8) -> ServoStartOutcome {
        .failed(.unsteady(servo: id, lost: ServoPlace.attempts, asked: ServoPlace.attempts, port: portName))
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

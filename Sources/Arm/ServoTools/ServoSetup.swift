import ArmDrivers
import ServoProtocol

/// Gives the one servo on a line its id and its rate, wherever it is found.
///
/// Lines are opened one after the other, each at its rate, and let go before the next is asked for: a port has one
/// owner.
package struct ServoSetup<Port: ServoPort> {
    /// A line at a protocol and a rate; nil if the adapter does not have the rate.
    package typealias Open = (ServoScan.Step) throws(ServoSetupError) -> ServoLine<Port>?

    private let open: Open

    package init(open: @escaping Open) { self.open = open }

    // MARK: - Search

    /// The one servo that answers, at whatever rate in whatever protocol.
    /// - Parameter progress: called with each step before it is tried.
    package func theOnlyServo(
        progress: (_ step: Int, _ of: Int, ServoScan.Step) -> Void = { _, _, _ in }
    ) throws(ServoSetupError) -> FoundServo {
        var found: [FoundServo] = []
        let steps = ServoScan(servoProtocol: nil, baud: nil, ids: 0...0).steps
        for (index, step) in steps.enumerated() {
            progress(index + 1, steps.count, step)
            guard let line = try open(step) else { continue }
            found += try onLine { () throws(ServoPortError) in try servos(on: line, step) }
        }
        guard let first = found.first else { throw .none }
        if found.count > 1 { throw .several(found.map(\.text)) }
        if first.isSeveral { throw .sameID(first.text) }
        return first
    }

    private func servos(on line: ServoLine<Port>, _ step: ServoScan.Step) throws(ServoPortError) -> [FoundServo] {
        let census = try line.census()
        var found: [FoundServo] = []
        for id in census.ids {
            guard let tongue = try line.tongue(of: id) else { continue }
            let echo = try line.echo(of: id)
            found.append(FoundServo(step: step, id: id, tongue: tongue, isSeveral: echo == .several || echo == .damage))
        }
        // Damage alone: more than one, and no id can be told.
        if found.isEmpty, census.isDamaged {
            found.append(FoundServo(step: step, id: nil, tongue: nil, isSeveral: true))
        }
        return found
    }

    // MARK: - Setting

    /// Plans what is to be changed, or says why it cannot be.
    /// - Parameters:
    ///   - id: what it gets.
    ///   - baud: bits per second that it gets; one that its protocol has.
    ///   - servoProtocol: what it has to be of; nil takes any.
    package func plan(
        for servo: FoundServo, id: UInt8, baud: Int, servoProtocol: ServoLayout.ServoProtocolName?
    ) throws(ServoSetupError) -> ServoSetupPlan {
        let kind: ServoLayout.ServoProtocolName = servo.tongue == .feetech ? .feetech : .dynamixel
        if let servoProtocol, kind != servoProtocol { throw .otherMaker(servo.text, expected: servoProtocol) }
        if case .firstDynamixel(let model)? = servo.tongue, DynamixelModel(rawValue: model) == nil {
            throw .unknownModel(servo.text)
        }
        guard kind.baudCode(baud) != nil else { throw .noSuchRate(baud, kind) }
        return ServoSetupPlan(servo: servo, servoProtocol: kind, id: id, baud: baud)
    }

    /// Writes the changes, and reads the servo back at the new rate.
    /// - Returns: what the servo says of itself in the end.
    package func perform(_ plan: ServoSetupPlan) throws(ServoSetupError) -> ServoReading {
        guard let oldID = plan.servo.id else { throw .none }
        if case .firstDynamixel = plan.servo.tongue { try leaveFirstProtocol(plan, oldID) }
        try write(plan, oldID)
        return try verified(plan)
    }

    private func write(_ plan: ServoSetupPlan, _ oldID: UInt8) throws(ServoSetupError) {
        guard let line = try open(.init(servoProtocol: plan.servoProtocol, baud: plan.servo.step.baud)) else {
            throw .none
        }
        try tool { () throws(ServoToolError) in try prepare(oldID, on: line, plan) }
        if oldID != plan.id { try renumber(oldID, to: plan.id, on: line) }
        if plan.servo.step.baud != plan.baud, let code = plan.servoProtocol.baudCode(plan.baud) {
            // Its answer comes at the new rate, if at all: what counts is what it says there.
            try onLine { () throws(ServoPortError) in try line.tell(code, to: .baudRate, of: plan.id) }
        }
    }

    private func leaveFirstProtocol(_ plan: ServoSetupPlan, _ id: UInt8) throws(ServoSetupError) {
        guard let line = try open(.init(servoProtocol: .feetech, baud: plan.servo.step.baud)) else { throw .none }
        try onLine { () throws(ServoPortError) in try line.leaveFirstProtocol(id) }
    }

    /// Prepares the servo: registers that outlast the power can be written then, and everything is answered.
    private func prepare(_ id: UInt8, on line: ServoLine<Port>, _ plan: ServoSetupPlan) throws(ServoToolError) {
        guard try line.onLine({ () throws(ServoPortError) in try line.answerEverything(id) }) else {
            throw .answersPingsOnly(servo: id)
        }
        try line.write(0, to: .torque, of: id)
        guard plan.servoProtocol == .feetech else { return }
        try line.write(0, to: .lock, of: id)
        // So that it outlasts the power too.
        try line.write(plan.servoProtocol.fullAnswerLevel, to: .answerLevel, of: id)
        guard let phase = try line.onLine({ () throws(ServoPortError) in try line.read(.phase, of: id) }) else {
            throw .silent(servo: id)
        }
        if phase & FeetechUnit.countsTurns != 0 { try line.write(phase & ~FeetechUnit.countsTurns, to: .phase, of: id) }
    }

    private func renumber(_ old: UInt8, to new: UInt8, on line: ServoLine<Port>) throws(ServoSetupError) {
        try onLine { () throws(ServoPortError) in try line.tell(Int(new), to: .id, of: old) }
        guard try onLine({ () throws(ServoPortError) in try line.read(.id, of: new) }) == Int(new) else {
            throw .unconfirmed(id: new, baud: line.baud)
        }
    }

    private func verified(_ plan: ServoSetupPlan) throws(ServoSetupError) -> ServoReading {
        guard let line = try open(.init(servoProtocol: plan.servoProtocol, baud: plan.baud)),
            let reading = try onLine({ () throws(ServoPortError) in try line.survey(plan.id) }),
            try onLine({ () throws(ServoPortError) in try line.read(.baudRate, of: plan.id) })
                == plan.servoProtocol.baudCode(plan.baud)
        else { throw .unconfirmed(id: plan.id, baud: plan.baud) }
        if plan.servoProtocol == .feetech {
            try tool { () throws(ServoToolError) in try line.write(1, to: .lock, of: plan.id) }
        }
        return reading
    }

    private func onLine<Value>(_ body: () throws(ServoPortError) -> Value) throws(ServoSetupError) -> Value {
        do {
            return try body()
        } catch {
            throw .tool(.port(errno: error.errno))
        }
    }

    private func tool(_ body: () throws(ServoToolError) -> Void) throws(ServoSetupError) {
        do {
            try body()
        } catch {
            throw .tool(error)
        }
    }
}

/// A servo that answered, and where.
package struct FoundServo: Equatable, Sendable {
    package var step: ServoScan.Step
    /// Id of the servo; nil where the answers were too damaged to tell.
    package var id: UInt8?
    package var tongue: ServoTongue?
    /// Whether more than one servo has this id.
    package var isSeveral: Bool

    package var text: String {
        "\(id.map { "id \($0)" } ?? "damaged answers") in "
            + "\(tongue?.name ?? "frames of \(step.servoProtocol.rawValue)") at \(step.baud) baud"
    }
}

/// What one servo is to get.
package struct ServoSetupPlan: Equatable, Sendable {
    package var servo: FoundServo
    package var servoProtocol: ServoLayout.ServoProtocolName
    package var id: UInt8
    /// Baud rate that the servo gets, bits per second.
    package var baud: Int

    /// Changes that the servo is to get, for people, each a line.
    package var changes: [String] {
        var changes: [String] = []
        if case .firstDynamixel? = servo.tongue { changes.append("protocol 1.0 becomes 2.0") }
        if let old = servo.id, old != id { changes.append("id \(old) becomes \(id)") }
        if servo.step.baud != baud { changes.append("\(servo.step.baud) baud become \(baud)") }
        return changes
    }
}

/// Why a servo does not get what it should.
package enum ServoSetupError: Error, Equatable, CustomStringConvertible {
    /// The adapter, in its own words.
    case line(String)
    case none
    case several([String])
    case sameID(String)
    case otherMaker(String, expected: ServoLayout.ServoProtocolName)
    case unknownModel(String)
    case noSuchRate(Int, ServoLayout.ServoProtocolName)
    case unconfirmed(id: UInt8, baud: Int)
    case tool(ServoToolError)

    package var description: String {
        switch self {
        case .line(let text): text
        case .tool(let error): "\(error)"
        case .none:
            "looking for the one servo at all rates of both protocols: none answers, expected one. Check its power, "
                + "which the USB cable does not give, and its cable in the adapter's socket for servos."
        case .several(let found):
            "looking for the one servo: found \(found.joined(separator: "; ")), expected one. Nothing was written. "
                + "Connect the servo that is to be set up alone, without the others behind it."
        case .sameID(let found):
            "looking for the one servo: \(found), as of two with one id that talk at one time; expected one whole "
                + "answer. Nothing was written. Connect one of them alone; if it is alone, check its cable."
        case .otherMaker(let found, let expected):
            "setting up the servo: found \(found), expected one of \(expected.rawValue). Nothing was written. Connect "
                + "the right servo, or choose the right --driver or --arm."
        case .unknownModel(let found):
            "setting up the servo: found \(found), of a model that has only this protocol; expected one of the X "
                + "series, such as XL430 or XM430. Nothing was written: it cannot be driven."
        case .noSuchRate(let baud, let name):
            "setting up the servo: \(baud) baud is no rate of \(name.rawValue) servos, expected one of "
                + "\(name.bauds.sorted().map(String.init).joined(separator: ", ")). Nothing was written."
        case .unconfirmed(let id, let baud):
            "setting up the servo: it does not answer as \(id) at \(baud) baud after that was written, expected it "
                + "to. Run it again: it is found at any rate."
        }
    }
}

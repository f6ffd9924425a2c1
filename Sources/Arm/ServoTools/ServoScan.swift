import ArmDrivers

/// Looks for servos at all rates of all protocols, one step at a time.
package struct ServoScan: Sendable {
    /// One rate of one protocol to look at.
    package struct Step: Equatable, Sendable {
        package var servoProtocol: ServoLayout.ServoProtocolName
        /// Baud rate of the line, bits per second.
        package var baud: Int

        package init(servoProtocol: ServoLayout.ServoProtocolName, baud: Int) {
            self.servoProtocol = servoProtocol
            self.baud = baud
        }
    }
    /// An id that answers, and cannot be used as it is.
    package struct Problem: Equatable, Sendable {
        /// The reason for which an id cannot be used.
        package enum Cause: Equatable, Sendable {
            /// The answers of this id are damaged, or come twice.
            case sameID(ServoEcho)
            /// The servo answers pings and no reads.
            case pingsOnly
            case otherProtocol(ServoTongue)
        }
        package var id: UInt8
        package var cause: Cause

        package init(id: UInt8, cause: Cause) {
            self.id = id
            self.cause = cause
        }
    }
    /// What was found together.
    package struct Finding: Equatable, Sendable {
        package var step: Step
        package var servos: [ServoReading]
        package var problems: [Problem]

        package init(step: Step, servos: [ServoReading], problems: [Problem] = []) {
            self.step = step
            self.servos = servos
            self.problems = problems
        }
    }

    /// Steps in the order in which they are tried: the likely ones first.
    package let steps: [Step]
    /// Ids that are asked one by one besides the call to all: answers to that can collide.
    package let ids: ClosedRange<UInt8>
    /// The one protocol that was asked for; nil is both.
    private let only: ServoLayout.ServoProtocolName?

    /// Plans a scan of all protocols and baud rates that are not ruled out.
    /// - Parameters:
    ///   - servoProtocol: the protocol to try; nil tries both.
    ///   - baud: the baud rate to try, bits per second; nil tries all that such servos have.
    package init(servoProtocol: ServoLayout.ServoProtocolName?, baud: Int?, ids: ClosedRange<UInt8>) {
        let protocols = servoProtocol.map { [$0] } ?? ServoLayout.ServoProtocolName.allCases
        var steps: [Step] = []
        for place in 0..<(protocols.map(\.bauds.count).max() ?? 0) {
            for name in protocols where place < name.bauds.count {
                if baud == nil || place == 0 {
                    steps.append(Step(servoProtocol: name, baud: baud ?? name.bauds[place]))
                }
            }
        }
        self.steps = steps
        self.ids = ids
        only = servoProtocol
    }

    /// Looks for what answers on this line; nil if nothing does.
    package func finding<Port: ServoPort>(on line: ServoLine<Port>) throws(ServoPortError) -> Finding? {
        var finding = Finding(step: Step(servoProtocol: line.servoProtocol, baud: line.baud), servos: [])
        for id in try answering(on: line, &finding) {
            if let problem = try problem(of: id, on: line) {
                finding.problems.append(problem)
            } else if let reading = try line.survey(id) {
                finding.servos.append(reading)
            }
        }
        if finding.servos.isEmpty, finding.problems.isEmpty, only != nil { try askInTheOtherProtocol(line, &finding) }
        return finding.servos.isEmpty && finding.problems.isEmpty ? nil : finding
    }

    /// Ids with one servo each; those with several become problems.
    private func answering<Port: ServoPort>(
        on line: ServoLine<Port>, _ finding: inout Finding
    ) throws(ServoPortError) -> [UInt8] {
        var found = Set(try line.census().ids)
        let usual = line.margin
        line.margin = .milliseconds(20)
        defer { line.margin = usual }
        for id in Set(ids).union(found).sorted() {
            // Most ids have nobody: one question each, and more where something comes back.
            guard try line.echo(of: id, tries: 1) != .silence || found.contains(id) else { continue }
            switch try line.echo(of: id) {
            case .answer: found.insert(id)
            case .silence: break
            case let echo:
                found.remove(id)
                finding.problems.append(Problem(id: id, cause: .sameID(echo)))
            }
        }
        return found.sorted()
    }

    private func problem<Port: ServoPort>(of id: UInt8, on line: ServoLine<Port>) throws(ServoPortError) -> Problem? {
        guard try line.read(.model, of: id, tries: 5) != nil else { return Problem(id: id, cause: .pingsOnly) }
        guard let tongue = try line.tongue(of: id), !tongue.belongs(to: line.servoProtocol) else { return nil }
        return Problem(id: id, cause: .otherProtocol(tongue))
    }

    /// Asks in the other protocol: where only one was asked for, silence may be the other.
    private func askInTheOtherProtocol<Port: ServoPort>(
        _ line: ServoLine<Port>, _ finding: inout Finding
    ) throws(ServoPortError) {
        let other = line.speaking(line.servoProtocol == .dynamixel ? .feetech : .dynamixel)
        for id in try other.census().ids {
            if let tongue = try other.tongue(of: id) {
                finding.problems.append(Problem(id: id, cause: .otherProtocol(tongue)))
            }
        }
    }
}

extension ServoTongue {
    func belongs(to name: ServoLayout.ServoProtocolName) -> Bool {
        switch self {
        case .feetech: name == .feetech
        case .secondDynamixel: name == .dynamixel
        case .firstDynamixel: false
        }
    }
}

extension ServoScan.Problem {
    /// Words for what was found.
    package var found: String {
        switch cause {
        case .sameID(let echo): "id \(id): \(echo.text), as of two servos with this id"
        case .pingsOnly: "id \(id): it answers pings and no reads, its status return level is 0"
        case .otherProtocol(let tongue): "id \(id): it answers in \(tongue.name)"
        }
    }

    package var advice: String {
        switch cause {
        case .sameID:
            "Connect one of them alone and give it its own id with 'octo-arm setup'; if there is only one with this "
                + "id, check its cable."
        case .pingsOnly: "The driver sets it at its start; so does 'octo-arm setup', with the servo alone."
        case .otherProtocol(.feetech): "Use --driver feetech."
        case .otherProtocol(.secondDynamixel): "Use --driver dynamixel."
        case .otherProtocol(let tongue): tongue.advice
        }
    }
}

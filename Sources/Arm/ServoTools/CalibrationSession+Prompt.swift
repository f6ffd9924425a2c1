import ArmDrivers

extension CalibrationSession {
    /// Words for what the person is to do now, of one line or more.
    package var prompt: String {
        let answers = "Enter goes on, b goes back, q ends without keeping anything."
        guard isLoose else { return question }
        switch stage {
        case .zero where layout.servoProtocol == .feetech:
            return """
                1 of 5. The servos are loose: hold the arm. Put every joint, also the gripper, into the middle of its \
                range;
                step 2 is compared with it. \(answers)
                """
        case .zero:
            return """
                1 of 5. The servos are loose: hold the arm. Put it into its zero pose: every joint at 0, upper arm \
                straight up,
                forearm and gripper straight ahead. \(answers)
                """
        case .sweep:
            return """
                2 of 5. Move every joint but the gripper to both its ends\(sweepExceptions). \(answers)
                """
        case .gripperClosed: return "3 of 5. Close the gripper, without force. \(answers)"
        case .gripperOpen: return "4 of 5. Open the gripper fully. \(answers)"
        case .review:
            return
                "5 of 5. Enter keeps this in the servos and in the file. b goes back, q ends without keeping anything."
        }
    }

    /// The question before torque goes off and anything is written: the arm still holds itself.
    private var question: String {
        let drop = "The servos' torque goes off now, and the arm drops: hold it, and press Enter."
        guard hasWritten else {
            return "\(drop)\nUntil then nothing is written to the servos; q ends, and leaves them as they are."
        }
        return """
            This goes on with the calibration of \(origin.date), at step '\(stage.rawValue)'. \(drop)
            q ends it instead, and gives the servos the registers back that they had before it.
            """
    }

    /// Words for the end of a session that keeps nothing.
    package var farewell: String {
        hasWritten
            ? "nothing was kept; the servos have their old registers, and torque is off"
            : "nothing was kept, and nothing was written to the servos"
    }

    /// Servos that have not answered for some looks, in words; nil if all do.
    package var silence: String? {
        let silent = parts.filter { $0.misses > 3 }
        if silent.isEmpty { return nil }
        return "no answer from " + silent.map { "\($0.name) (servo \($0.id))" }.joined(separator: ", ")
            + ": check the arm's power and the cable before it. Nothing is lost; it goes on when all answer"
    }

    private var sweepExceptions: String {
        let free = zip(parts, layout.joints).filter { $1.limits == 0...4_095 }.map { $0.0.name }
        let text = free.isEmpty ? "" : ", except \(free.joined(separator: " and ")), which turns freely"
        return layout.servoProtocol == .dynamixel ? text + "; what you don't move keeps the limits of the file" : text
    }

    /// The table under the prompt: a line for each part.
    package var table: [String] {
        if stage == .review { return reviewTable }
        var lines = [row("", "pulses", "from", "to", "")]
        for part in parts {
            lines.append(
                row(
                    part.name, part.position.map(String.init) ?? "-", part.seen.map { "\($0.lowerBound)" } ?? "",
                    part.seen.map { "\($0.upperBound)" } ?? "", note(part)))
        }
        return lines
    }

    private func note(_ part: Part) -> String {
        part.misses > 3 ? "does not answer" : part.hasWrapped ? "went past its encoder's end" : ""
    }

    private var reviewTable: [String] {
        let result = result
        var lines = [row("", "offset", "from", "to", "before")]
        for (index, part) in parts.enumerated() {
            let measured = result.parts[index]
            let was = was(part.id)
            lines.append(
                row(
                    part.name, measured.homingOffset.map(String.init) ?? "-", "\(measured.limits.lowerBound)",
                    "\(measured.limits.upperBound)", was))
        }
        return lines
    }

    private func was(_ id: UInt8) -> String {
        guard let values = before[id]?.values, let offset = values[.homingOffset], let lowest = values[.lowestPosition],
            let highest = values[.highestPosition]
        else { return "" }
        return "\(offset), \(lowest)...\(highest)"
    }

    private func row(_ name: String, _ a: String, _ b: String, _ c: String, _ note: String) -> String {
        let width = (parts.map(\.name.count).max() ?? 0) + 2
        func right(_ text: String) -> String { String(repeating: " ", count: max(0, 8 - text.count)) + text }
        let line = name + String(repeating: " ", count: max(0, width - name.count)) + right(a) + right(b) + right(c)
        return note.isEmpty ? line : line + "   " + note
    }
}

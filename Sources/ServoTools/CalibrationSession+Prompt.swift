import ArmDrivers

extension CalibrationSession {
    /// What the person is to do now; of one line or more.
    package var prompt: String {
        let answers = "Enter goes on, b goes back, q ends without keeping anything."
        switch stage {
        case .zero where layout.servoProtocol == .feetech:
            return """
                1 of 5. The servos are loose: hold the arm. Put every joint, also the gripper, into the middle of its range.
                \(answers)
                """
        case .zero:
            return """
                1 of 5. The servos are loose: hold the arm. Put it into its zero pose: every joint at 0, upper arm straight up,
                forearm and gripper straight ahead. \(answers)
                """
        case .sweep:
            return """
                2 of 5. Move every joint but the gripper to both its ends\(sweepExceptions). \(answers)
                """
        case .gripperClosed: return "3 of 5. Close the gripper, without force. \(answers)"
        case .gripperOpen: return "4 of 5. Open the gripper fully. \(answers)"
        case .review: return "5 of 5. Enter keeps this in the servos and in the file. b goes back, q ends without keeping anything."
        }
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
                    part.seen.map { "\($0.upperBound)" } ?? "", part.hasWrapped ? "went past its encoder's end" : ""))
        }
        return lines
    }

    private var reviewTable: [String] {
        let result = result
        var lines = [row("", "offset", "from", "to", "before")]
        for (index, part) in parts.enumerated() {
            let measured = result.parts[index]
            let was = before[part.id].map { "\($0.homingOffset), \($0.limits.text)" } ?? ""
            lines.append(
                row(
                    part.name, measured.homingOffset.map(String.init) ?? "-", "\(measured.limits.lowerBound)",
                    "\(measured.limits.upperBound)", was))
        }
        return lines
    }

    private func row(_ name: String, _ a: String, _ b: String, _ c: String, _ note: String) -> String {
        let width = (parts.map(\.name.count).max() ?? 0) + 2
        func right(_ text: String) -> String { String(repeating: " ", count: max(0, 8 - text.count)) + text }
        let line = name + String(repeating: " ", count: max(0, width - name.count)) + right(a) + right(b) + right(c)
        return note.isEmpty ? line : line + "   " + note
    }
}

import ArmDrivers
import JSONTree

extension JSONFileKind {
    /// Calibration files of LeRobot, read by `LeRobotCalibration`.
    package static let leRobotCalibration = JSONFileKind(
        name: "the LeRobot calibration", remedy: "Calibrate with LeRobot again, or with 'octo-arm calibrate'.")
}

/// A calibration file of LeRobot, version 0.4: for each joint the servo's id, homing offset and range in pulses.
package struct LeRobotCalibration: Equatable, Sendable {
    /// One servo's calibration, with the names of LeRobot's file.
    package struct Motor: Equatable, Sendable {
        package var name: String
        package var id: Int
        /// Drive mode: 1 flips normalised values; degrees do not heed it.
        package var driveMode: Int
        /// Homing offset, pulses; what is read is the encoder less this.
        package var homingOffset: Int
        /// Range of positions, pulses after the offset.
        package var rangeMinimum: Int
        package var rangeMaximum: Int

        package init(name: String, id: Int, driveMode: Int, homingOffset: Int, rangeMinimum: Int, rangeMaximum: Int) {
            self.name = name
            self.id = id
            self.driveMode = driveMode
            self.homingOffset = homingOffset
            self.rangeMinimum = rangeMinimum
            self.rangeMaximum = rangeMaximum
        }
    }
    /// Motors in the order of the file.
    package var motors: [Motor]

    package init(motors: [Motor]) { self.motors = motors }

    /// Reads a calibration file of LeRobot's.
    /// - Throws: `JSONFileError` with all problems of the file at once.
    package init(parsing text: some Collection<UInt8>, file: String) throws(JSONFileError) {
        motors = try JSONFileKind.leRobotCalibration.read(text, file: file, Self.motors)
    }

    private static func motors(_ root: JSONNode, _ reader: JSONReader) -> [Motor] {
        guard let members = root.object, !members.isEmpty else {
            reader.report(root, "", expected: "an object with one entry for each joint")
            return []
        }
        // One list for each property, of all motors: numbers that count from another zero.
        if root["start_pos"] != nil || root["motor_names"] != nil || root["calib_mode"] != nil {
            reader.report(root, "", oldFormat)
            return []
        }
        return members.map { member in
            func number(_ key: String, _ range: ClosedRange<Int>) -> Int {
                let (node, path) = (member.value[key], "\(member.key).\(key)")
                if node == nil { reader.report(member.value, path, "it is missing") }
                return reader.integer(node, at: path, in: range) ?? range.lowerBound
            }
            let motor = Motor(
                name: member.key, id: number("id", 0...252), driveMode: number("drive_mode", 0...1),
                homingOffset: number("homing_offset", -2_047...2_047), rangeMinimum: number("range_min", 0...4_095),
                rangeMaximum: number("range_max", 0...4_095))
            if motor.rangeMinimum >= motor.rangeMaximum {
                reader.report(
                    member.value, "\(motor.name).range_max",
                    "found \(motor.rangeMaximum), expected more than range_min, \(motor.rangeMinimum)")
            }
            return motor
        }
    }

    private static var oldFormat: String {
        "it is in LeRobot's old format (lists homing_offset, start_pos, end_pos, … for all motors, before its version "
            + "0.2), expected an object for each joint. Its numbers count from another zero and say no ranges: they "
            + "cannot be converted"
    }

    /// The file's text as LeRobot writes it, four spaces a level.
    package var text: String {
        let entries = motors.map { motor in
            """
                "\(motor.name)": {
                    "id": \(motor.id),
                    "drive_mode": \(motor.driveMode),
                    "homing_offset": \(motor.homingOffset),
                    "range_min": \(motor.rangeMinimum),
                    "range_max": \(motor.rangeMaximum)
                }
            """
        }
        return "{\n" + entries.joined(separator: ",\n") + "\n}\n"
    }

    // MARK: - Ours

    /// Makes LeRobot's calibration of a layout.
    /// - Parameter names: names of the joints, from base to wrist.
    /// - Throws: `JSONFileError` for servos that LeRobot's file cannot describe.
    package init(_ layout: ServoLayout, names: [String], file: String) throws(JSONFileError) {
        guard layout.servoProtocol == .feetech, case .linear(let closed, let open) = layout.gripper.linkage else {
            throw JSONFileKind.leRobotCalibration.error(
                file, "servos.protocol: LeRobot's format is of Feetech arms here, found \(layout.servoProtocol)")
        }
        let backwards = layout.joints.indices.filter { layout.joints[$0].direction < 0 }
        if !backwards.isEmpty {
            throw JSONFileError(
                kind: .leRobotCalibration, file: file,
                problems: backwards.map {
                    JSONProblem(
                        path: "servos.joints[\($0)].direction", text: "found -1; LeRobot's degrees know no direction")
                })
        }
        motors = zip(names, layout.joints).map { name, joint in
            Motor(
                name: name, id: Int(joint.id), driveMode: 0, homingOffset: joint.homingOffset ?? 0,
                rangeMinimum: joint.limits.lowerBound, rangeMaximum: joint.limits.upperBound)
        }
        motors.append(
            Motor(
                name: "gripper", id: Int(layout.gripper.id), driveMode: closed > open ? 1 : 0,
                homingOffset: layout.gripper.homingOffset ?? 0, rangeMinimum: min(closed, open),
                rangeMaximum: max(closed, open)))
    }

    /// The layout with this calibration. LeRobot's zero is the middle of the range: one that cannot be the joint's is
    /// refused.
    /// - Parameters:
    ///   - names: names of the layout's joints, from base to wrist.
    ///   - spans: range that each joint can turn by the arm's construction, radians.
    ///   - file: name of the calibration file in errors.
    package func applied(
        to layout: ServoLayout, names: [String], spans: [ClosedRange<Double>], file: String
    ) throws(JSONFileError) -> ServoLayout {
        guard layout.servoProtocol == .feetech else {
            throw JSONFileKind.leRobotCalibration.error(
                file, "it is of Feetech servos; the arm's servos are \(layout.servoProtocol)")
        }
        let known = names + ["gripper"]
        var problems = motors.filter { !known.contains($0.name) }.map {
            JSONProblem(
                path: $0.name, text: "the arm has no such joint, expected \(known.joined(separator: ", "))")
        }
        var result = layout
        for (index, name) in known.enumerated() {
            guard let motor = motors.first(where: { $0.name == name }) else {
                problems.append(JSONProblem(path: name, text: "it is missing"))
                continue
            }
            let range = motor.rangeMinimum...motor.rangeMaximum
            let id = UInt8(clamping: motor.id)
            if index < names.count {
                if index < spans.count, let problem = Self.rangeProblem(motor, layout.joints[index], spans[index]) {
                    problems.append(problem)
                }
                result.joints[index].id = id
                result.joints[index].homingOffset = motor.homingOffset
                result.joints[index].limits = range
                result.joints[index].zeroPulse = Int((Double(motor.rangeMinimum + motor.rangeMaximum) / 2).rounded())
            } else {
                result.gripper.id = id
                result.gripper.homingOffset = motor.homingOffset
                result.gripper.limits = range
                let ends =
                    motor.driveMode == 1 ? (range.upperBound, range.lowerBound) : (range.lowerBound, range.upperBound)
                result.gripper.linkage = .linear(closedPulse: ends.0, openPulse: ends.1)
            }
        }
        if !problems.isEmpty { throw JSONFileError(kind: .leRobotCalibration, file: file, problems: problems) }
        return result
    }
}

extension LeRobotCalibration {
    /// The least and the most of what a joint can do by construction that a range may be: LeRobot asks nobody to go on.
    private static var shareOfSpan: ClosedRange<Double> { 0.75...1.25 }

    private static func rangeProblem(
        _ motor: Motor, _ joint: ServoLayout.Joint, _ span: ClosedRange<Double>
    ) -> JSONProblem? {
        // LeRobot gives joints without ends the whole turn.
        if joint.limits == 0...4_095 || (motor.rangeMinimum, motor.rangeMaximum) == (0, 4_095) { return nil }
        let whole = (span.upperBound - span.lowerBound) * 4_096 / (2 * .pi)
        let range = motor.rangeMaximum - motor.rangeMinimum
        let share = Double(range) / whole
        if shareOfSpan.contains(share) { return nil }
        let reason =
            share > 1
            ? "it ran over the end of the encoder while it was recorded: put the arm into the middle of its ranges "
                + "first, and record it again"
            : "it was not moved to both ends while it was recorded, and its zero is beside its place: record it again"
        return JSONProblem(
            path: "\(motor.name).range_min, range_max",
            text: "found \(motor.rangeMinimum), \(motor.rangeMaximum), which are \(range) pulses; expected about the "
                + "\(Int(whole.rounded())) that the joint can turn by the calibration file. " + reason)
    }
}

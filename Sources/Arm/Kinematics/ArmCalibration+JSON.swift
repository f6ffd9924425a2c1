import JSONTree
import Maths

extension JSONFileKind {
    /// Calibration files of arms, read by `ArmCalibration`.
    package static let armCalibration = JSONFileKind(
        name: "the arm calibration",
        remedy: "Correct the file; calibration/widowx-250s.json is a complete example.")
}

extension ArmCalibration {
    /// Reads the text of a calibration file.
    ///
    /// - Parameters:
    ///   - text: JSON, UTF-8. Lengths in metres (`_m`), angles in radians (`_rad`).
    ///   - file: how the file is called in errors.
    /// - Throws: all problems of the file at once, each with its JSON path.
    package init(parsing text: some Collection<UInt8>, file: String) throws(JSONFileError) {
        self = try JSONFileKind.armCalibration.read(text, file: file) { Self(root: $0, reader: $1) }
    }

    /// Reads what it can; where a value is bad, the reader keeps the problem and a stand-in is used.
    private init(root: JSONNode, reader: JSONReader) {
        reader.expectKeys(
            [
                "$schema", "name", "joints", "eef_offset_m", "eef_offset_rpy_rad", "gripper", "rest_rad", "neutral_rad",
                "workspace", "step_limits", "servos",
            ], optional: ["$schema", "eef_offset_rpy_rad", "servos"], of: root, at: "")
        name = reader.string(root["name"], at: "name")
        joints = reader.elements(root["joints"], at: "joints").enumerated().map { index, node in
            Joint(node, at: "joints[\(index)]", reader: reader)
        }
        if let node = root["joints"], node.array != nil, !(1...JointVector.capacity).contains(joints.count) {
            reader.report(node, "joints", "found \(joints.count) joints, expected 1 to \(JointVector.capacity)")
        }
        lastJointFromEEF = reader.pose(
            offset: root["eef_offset_m"], at: "eef_offset_m", angles: root["eef_offset_rpy_rad"],
            at: "eef_offset_rpy_rad")
        gripper = Gripper(root["gripper"], reader: reader)
        let corners = reader.section(root["workspace"], at: "workspace", keys: ["lower_m", "upper_m"])
        workspace = Workspace(
            lower: reader.vector(corners?["lower_m"], at: "workspace.lower_m", within: .workspace),
            upper: reader.vector(corners?["upper_m"], at: "workspace.upper_m", within: .workspace))
        if let corners, corners["lower_m"] != nil, corners["upper_m"] != nil {
            for axis in 0..<3 where !(workspace.lower[axis] < workspace.upper[axis]) && reader.readsVectors(corners) {
                reader.report(
                    corners, "workspace",
                    "lower_m[\(axis)] is \(workspace.lower[axis]), expected less than "
                        + "upper_m[\(axis)], \(workspace.upper[axis])")
            }
        }
        let steps = reader.section(root["step_limits"], at: "step_limits", keys: ["translation_m", "rotation_rad"])
        stepLimits = StepLimits(
            translation: reader.positive(
                steps?["translation_m"], at: "step_limits.translation_m", within: .stepTranslation),
            rotation: reader.positive(steps?["rotation_rad"], at: "step_limits.rotation_rad", within: .stepRotation))
        rest = JointVector(repeating: 0, count: 0)
        neutral = rest
        rest = pose(root["rest_rad"], at: "rest_rad", reader: reader)
        neutral = pose(root["neutral_rad"], at: "neutral_rad", reader: reader)
    }

    /// Joint angles, one for each joint, within the limits.
    private func pose(_ node: JSONNode?, at path: String, reader: JSONReader) -> JointVector {
        let angles = reader.numbers(node, at: path)
        guard let node, let angles else { return JointVector(repeating: 0, count: 0) }
        guard angles.count == joints.count, angles.count <= JointVector.capacity else {
            reader.report(node, path, "found \(angles.count) angles, expected one for each of \(joints.count) joints")
            return JointVector(repeating: 0, count: 0)
        }
        for (joint, angle) in zip(joints, angles) where !(joint.lower...max(joint.lower, joint.upper) ~= angle) {
            reader.report(
                node, path,
                "\(joint.name) is at \(angle) rad, expected within its limits "
                    + "\(joint.lower) ... \(joint.upper)")
        }
        return JointVector(angles)
    }
}

extension ArmCalibration.Joint {
    fileprivate init(_ node: JSONNode, at path: String, reader: JSONReader) {
        let keys = [
            "name", "offset_m", "offset_rpy_rad", "axis", "lower_rad", "upper_rad", "velocity_rad_s",
            "acceleration_rad_s2",
        ]
        let isObject = reader.expectKeys(keys, optional: ["offset_rpy_rad"], of: node, at: path)
        let member = { (key: String) in isObject ? node[key] : nil }
        name = reader.string(member("name"), at: path + ".name")
        parentFromJoint = reader.pose(
            offset: member("offset_m"), at: path + ".offset_m", angles: member("offset_rpy_rad"),
            at: path + ".offset_rpy_rad")
        let direction = reader.vector(member("axis"), at: path + ".axis")
        axis = direction.length > 0 ? direction / direction.length : [0, 0, 1]
        if let found = member("axis"), found.array?.count == 3, abs(direction.length - 1) > 1e-6 {
            reader.report(found, path + ".axis", "its length is \(direction.length), expected 1")
        }
        let lowest = reader.number(member("lower_rad"), at: path + ".lower_rad", within: .jointLimit)
        let highest = reader.number(member("upper_rad"), at: path + ".upper_rad", within: .jointLimit)
        (lower, upper) = (lowest ?? 0, highest ?? 0)
        if let lowest, let highest, !(lowest < highest), let found = member("upper_rad") {
            reader.report(found, path + ".upper_rad", "found \(upper), expected more than lower_rad, \(lower)")
        }
        velocity = reader.positive(member("velocity_rad_s"), at: path + ".velocity_rad_s", within: .jointVelocity)
        acceleration = reader.positive(
            member("acceleration_rad_s2"), at: path + ".acceleration_rad_s2", within: .jointAcceleration)
    }
}

extension ArmCalibration.Gripper {
    fileprivate init(_ node: JSONNode?, reader: JSONReader) {
        let values = reader.section(node, at: "gripper", keys: ["closed_m", "open_m", "speed_per_s"])
        let narrow = reader.number(values?["closed_m"], at: "gripper.closed_m", within: .finger)
        let wide = reader.number(values?["open_m"], at: "gripper.open_m", within: .finger)
        (closed, open) = (narrow ?? 0, wide ?? 0)
        speed = reader.positive(values?["speed_per_s"], at: "gripper.speed_per_s", within: .gripperSpeed)
        if let values, let narrow, let wide, !(narrow < wide) {
            reader.report(values, "gripper", "open_m is \(open), expected more than closed_m, \(closed)")
        }
    }
}

extension JSONReader {
    /// Reads three numbers; a problem gives zeros.
    /// - Parameter ceiling: the most that each coordinate may be; nil: anything.
    fileprivate func vector(_ node: JSONNode?, at path: String, within ceiling: CalibrationCeiling? = nil) -> Vector3 {
        guard let node, let values = numbers(node, at: path) else { return .zero }
        guard values.count == 3 else {
            report(node, path, "found \(values.count) numbers, expected 3: x, y, z")
            return .zero
        }
        for (index, value) in values.enumerated() {
            if let problem = ceiling?.problem(value) { report(node, "\(path)[\(index)]", problem) }
        }
        return [values[0], values[1], values[2]]
    }

    /// Whether both corners were read, so that comparing them makes sense.
    fileprivate func readsVectors(_ corners: JSONNode) -> Bool {
        ["lower_m", "upper_m"].allSatisfy { key in
            corners[key]?.array.map { $0.count == 3 && $0.allSatisfy { $0.double != nil } } ?? false
        }
    }

    fileprivate func pose(offset: JSONNode?, at offsetPath: String, angles: JSONNode?, at anglesPath: String) -> Pose {
        let angles = vector(angles, at: anglesPath)
        return Pose(
            rotation: Rotation(roll: angles.x, pitch: angles.y, yaw: angles.z),
            translation: vector(offset, at: offsetPath, within: .offset))
    }
}

import JSONTree
import Maths

extension JSONFileKind {
    /// The section "servos" of an arm's calibration file, read by `ServoLayout`.
    package static let servoLayout = JSONFileKind(
        name: "the servos in the arm calibration",
        remedy: "Correct the file; calibration/widowx-250s.json is a complete example.")
}

extension ServoLayout {
    /// Reads the "servos" of a calibration file; of the rest only the gripper's distances are looked at.
    ///
    /// - Parameters:
    ///   - text: JSON, UTF-8. Positions in pulses (`_pulse`), lengths in metres (`_m`).
    ///   - file: how the file is called in errors.
    ///   - joints: how many the arm has.
    /// - Throws: all problems of the section at once, each with its JSON path.
    package init(
        calibration text: some Collection<UInt8>, file: String, joints count: Int
    ) throws(JSONFileError) {
        self = try JSONFileKind.servoLayout.read(text, file: file) { Self($0, joints: count, $1) }
    }

    /// Reads what it can; where a value is bad, the reader keeps the problem and a stand-in is used. Without a joint
    /// there is no layout.
    private init?(_ root: JSONNode, joints count: Int, _ reader: JSONReader) {
        guard let servos = root["servos"] else {
            reader.report(root, "servos", "it is missing; a driver of servos needs it")
            return nil
        }
        reader.expectKeys(["protocol", "joints", "gripper"], of: servos, at: "servos")
        let nodes = reader.elements(servos["joints"], at: "servos.joints")
        if nodes.count != count || nodes.isEmpty {
            reader.report(
                servos, "servos.joints", "found \(nodes.count) entries, expected one for each of \(count) joints")
        }
        let joints = nodes.prefix(JointVector.capacity).enumerated().map { index, node in
            Joint(node, "servos.joints[\(index)]", reader)
        }
        let gripper = Gripper(servos["gripper"], fingers: root["gripper"], reader)
        let ids = joints.flatMap { [$0.id] + $0.shadows } + [gripper.id]
        for id in Set(ids).sorted() where ids.count(where: { $0 == id }) > 1 {
            reader.report(servos, "servos", "id \(id) is there more than once, expected each servo once")
        }
        let name = reader.choice(servos["protocol"], at: "servos.protocol") ?? ServoProtocolName.feetech
        guard !joints.isEmpty else { return nil }
        self.init(servoProtocol: name, joints: joints, gripper: gripper)
    }
}

extension ServoLayout.Joint {
    fileprivate init(_ node: JSONNode, _ path: String, _ reader: JSONReader) {
        let optional = ["shadow_ids", "zero_pulse", "direction", "homing_offset_pulse", "reversed"]
        reader.expectKeys(["id", "lower_pulse", "upper_pulse"] + optional, optional: optional, of: node, at: path)
        let direction = reader.integer(node["direction"], at: "\(path).direction", in: -1...1) ?? 1
        if direction == 0, let node = node["direction"] {
            reader.report(node, "\(path).direction", expected: "1 or -1")
        }
        let shadows = reader.elements(node["shadow_ids"], at: "\(path).shadow_ids").enumerated().map { index, node in
            reader.servoID(node, "\(path).shadow_ids[\(index)]")
        }
        self.init(
            id: reader.servoID(node["id"], "\(path).id"), shadows: shadows,
            zeroPulse: reader.integer(node["zero_pulse"], at: "\(path).zero_pulse", in: -4_096...8_192) ?? 2_048,
            direction: direction < 0 ? -1 : 1, limits: reader.limits(node, path),
            homingOffset: reader.homingOffset(node, path),
            isReversed: reader.flag(node["reversed"], at: "\(path).reversed"))
    }
}

extension ServoLayout.Gripper {
    /// Reads the gripper's servo; a missing one has been reported, and gives a stand-in.
    fileprivate init(_ node: JSONNode?, fingers: JSONNode?, _ reader: JSONReader) {
        let path = "servos.gripper"
        guard let node else {
            self.init(id: 0, linkage: .linear(closedPulse: 0, openPulse: 1), limits: 0...4_095)
            return
        }
        let common = ["id", "lower_pulse", "upper_pulse", "homing_offset_pulse", "linkage"]
        let optional = ["homing_offset_pulse", "zero_pulse"]
        let linkage: Linkage
        switch node["linkage"]?.string {
        case "linear":
            reader.expectKeys(common + ["closed_pulse", "open_pulse"], optional: optional, of: node, at: path)
            let closed = reader.integer(node["closed_pulse"], at: "\(path).closed_pulse", in: 0...4_095) ?? 0
            let open = reader.integer(node["open_pulse"], at: "\(path).open_pulse", in: 0...4_095) ?? 1
            if closed == open {
                reader.report(node, "\(path).open_pulse", "it is closed_pulse too, expected another")
            }
            linkage = .linear(closedPulse: closed, openPulse: open == closed ? closed + 1 : open)
        case "crank":
            reader.expectKeys(common + ["horn_m", "link_m", "zero_pulse"], optional: optional, of: node, at: path)
            for key in ["closed_m", "open_m"] where fingers?[key] == nil {
                reader.report(fingers ?? node, "gripper.\(key)", "it is missing; a crank needs it")
            }
            linkage = .crank(
                horn: reader.positive(node["horn_m"], at: "\(path).horn_m"),
                link: reader.positive(node["link_m"], at: "\(path).link_m"),
                zeroPulse: reader.integer(node["zero_pulse"], at: "\(path).zero_pulse", in: 0...4_095) ?? 2_048,
                closed: reader.positive(fingers?["closed_m"], at: "gripper.closed_m"),
                open: reader.positive(fingers?["open_m"], at: "gripper.open_m"))
        default:
            reader.report(
                node["linkage"] ?? node, "\(path).linkage", "found none that is known, expected \"linear\" or \"crank\""
            )
            linkage = .linear(closedPulse: 0, openPulse: 1)
        }
        self.init(
            id: reader.servoID(node["id"], "\(path).id"), linkage: linkage, limits: reader.limits(node, path),
            homingOffset: reader.homingOffset(node, path))
    }
}

extension JSONReader {
    fileprivate func servoID(_ node: JSONNode?, _ path: String) -> UInt8 {
        UInt8(integer(node, at: path, in: 0...252) ?? 0)
    }

    fileprivate func homingOffset(_ node: JSONNode, _ path: String) -> Int? {
        integer(node["homing_offset_pulse"], at: "\(path).homing_offset_pulse", in: -2_047...2_047)
    }

    fileprivate func limits(_ node: JSONNode, _ path: String) -> ClosedRange<Int> {
        let lower = integer(node["lower_pulse"], at: "\(path).lower_pulse", in: 0...4_095)
        let upper = integer(node["upper_pulse"], at: "\(path).upper_pulse", in: 0...4_095)
        guard let lower, let upper else { return 0...4_095 }
        guard lower < upper else {
            report(node, "\(path).upper_pulse", "found \(upper), expected more than lower_pulse, \(lower)")
            return lower...(lower + 1)
        }
        return lower...upper
    }
}

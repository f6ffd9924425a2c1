import JSONTree
import Maths

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
    ) throws(ServoLayoutError) {
        let root: JSONNode
        do {
            root = try JSONNode(parsing: text)
        } catch {
            throw ServoLayoutError(file: file, problems: ["it is not JSON: \(error)"])
        }
        let reader = ServoLayoutReader()
        guard let servos = root["servos"], servos.object != nil else {
            throw ServoLayoutError(file: file, problems: ["servos: it is missing; a driver of servos needs it"])
        }
        reader.checkKeys(servos, "servos", ["protocol", "joints", "gripper"])
        let name = ServoProtocolName(rawValue: servos["protocol"]?.string ?? "")
        if name == nil {
            reader.report("servos.protocol", "found no protocol that is known, expected dynamixel or feetech")
        }
        let nodes = servos["joints"]?.array ?? []
        if nodes.count != count {
            reader.report("servos.joints", "found \(nodes.count) entries, expected one for each of \(count) joints")
        }
        let joints = nodes.prefix(JointVector.capacity).enumerated().map { index, node in
            Joint(node, "servos.joints[\(index)]", reader)
        }
        let gripper = Gripper(servos["gripper"], fingers: root["gripper"], reader)
        let ids = joints.flatMap { [$0.id] + $0.shadows } + [gripper.id]
        for id in Set(ids) where ids.count(where: { $0 == id }) > 1 {
            reader.report("servos", "id \(id) is there more than once, expected each servo once")
        }
        guard reader.problems.isEmpty, let name, !joints.isEmpty else {
            throw ServoLayoutError(file: file, problems: reader.problems.sorted())
        }
        self.init(servoProtocol: name, joints: joints, gripper: gripper)
    }
}

extension ServoLayout.Joint {
    fileprivate init(_ node: JSONNode, _ path: String, _ reader: ServoLayoutReader) {
        reader.checkKeys(
            node, path,
            [
                "id", "shadow_ids", "zero_pulse", "direction", "lower_pulse", "upper_pulse", "homing_offset_pulse",
                "reversed",
            ])
        let direction = reader.integer(node["direction"], "\(path).direction", in: -1...1, default: 1)
        if direction == 0 { reader.report("\(path).direction", "found 0, expected 1 or -1") }
        let shadows = node["shadow_ids"]?.array ?? []
        self.init(
            id: UInt8(reader.integer(node["id"], "\(path).id", in: 0...252, default: nil)),
            shadows: shadows.map { UInt8(reader.integer($0, "\(path).shadow_ids", in: 0...252, default: nil)) },
            zeroPulse: reader.integer(node["zero_pulse"], "\(path).zero_pulse", in: -4_096...8_192, default: 2_048),
            direction: direction < 0 ? -1 : 1, limits: reader.limits(node, path),
            homingOffset: reader.homingOffset(node, path), isReversed: reader.flag(node["reversed"], "\(path).reversed")
        )
    }
}

extension ServoLayout.Gripper {
    fileprivate init(_ node: JSONNode?, fingers: JSONNode?, _ reader: ServoLayoutReader) {
        let path = "servos.gripper"
        guard let node, node.object != nil else {
            reader.report(path, "it is missing")
            self.init(id: 0, linkage: .linear(closedPulse: 0, openPulse: 1), limits: 0...4_095)
            return
        }
        let common = ["id", "lower_pulse", "upper_pulse", "homing_offset_pulse", "linkage"]
        let linkage: Linkage
        switch node["linkage"]?.string {
        case "linear":
            reader.checkKeys(node, path, common + ["closed_pulse", "open_pulse"])
            let closed = reader.integer(node["closed_pulse"], "\(path).closed_pulse", in: 0...4_095, default: nil)
            let open = reader.integer(node["open_pulse"], "\(path).open_pulse", in: 0...4_095, default: nil)
            if closed == open { reader.report("\(path).open_pulse", "it is closed_pulse too, expected another") }
            linkage = .linear(closedPulse: closed, openPulse: open == closed ? closed + 1 : open)
        case "crank":
            reader.checkKeys(node, path, common + ["horn_m", "link_m", "zero_pulse"])
            linkage = .crank(
                horn: reader.length(node["horn_m"], "\(path).horn_m"),
                link: reader.length(node["link_m"], "\(path).link_m"),
                zeroPulse: reader.integer(node["zero_pulse"], "\(path).zero_pulse", in: 0...4_095, default: 2_048),
                closed: reader.length(fingers?["closed_m"], "gripper.closed_m"),
                open: reader.length(fingers?["open_m"], "gripper.open_m"))
        default:
            reader.report("\(path).linkage", "found none that is known, expected \"linear\" or \"crank\"")
            linkage = .linear(closedPulse: 0, openPulse: 1)
        }
        self.init(
            id: UInt8(reader.integer(node["id"], "\(path).id", in: 0...252, default: nil)), linkage: linkage,
            limits: reader.limits(node, path), homingOffset: reader.homingOffset(node, path))
    }
}

/// Everything that is wrong with the servos of one calibration file.
package struct ServoLayoutError: Error, Equatable, CustomStringConvertible {
    /// The file as it was named.
    package let file: String
    package let problems: [String]

    package var description: String {
        "reading the servos in the arm calibration \(file): \(problems.count) "
            + "\(problems.count == 1 ? "problem" : "problems")"
            + problems.map { "\n  \($0)" }.joined()
            + "\nCorrect the file; calibration/widowx-250s.json is a complete example."
    }
}

/// Reads values and collects what is wrong with them.
private final class ServoLayoutReader {
    private(set) var problems: [String] = []

    func report(_ path: String, _ problem: String) { problems.append("\(path): \(problem)") }

    func checkKeys(_ node: JSONNode, _ path: String, _ known: [String]) {
        guard let members = node.object else { return report(path, "found \(node.kind), expected an object") }
        for member in members where !known.contains(member.key) {
            report("\(path).\(member.key)", "this key is not known; expected \(known.joined(separator: ", "))")
        }
    }

    /// - Parameter standard: what a missing key means; nil makes it a problem.
    func integer(_ node: JSONNode?, _ path: String, in range: ClosedRange<Int>, default standard: Int?) -> Int {
        guard let node else {
            if standard == nil { report(path, "it is missing") }
            return standard ?? range.lowerBound
        }
        guard let value = node.int, range.contains(value) else {
            report(
                path, "found \(node.text()), expected a whole number from \(range.lowerBound) to \(range.upperBound)")
            return range.lowerBound
        }
        return value
    }

    func homingOffset(_ node: JSONNode, _ path: String) -> Int? {
        node["homing_offset_pulse"].map {
            integer($0, "\(path).homing_offset_pulse", in: -2_047...2_047, default: nil)
        }
    }

    func flag(_ node: JSONNode?, _ path: String) -> Bool? {
        if let node, node.bool == nil { report(path, "found \(node.text()), expected true or false") }
        return node?.bool
    }

    func length(_ node: JSONNode?, _ path: String) -> Double {
        guard let value = node?.double, value.isFinite, value > 0 else {
            report(path, "found \(node?.text() ?? "nothing"), expected a length above 0")
            return 1
        }
        return value
    }

    func limits(_ node: JSONNode, _ path: String) -> ClosedRange<Int> {
        let lower = integer(node["lower_pulse"], "\(path).lower_pulse", in: 0...4_095, default: nil)
        let upper = integer(node["upper_pulse"], "\(path).upper_pulse", in: 0...4_095, default: nil)
        guard node["lower_pulse"] != nil, node["upper_pulse"] != nil else { return 0...4_095 }
        guard lower < upper else {
            report("\(path).upper_pulse", "found \(upper), expected more than lower_pulse, \(lower)")
            return lower...(lower + 1)
        }
        return lower...upper
    }
}

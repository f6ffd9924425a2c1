import Images
import JSONTree
import Maths
import Messages
import Time

extension GoalRecord {
    static let fileName = "goal.json"
    /// Version of the format; a reader refuses others.
    private static let version = 1

    static func imageFile(_ camera: String) -> String { camera + ".png" }

    /// What `goal.json` holds; the pictures lie beside it.
    package var json: JSONNode {
        var members: [JSONNode.Member] = [
            .init(key: "version", value: JSONNode(Self.version)),
            .init(key: "written_by", value: JSONNode(OctoRuntime.writer)), .init(key: "name", value: JSONNode(name)),
            .init(key: "id", value: JSONNode(id)), .init(key: "recorded", value: JSONNode(recorded.description)),
            .init(key: "source", value: source),
        ]
        if let text { members.append(.init(key: "text", value: JSONNode(text))) }
        if !taskNumbers.isEmpty {
            let entries = taskNumbers.sorted { $0.key < $1.key }.map { key, values in
                JSONNode.Member(key: key, value: JSONNode(.array(values.map { JSONNode(number: Double($0)) })))
            }
            members.append(.init(key: "task_numbers", value: JSONNode(.object(entries))))
        }
        members.append(.init(key: "cameras", value: JSONNode(.array(views.map(\.json)))))
        if let arm { members.append(.init(key: "arm", value: arm.json)) }
        return JSONNode(.object(members))
    }

    private var source: JSONNode {
        var members: [JSONNode.Member] = [.init(key: "kind", value: JSONNode(origin.kind))]
        switch origin {
        case .live, .teleop: break
        case .episode(let path, let frame):
            members += [.init(key: "path", value: JSONNode(path)), .init(key: "frame", value: JSONNode(frame))]
        case .images(let paths):
            members.append(.init(key: "paths", value: JSONNode(.array(paths.map { JSONNode($0) }))))
        }
        return JSONNode(.object(members))
    }

    /// What a `goal.json` says, before its pictures are read.
    struct Description {
        struct View {
            var camera: String
            var width: Int
            var height: Int
            var deviceID: String
            var pixelFormat: String
            var settings: [CameraFrame.Setting]
            var calibrationHash: String
            var sha256: String?
        }
        var name = ""
        var id = ""
        var recorded = WallTime(seconds: 0)
        var origin = Origin.live
        var text: String?
        var taskNumbers: [String: [Float]] = [:]
        var views: [View] = []
        var arm: Arm?
    }

    /// Reads `root`, collecting all that is wrong.
    static func description(_ root: JSONNode, _ reader: JSONReader) -> Description {
        var result = Description()
        guard
            reader.expectKeys(
                [
                    "version", "written_by", "name", "id", "recorded", "source", "text", "task_numbers", "cameras",
                    "arm",
                ],
                optional: ["written_by", "text", "task_numbers", "arm"], of: root, at: "")
        else { return result }
        if let version = root["version"], version.int != Self.version {
            reader.report(
                version, "version",
                "found \(version.text()), expected \(Self.version): it was written by another version")
        }
        result.name = reader.string(root["name"], at: "name")
        if let node = root["name"], !result.name.isEmpty, !isName(result.name) {
            reader.report(node, "name", "found '\(result.name)', expected 1 to 64 letters, digits, '.', '_' or '-'")
        }
        result.id = reader.string(root["id"], at: "id")
        if let node = root["recorded"] {
            if let time = node.string.flatMap(WallTime.init) {
                result.recorded = time
            } else {
                reader.report(
                    node, "recorded", "found \(node.text()), expected a time such as \"2026-11-23T21:04:59Z\"")
            }
        }
        result.origin = origin(root["source"], reader)
        if let node = root["text"] { result.text = reader.string(node, at: "text") }
        if let node = root["task_numbers"] { result.taskNumbers = numbers(node, reader) }
        for (index, node) in reader.elements(root["cameras"], at: "cameras").enumerated() {
            if let view = Description.View(node, at: "cameras[\(index)]", reader) { result.views.append(view) }
        }
        let names = result.views.map(\.camera)
        if Set(names).count != names.count, let node = root["cameras"] {
            reader.report(node, "cameras", "a camera is there twice")
        }
        if let node = root["arm"] { result.arm = Arm(node, reader) }
        return result
    }

    private static func numbers(_ node: JSONNode, _ reader: JSONReader) -> [String: [Float]] {
        guard let members = node.object else {
            reader.report(node, "task_numbers", "found \(node.kind), expected an object of lists of numbers")
            return [:]
        }
        var numbers: [String: [Float]] = [:]
        for member in members {
            let values = reader.numbers(member.value, at: "task_numbers.\(member.key)") ?? []
            if values.isEmpty || !values.allSatisfy({ Float($0).isFinite }) {
                reader.report(member.value, "task_numbers.\(member.key)", "expected one finite number or more")
            }
            numbers[member.key] = values.map { Float($0) }
        }
        return numbers
    }

    private static func origin(_ node: JSONNode?, _ reader: JSONReader) -> Origin {
        guard let node else { return .live }
        guard
            reader.expectKeys(
                ["kind", "path", "frame", "paths"], optional: ["path", "frame", "paths"], of: node, at: "source")
        else { return .live }
        switch node["kind"]?.string {
        case "live": return .live
        case "teleop": return .teleop
        case "episode":
            guard let path = node["path"]?.string, let frame = node["frame"]?.int else {
                reader.report(node, "source", "an episode needs 'path' and a whole number 'frame'")
                return .live
            }
            return .episode(path: path, frame: frame)
        case "images":
            let paths = reader.elements(node["paths"], at: "source.paths").compactMap(\.string)
            return .images(paths: paths)
        default:
            if let kind = node["kind"] {
                reader.report(kind, "source.kind", "found \(kind.text()), expected live, teleop, episode or images")
            }
            return .live
        }
    }
}

extension GoalRecord.View {
    fileprivate var json: JSONNode {
        var members: [JSONNode.Member] = [
            .init(key: "camera", value: JSONNode(camera)),
            .init(key: "file", value: JSONNode(GoalRecord.imageFile(camera))),
        ]
        if let sha256 { members.append(.init(key: "sha256", value: JSONNode(sha256))) }
        members += [
            .init(key: "width", value: JSONNode(image.width)), .init(key: "height", value: JSONNode(image.height)),
            .init(key: "device_id", value: JSONNode(deviceID)),
            .init(key: "pixel_format", value: JSONNode(pixelFormat)),
            .init(key: "calibration_hash", value: JSONNode(calibrationHash)),
            .init(
                key: "settings",
                value: JSONNode(.object(settings.map { .init(key: $0.name, value: JSONNode($0.value)) }))),
        ]
        return JSONNode(.object(members))
    }
}

extension GoalRecord.Description.View {
    fileprivate init?(_ node: JSONNode, at path: String, _ reader: JSONReader) {
        let keys = [
            "camera", "file", "sha256", "width", "height", "device_id", "pixel_format", "calibration_hash", "settings",
            "network",
        ]
        // Records of before 0.2.0 tell of a tensor beside the picture, which nothing went by. Those of 0.2.0 lack the
        // digests.
        guard reader.expectKeys(keys, optional: ["network", "sha256"], of: node, at: path) else { return nil }
        camera = reader.string(node["camera"], at: path + ".camera")
        if !camera.isEmpty, !GoalRecord.isName(camera), let wrong = node["camera"] {
            reader.report(wrong, path + ".camera", "found '\(camera)', expected a camera's name in the manifest")
        }
        // A path to elsewhere would make the record depend on what lies there.
        if let file = node["file"], file.string != GoalRecord.imageFile(camera) {
            reader.report(file, path + ".file", "found \(file.text()), expected \"\(GoalRecord.imageFile(camera))\"")
        }
        sha256 = node["sha256"].map { reader.string($0, at: path + ".sha256") }
        width = reader.integer(node["width"], at: path + ".width", in: 1...ImageHeader.maximumSide) ?? 1
        height = reader.integer(node["height"], at: path + ".height", in: 1...ImageHeader.maximumSide) ?? 1
        deviceID = node["device_id"]?.string ?? ""
        pixelFormat = node["pixel_format"]?.string ?? ""
        calibrationHash = node["calibration_hash"]?.string ?? ""
        for key in ["device_id", "pixel_format", "calibration_hash"] {
            if let wrong = node[key], wrong.string == nil {
                reader.report(wrong, "\(path).\(key)", "found \(wrong.kind), expected a string")
            }
        }
        settings = []
        if let table = node["settings"] {
            if table.object == nil {
                reader.report(table, path + ".settings", "found \(table.kind), expected an object")
            }
            for member in table.object ?? [] {
                if let value = member.value.string {
                    settings.append(.init(name: member.key, value: value))
                } else {
                    reader.report(
                        member.value, "\(path).settings.\(member.key)", "found \(member.value.kind), expected a string")
                }
            }
        }
    }
}

extension GoalRecord.Arm {
    fileprivate var json: JSONNode {
        func numbers(_ values: [Double]) -> JSONNode { JSONNode(.array(values.map { JSONNode(number: $0) })) }
        let (turn, place) = (baseFromEEF.rotation, baseFromEEF.translation)
        return .object([
            "joint_positions_rad": numbers(jointPositions.array), "gripper": JSONNode(number: gripper),
            "eef_position_m": numbers([place.x, place.y, place.z]),
            "eef_rotation_wxyz": numbers([turn.w, turn.x, turn.y, turn.z]),
        ])
    }

    fileprivate init?(_ node: JSONNode, _ reader: JSONReader) {
        let keys = ["joint_positions_rad", "gripper", "eef_position_m", "eef_rotation_wxyz"]
        guard reader.expectKeys(keys, of: node, at: "arm"),
            let joints = reader.numbers(node["joint_positions_rad"], at: "arm.joint_positions_rad"),
            let gripper = reader.number(node["gripper"], at: "arm.gripper"),
            let place = reader.numbers(node["eef_position_m"], at: "arm.eef_position_m"),
            let turn = reader.numbers(node["eef_rotation_wxyz"], at: "arm.eef_rotation_wxyz")
        else { return nil }
        guard (1...JointVector.capacity).contains(joints.count), place.count == 3, turn.count == 4 else {
            reader.report(
                node, "arm",
                "found \(joints.count) joints, \(place.count) and \(turn.count) numbers for the end effector, "
                    + "expected 1...\(JointVector.capacity), 3 and 4")
            return nil
        }
        self.init(
            jointPositions: JointVector(joints), gripper: gripper,
            baseFromEEF: Pose(
                rotation: Rotation(w: turn[0], x: turn[1], y: turn[2], z: turn[3]),
                translation: [place[0], place[1], place[2]]))
    }
}

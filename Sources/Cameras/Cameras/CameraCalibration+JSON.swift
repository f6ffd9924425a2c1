import Digests
import Files
import Images
import JSONTree

extension JSONFileKind {
    /// Calibration files of cameras, read by `CameraCalibration`.
    package static let cameraCalibration = JSONFileKind(
        name: "the camera calibration",
        remedy: "Mend the file (calibration/camera-schema.json says what it may hold), or write one with 'octo-camera "
            + "tune'.")
}

extension CameraCalibration {
    /// Reads a calibration file.
    /// - Parameter path: path of the file, for messages.
    /// - Throws: every problem of the file and its JSON path.
    package init(_ text: some Collection<UInt8>, path: String) throws(JSONFileError) {
        self = try JSONFileKind.cameraCalibration.read(text, file: path) { Self($0, $1) }
    }

    /// Reads the file at `path`.
    /// - Throws: `FileError`, `JSONFileError`.
    package init(path: String) throws {
        let file = try SharedBytes(contentsOf: path, limit: 1 << 20)
        try self.init(withExtendedLifetime(file) { Array(file.bytes) }, path: path)
        sha256 = file.sha256
    }

    /// Reads a calibration; faulty values are reported, and read as something harmless.
    private init(_ root: JSONNode, _ reader: JSONReader) {
        let keys = ["$schema", "controls", "crop", "flip", "rotate_deg", "intrinsics", "base_from_camera"]
        reader.expectKeys(keys, optional: keys, of: root, at: "")
        self.init(
            controls: reader.controls(root["controls"], at: "controls"),
            adjustment: FrameAdjustment(
                crop: reader.crop(root["crop"], at: "crop"), flip: reader.choice(root["flip"], at: "flip"),
                rotation: reader.rotation(root["rotate_deg"], at: "rotate_deg")),
            intrinsics: reader.intrinsics(root["intrinsics"], at: "intrinsics"),
            baseFromCamera: reader.pose(root["base_from_camera"], at: "base_from_camera"))
    }
}

extension CameraCalibration {
    /// A calibration file's text with other controls; everything else of it stays.
    /// - Parameters:
    ///   - controls: the controls, in the order in which they are to be read.
    ///   - text: text of the file that is there; nil for a new file.
    ///   - schema: path or address of the schema for editors, for a new file; nil names none.
    ///   - path: path of the file, for messages.
    /// - Throws: `JSONFileError` when the present text is broken.
    package static func text(
        with controls: [ControlSetting], over text: [UInt8]?, schema: String?, path: String
    ) throws(JSONFileError) -> String {
        var root = JSONNode(.object(schema.map { [.init(key: "$schema", value: JSONNode($0))] } ?? []))
        if let text {
            root = try JSONFileKind.cameraCalibration.read(text, file: path) { root, reader in
                _ = Self(root, reader)
                return root
            }
        }
        let members = controls.map { setting -> JSONNode.Member in
            switch setting.value {
            case .number(let number): .init(key: setting.name, value: JSONNode(number))
            case .flag(let flag): .init(key: setting.name, value: JSONNode(.bool(flag)))
            case .choice(let name): .init(key: setting.name, value: JSONNode(name))
            }
        }
        return root.with("controls", JSONNode(.object(members))).text(columns: 100) + "\n"
    }
}

extension JSONReader {
    fileprivate func controls(_ node: JSONNode?, at path: String) -> [ControlSetting] {
        guard let node else { return [] }
        guard let members = node.object else {
            report(node, path, expected: "an object with names of controls and what they are set to")
            return []
        }
        return members.compactMap { member in
            let value: ControlSetting.Value? =
                member.value.int.map { .number($0) } ?? member.value.bool.map { .flag($0) }
                ?? member.value.string.map { .choice($0) }
            if value == nil {
                report(
                    member.value, "\(path).\(member.key)",
                    expected: "a whole number, true, false or the name of a choice")
            }
            return value.map { ControlSetting(member.key, $0) }
        }
    }

    fileprivate func whole(_ node: JSONNode?, at path: String, least: Int) -> Int {
        integer(node, at: path, in: least...Int.max) ?? least
    }

    fileprivate func crop(_ node: JSONNode?, at path: String) -> FrameAdjustment.Crop? {
        guard let section = section(node, at: path, keys: ["x", "y", "width", "height"]) else { return nil }
        return .init(
            x: whole(section["x"], at: path + ".x", least: 0), y: whole(section["y"], at: path + ".y", least: 0),
            width: whole(section["width"], at: path + ".width", least: 1),
            height: whole(section["height"], at: path + ".height", least: 1))
    }

    fileprivate func rotation(_ node: JSONNode?, at path: String) -> FrameAdjustment.Rotation {
        guard let node else { return .none }
        if let rotation = node.int.flatMap(FrameAdjustment.Rotation.init(rawValue:)) { return rotation }
        report(node, path, expected: "0, 90, 180 or 270 (clockwise)")
        return .none
    }

    fileprivate func intrinsics(_ node: JSONNode?, at path: String) -> CameraCalibration.Intrinsics? {
        let keys = ["image_width", "image_height", "camera_matrix", "distortion_model", "distortion_coefficients"]
        guard let section = section(node, at: path, keys: keys) else { return nil }
        let matrix = matrix(section["camera_matrix"], at: path + ".camera_matrix", rows: 3, columns: 3)
        if matrix.count == 9, let node = section["camera_matrix"] {
            let isCamera =
                matrix[0] > 0 && matrix[4] > 0 && [1, 3, 6, 7].allSatisfy { matrix[$0] == 0 } && matrix[8] == 1
            if !isCamera {
                report(
                    node, path + ".camera_matrix.data",
                    "found \(matrix), expected fx 0 cx, 0 fy cy, 0 0 1 with fx and fy above 0")
            }
        }
        let model: CameraCalibration.DistortionModel? = choice(
            section["distortion_model"], at: path + ".distortion_model")
        return .init(
            width: whole(section["image_width"], at: path + ".image_width", least: 1),
            height: whole(section["image_height"], at: path + ".image_height", least: 1), cameraMatrix: matrix,
            model: model ?? .plumbBob,
            coefficients: self.matrix(
                section["distortion_coefficients"], at: path + ".distortion_coefficients", rows: 1,
                columns: model?.coefficientCount))
    }

    /// Reads a matrix as OpenCV writes one: rows, cols and all numbers in one array.
    /// - Parameter columns: number of columns; nil allows any.
    private func matrix(_ node: JSONNode?, at path: String, rows: Int, columns: Int?) -> [Double] {
        guard let section = section(node, at: path, keys: ["rows", "cols", "data"]) else { return [] }
        let found = (
            rows: whole(section["rows"], at: path + ".rows", least: 1),
            columns: whole(section["cols"], at: path + ".cols", least: 1)
        )
        let data = numbers(section["data"], at: path + ".data") ?? []
        let columns = columns ?? found.columns
        if (found.rows, found.columns, data.count) != (rows, columns, rows * columns) {
            report(
                section, path,
                "found \(found.rows) x \(found.columns) with \(data.count) numbers, expected \(rows) x \(columns) with "
                    + "\(rows * columns)")
        }
        return data
    }

    fileprivate func pose(_ node: JSONNode?, at path: String) -> CameraCalibration.Pose? {
        guard let section = section(node, at: path, keys: ["offset_m", "offset_rpy_rad"]) else { return nil }
        return .init(
            offset: triple(section["offset_m"], at: path + ".offset_m"),
            rollPitchYaw: triple(section["offset_rpy_rad"], at: path + ".offset_rpy_rad"))
    }

    private func triple(_ node: JSONNode?, at path: String) -> [Double] {
        guard let node, let values = numbers(node, at: path) else { return [0, 0, 0] }
        if values.count == 3 { return values }
        report(node, path, "found \(values.count) numbers, expected 3")
        return [0, 0, 0]
    }
}

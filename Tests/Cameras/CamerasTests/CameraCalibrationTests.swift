import Cameras
import Foundation
import JSONTree
import TestSupport
import Testing

/// Camera calibration files, and what calibration/camera-schema.json says of them.
@Suite struct CameraCalibrationTests {
    private func node(_ name: String) throws -> JSONNode {
        try JSONNode(
            parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/\(name).json")))
    }

    private func problems(_ text: String) -> [String] {
        do throws(JSONFileError) {
            _ = try CameraCalibration(text.utf8, path: "cam.json")
            return []
        } catch {
            #expect(error.file == "cam.json")
            return error.problems.map(\.description)
        }
    }

    @Test func theExampleIsReadWhole() throws {
        let text = Array(try node("cameras/example").text().utf8)
        let calibration = try CameraCalibration(text, path: "example")
        #expect(
            calibration.controls.prefix(3) == [
                .init("auto_exposure", .choice("Manual Mode")), .init("exposure_time_absolute", .number(157)),
                .init("gain", .number(0)),
            ])
        #expect(calibration.controls.contains(.init("white_balance_automatic", .flag(false))))
        #expect(
            calibration.adjustment
                == FrameAdjustment(crop: .init(x: 80, y: 0, width: 480, height: 480), rotation: .half))
        #expect(calibration.intrinsics?.coefficients.count == 5 && calibration.intrinsics?.cameraMatrix[0] == 615.3)
        #expect(calibration.baseFromCamera?.offset == [0.55, 0, 0.62])
    }

    @Test func everythingMayBeLeftOut() throws {
        #expect(try CameraCalibration("{}".utf8, path: "x") == CameraCalibration())
    }

    @Test func allProblemsAreToldWithTheirPlace() throws {
        let found = problems(
            """
            { "control": {}, "controls": { "gain": 1.5, "focus_absolute": null },
              "crop": { "x": -1, "y": 0, "width": 0 }, "flip": "left", "rotate_deg": 45,
              "intrinsics": { "image_width": 640, "image_height": 480,
                "camera_matrix": { "rows": 3, "cols": 3, "data": [1, 0, 0, 0, -1, 0, 0, 0, 1] },
                "distortion_model": "equidistant",
                "distortion_coefficients": { "rows": 1, "cols": 5, "data": [0, 0, 0, 0, 0] } },
              "base_from_camera": { "offset_m": [1, 2], "offset_rpy_rad": ["0", 0, 0] } }
            """)
        for part in [
            "control (line 1): this key is not known; did you mean 'controls'?",
            "controls.gain (line 1): found 1.5",
            "controls.focus_absolute (line 1): found null",
            "crop.x (line 2): found -1, expected a whole number from 0 on",
            "crop.width (line 2): found 0, expected a whole number from 1 on", "crop.height (line 2): it is missing",
            "flip (line 2): found \"left\", expected one of \"horizontal\", \"vertical\"",
            "rotate_deg (line 2): found 45, expected 0, 90, 180 or 270", "intrinsics.camera_matrix.data",
            "intrinsics.distortion_coefficients (line 6): found 1 x 5 with 5 numbers, expected 1 x 4 with 4",
            "base_from_camera.offset_m (line 7): found 2 numbers, expected 3", "base_from_camera.offset_rpy_rad[0]",
        ] { #expect(found.contains { $0.contains(part) }, "\(part) in \(found)") }
        #expect(found.count == 12)
        #expect(problems("[1]").count == 1 && problems("{").first?.contains("line 1") == true)
    }

    // MARK: Written

    @Test func newControlsLeaveEverythingElseAsItIs() throws {
        let old = Array(try node("cameras/example").text(columns: 100).utf8)
        let controls: [ControlSetting] = [
            .init("gain", .number(3)), .init("auto_exposure", .choice("Manual Mode")), .init("x", .flag(true)),
        ]
        let text = try CameraCalibration.text(with: controls, over: old, schema: "other.json", path: "a.json")
        let (before, after) = (try CameraCalibration(old, path: "a"), try CameraCalibration(text.utf8, path: "a"))
        #expect(after.controls == controls)
        #expect(
            after.adjustment == before.adjustment && after.intrinsics == before.intrinsics
                && after.baseFromCamera == before.baseFromCamera)
        #expect(text.contains("\"$schema\": \"../camera-schema.json\"") && text.hasSuffix("}\n"))
        #expect(
            SchemaValidator.faults(of: try JSONNode(parsing: Array(text.utf8)), under: try node("camera-schema")) == [])
        #expect(throws: JSONFileError.self) {
            try CameraCalibration.text(with: controls, over: Array("{\"crop\": 1}".utf8), schema: nil, path: "a.json")
        }
    }

    @Test func aNewFileNamesItsSchema() throws {
        #expect(
            try CameraCalibration.text(
                with: [.init("gain", .number(-3))], over: nil, schema: "../s.json", path: "a.json")
                == "{ \"$schema\": \"../s.json\", \"controls\": { \"gain\": -3 } }\n")
        #expect(
            try CameraCalibration.text(with: [], over: nil, schema: nil, path: "a.json") == "{ \"controls\": {} }\n")
    }

    /// What frames and goals carry: one changed value is another calibration.
    @Test func theHashIsOfTheFilesBytes() throws {
        let folder = try TemporaryFolder()
        let empty = try folder.write([], to: "none.json")
        #expect(throws: JSONFileError.self) { try CameraCalibration(path: empty) }
        let path = try folder.write(Array("{}".utf8), to: "a.json")
        // As `printf '{}' | sha256sum` has it.
        let expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        #expect(try CameraCalibration(path: path).sha256 == expected && CameraCalibration().sha256.isEmpty)
        try folder.write(Array("{ }".utf8), to: "a.json")
        #expect(try CameraCalibration(path: path).sha256 != expected)
    }

    @Test func theExampleIsAsTheSchemaSays() throws {
        #expect(try SchemaValidator.faults(of: node("cameras/example"), under: node("camera-schema")) == [])
    }

    /// Each value is taken away, or becomes something strange: schema and program agree.
    @Test func theSchemaAgreesWithTheProgramOnEveryKey() throws {
        let (root, schema) = (try node("cameras/example"), try node("camera-schema"))
        var changed = 0
        func compare(_ node: JSONNode, _ what: String) {
            changed += 1
            let isTaken = problems(node.text()).isEmpty
            #expect(SchemaValidator.faults(of: node, under: schema).isEmpty == isTaken, "\(what): taken is \(isTaken)")
        }
        func visit(_ node: JSONNode, _ path: String, _ rebuild: (JSONNode) -> JSONNode) {
            if let members = node.object {
                for index in members.indices {
                    var fewer = members
                    fewer.remove(at: index)
                    compare(rebuild(JSONNode(.object(fewer))), "\(path) without \(members[index].key)")
                    visit(members[index].value, "\(path).\(members[index].key)") {
                        rebuild(node.with(members[index].key, $0))
                    }
                }
                compare(rebuild(node.with("colour", 1.5)), "\(path) with a colour")
            } else if path != ".$schema" {
                compare(rebuild(nil), "\(path) is null")
                compare(rebuild([]), "\(path) is an empty array")
            }
        }
        visit(root, "") { $0 }
        #expect(changed > 60)
    }
}

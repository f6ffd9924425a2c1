import Foundation
import JSONTree
import Kinematics
import Maths
import TestSupport
import Testing

@Suite struct ArmCalibrationTests {
    private func text() throws -> String {
        try String(
            contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json"), encoding: .utf8)
    }

    private func problems(_ text: String) -> [String] {
        do throws(JSONFileError) {
            _ = try ArmCalibration(parsing: text.utf8, file: "arm.json")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func readsTheWidowX() throws {
        let arm = try widowX()
        #expect(arm.name == "widowx-250s")
        #expect(
            arm.joints.map(\.name) == [
                "waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate",
            ])
        // Limits of the URDF: -108°, 114°, -123°, 92°, -100°, 123°.
        #expect(arm.lower[1] == -1.8849555921538759 && arm.upper[1] == 1.9896753472735358)
        #expect(arm.lower[2] == -2.1467549799530254 && arm.upper[2] == 1.6057029118347832)
        #expect(arm.lower[4] == -1.7453292519943295 && arm.upper[4] == 2.1467549799530254)
        #expect(arm.velocity == JointVector(repeating: .pi, count: 6))
        #expect(arm.workspace.lower == [0.1, -0.15, -0.01] && arm.workspace.upper == [0.45, 0.25, 0.25])
        #expect(arm.stepLimits.translation == 0.05 && arm.stepLimits.rotation == 0.25)
        #expect(arm.gripper.closed == 0.010 && arm.gripper.open == 0.035 && arm.gripper.speed == 3)
    }

    @Test func restAndNeutralAreWhereTheyShouldBe() throws {
        let arm = try widowX()
        let neutral = arm.chain.baseFromEEF(arm.neutral).translation
        #expect((neutral - [0.120201, -0.019085, 0.246696]).length < 1e-5)
        let rest = arm.chain.baseFromEEF(arm.rest).translation
        #expect((rest - [0.122652, 0, 0.081264]).length < 1e-5)
    }

    @Test func reportsAllProblemsAtOnceWithTheirPaths() throws {
        let bad = try text()
            .replacingOccurrences(of: "\"axis\": [1, 0, 0]", with: "\"axis\": [2, 0, 0]")
            .replacingOccurrences(of: "\"name\": \"elbow\", \"offset_m\"", with: "\"name\": \"elbow\", \"ofset_m\"")
            .replacingOccurrences(of: "\"speed_per_s\": 3", with: "\"speed_per_s\": \"fast\"")
            .replacingOccurrences(of: "[0, -1.80, 1.55, 0, 0.80, 0]", with: "[0, -1.80, 1.65, 0, 0.80, 0]")
        let found = problems(bad)
        func has(_ parts: String...) -> Bool { found.contains { line in parts.allSatisfy { line.contains($0) } } }
        #expect(has("joints[2].ofset_m", "did you mean 'offset_m'?"))
        #expect(has("joints[2].offset_m", "missing"))
        #expect(has("joints[3].axis", "its length is 2.0, expected 1"))
        #expect(has("joints[5].axis"))
        #expect(has("gripper.speed_per_s", "found \"fast\", expected a finite number"))
        #expect(has("rest_rad", "elbow is at 1.65 rad"))
        #expect(found.count == 6, "\(found)")
        #expect(found.allSatisfy { $0.contains("(line ") })
    }

    @Test func namesTheFileInItsMessage() throws {
        let bad = try text().replacingOccurrences(of: "\"speed_per_s\": 3", with: "\"speed_per_s\": -3")
        let error = #expect(throws: JSONFileError.self) {
            try ArmCalibration(parsing: bad.utf8, file: "arm.json")
        }
        let text = try #require(error).description
        #expect(text.hasPrefix("reading the arm calibration arm.json: 1 problem\n  gripper.speed_per_s (line "))
        #expect(text.contains("Correct the file"))
    }

    struct Change: Sendable, CustomTestStringConvertible {
        var from: String
        var to: String
        var problem: String
        var testDescription: String { to }
    }

    @Test(arguments: [
        Change(from: "\"lower_rad\": -1.8849555921538759", to: "\"lower_rad\": 2.5", problem: "joints[1].upper_rad"),
        Change(
            from: "\"acceleration_rad_s2\": 15", to: "\"acceleration_rad_s2\": 0",
            problem: "found 0, expected a number above 0"),
        Change(from: "\"velocity_rad_s\": 3.141592653589793", to: "\"velocity_rad_s\": -1", problem: "velocity_rad_s"),
        Change(from: "[0.1, -0.15, -0.01]", to: "[0.5, -0.15, -0.01]", problem: "workspace"),
        Change(from: "[0.1, -0.15, -0.01]", to: "[0.1, -0.15]", problem: "found 2 numbers, expected 3"),
        Change(from: "\"rotation_rad\": 0.25", to: "\"rotation_rad\": null", problem: "step_limits.rotation_rad"),
        Change(from: "\"open_m\": 0.035", to: "\"open_m\": 0.005", problem: "expected more than closed_m"),
        Change(from: "\"name\": \"widowx-250s\"", to: "\"name\": \"\"", problem: "name (line 3): found \"\""),
        Change(from: "1.7564081, -0.15953401]", to: "1.7564081]", problem: "found 5 angles"),
        Change(
            from: "\"eef_offset_m\": [0.093575, 0, 0]", to: "\"eef_offset_m\": 7", problem: "found 7, expected an array"
        ),
        Change(from: "\"upper_rad\": 3.141582653589793", to: "\"upper_rad\": 1e999", problem: "finite"),
    ])
    func findsEachMistake(change: Change) throws {
        let original = try text()
        let bad = original.replacingOccurrences(of: change.from, with: change.to)
        #expect(bad != original)
        let found = problems(bad)
        #expect(found.contains { $0.contains(change.problem) }, "\(found)")
    }

    @Test(arguments: [
        Change(
            from: "\"velocity_rad_s\": 3.141592653589793", to: "\"velocity_rad_s\": 1e9",
            problem: "expected at most 12 rad/s"),
        Change(
            from: "\"velocity_rad_s\": 3.141592653589793", to: "\"velocity_rad_s\": 180",
            problem: "180°/s is 3.142 rad/s"),
        Change(
            from: "\"acceleration_rad_s2\": 15", to: "\"acceleration_rad_s2\": 1e12",
            problem: "expected at most 200 rad/s²"),
        Change(
            from: "\"upper_rad\": 3.141582653589793", to: "\"upper_rad\": 1e6", problem: "expected at most 6.283 rad"),
        Change(
            from: "\"upper_rad\": 3.141582653589793", to: "\"upper_rad\": 180", problem: "Degrees? 180° is 3.142 rad."),
        Change(
            from: "\"lower_rad\": -1.8849555921538759", to: "\"lower_rad\": -108",
            problem: "Degrees? -108° is -1.885 rad."),
        Change(from: "[0.1, -0.15, -0.01]", to: "[0.1, -1e9, -0.01]", problem: "workspace.lower_m[1]"),
        Change(from: "[0.45, 0.25, 0.25]", to: "[450, 0.25, 0.25]", problem: "Millimetres? 450 mm is 0.45 m."),
        Change(from: "\"translation_m\": 0.05", to: "\"translation_m\": 0.21", problem: "expected at most 0.2 m"),
        Change(from: "\"rotation_rad\": 0.25", to: "\"rotation_rad\": 15", problem: "Degrees? 15° is 0.262 rad."),
        Change(from: "\"speed_per_s\": 3", to: "\"speed_per_s\": 300", problem: "expected at most 20 strokes/s"),
        Change(from: "\"open_m\": 0.035", to: "\"open_m\": 35", problem: "Millimetres? 35 mm is 0.035 m."),
        Change(
            from: "\"eef_offset_m\": [0.093575, 0, 0]", to: "\"eef_offset_m\": [93.575, 0, 0]",
            problem: "eef_offset_m[0]"),
    ])
    func refusesWhatNoArmOfServosCanDo(change: Change) throws {
        let original = try text()
        let bad = original.replacingOccurrences(of: change.from, with: change.to)
        #expect(bad != original)
        let found = problems(bad)
        #expect(found.contains { $0.contains(change.problem) }, "\(found)")
    }

    @Test(arguments: ["widowx-250s", "wx200", "so101"])
    func filesOfRealArmsPass(_ name: String) throws {
        let url = Fixture.packageRoot.appendingPathComponent("calibration/\(name).json")
        #expect(problems(try String(contentsOf: url, encoding: .utf8)) == [])
    }

    @Test func refusesOtherShapesWithoutATrap() {
        for text in ["", "[]", "7", "{}", "{\"joints\": {}}", "{\"joints\": [1, null, []]}", "{\"name\": 3,}"] {
            #expect(!problems(text).isEmpty, "\(text)")
        }
        let nine = "{\"joints\": [\(Array(repeating: "{}", count: 9).joined(separator: ","))]}"
        #expect(problems(nine).contains { $0.contains("found 9 joints, expected 1 to 8") })
    }

    @Test func turnsAJointInItsParentWhenAsked() throws {
        let turned = try text().replacingOccurrences(
            of: "\"name\": \"elbow\",", with: "\"name\": \"elbow\", \"offset_rpy_rad\": [0, 0, 1.5707963267948966],")
        let arm = try ArmCalibration(parsing: turned.utf8, file: "arm.json")
        let point = arm.joints[2].parentFromJoint.rotation * Vector3(1, 0, 0)
        #expect((point - [0, 1, 0]).length < 1e-12)
    }
}

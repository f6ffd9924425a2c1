import ArmDrivers
import Foundation
import JSONTree
import Kinematics
import ServoTools
import TestSupport
import Testing

@Suite struct CalibrationFileTests {
    @Test func whatIsReplacedIsKeptBesideIt() throws {
        let folder = try TemporaryFolder()
        let file = CalibrationFile(path: folder.file("arm.json"))
        #expect(try file.read() == nil)
        #expect(try file.keepOld(stamp: "day") == nil)
        try file.write("one")
        #expect(try file.keepOld(stamp: "day") == folder.file("arm.day.json"))
        try file.write("two")
        #expect(try file.keepOld(stamp: "day") == folder.file("arm.day-1.json"))
        try file.write("three")
        #expect(try file.read() == Array("three".utf8))
        #expect(try CalibrationFile(path: folder.file("arm.day.json")).read() == Array("one".utf8))
        #expect(try CalibrationFile(path: folder.file("arm.day-1.json")).read() == Array("two".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    }

    @Test func whatCannotBeWrittenIsAnErrorAndLeavesTheOldFile() throws {
        let folder = try TemporaryFolder()
        // The longest name there can be: the file under way cannot have a longer one.
        let file = CalibrationFile(path: folder.file("arm" + String(repeating: "x", count: 247) + ".json"))
        try Data("one".utf8).write(to: URL(fileURLWithPath: file.path))
        let error = #expect(throws: CalibrationFileError.self) { try file.write("two") }
        #expect(error?.description.contains("xx.json") == true)
        #expect(try file.read() == Array("one".utf8))
    }
}

@Suite struct LeRobotCalibrationTests {
    private func spans() throws -> [ClosedRange<Double>] {
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/so101.json"))
        return try ArmCalibration(parsing: text, file: "so101").joints.map { $0.lower...$0.upper }
    }

    private func arm() throws -> (JSONNode, ServoLayout, [String]) {
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/so101.json"))
        let calibration = try ArmCalibration(parsing: text, file: "so101")
        let layout = try ServoLayout(calibration: text, file: "so101", joints: 5)
        return (try JSONNode(parsing: text), layout, calibration.joints.map(\.name))
    }

    /// As LeRobot's own serialiser writes it: four spaces, this order.
    private static let text = """
        {
            "shoulder_pan": {
                "id": 1,
                "drive_mode": 0,
                "homing_offset": -1024,
                "range_min": 744,
                "range_max": 3363
            },
            "shoulder_lift": {
                "id": 2,
                "drive_mode": 0,
                "homing_offset": 1000,
                "range_min": 911,
                "range_max": 3185
            },
            "elbow_flex": {
                "id": 3,
                "drive_mode": 0,
                "homing_offset": 0,
                "range_min": 900,
                "range_max": 3101
            },
            "wrist_flex": {
                "id": 4,
                "drive_mode": 0,
                "homing_offset": 12,
                "range_min": 968,
                "range_max": 3128
            },
            "wrist_roll": {
                "id": 5,
                "drive_mode": 0,
                "homing_offset": -7,
                "range_min": 0,
                "range_max": 4095
            },
            "gripper": {
                "id": 6,
                "drive_mode": 0,
                "homing_offset": 5,
                "range_min": 2011,
                "range_max": 3500
            }
        }

        """

    @Test func itsFileIsReadAndWrittenByteForByte() throws {
        let (_, layout, names) = try arm()
        let lerobot = try LeRobotCalibration(parsing: Array(Self.text.utf8), file: "x")
        #expect(lerobot.text == Self.text)
        let applied = try lerobot.applied(to: layout, names: names, spans: try spans(), file: "x")
        #expect(applied.joints[0].homingOffset == -1_024 && applied.joints[0].limits == 744...3_363)
        // Its degrees: the zero is the middle of the range. 744...3363 at 3000 is 83.2088 there, with 4095 to a turn.
        #expect(applied.joints[0].zeroPulse == 2_054)
        #expect(abs(applied.joints[0].radians(3_000) * 180 / .pi * 4_096 / 4_095 - 83.2088) < 0.05)
        #expect(applied.gripper.linkage == .linear(closedPulse: 2_011, openPulse: 3_500))
        #expect(try LeRobotCalibration(applied, names: names, file: "y").text == Self.text)
    }

    @Test func itIsWrittenIntoOurFileAndNothingElseChanges() throws {
        let (root, layout, names) = try arm()
        let lerobot = try LeRobotCalibration(parsing: Array(Self.text.utf8), file: "x")
        let applied = try lerobot.applied(to: layout, names: names, spans: try spans(), file: "x")
        let text = applied.written(into: root).text(columns: 120)
        let read = try JSONNode(parsing: Array(text.utf8))
        #expect(try ServoLayout(calibration: Array(text.utf8), file: "z", joints: 5) == applied)
        #expect(read.with("servos", nil) == root.with("servos", nil))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    @Test func aGripperThatClosesUpwardsIsFlipped() throws {
        let (_, layout, names) = try arm()
        var lerobot = try LeRobotCalibration(parsing: Array(Self.text.utf8), file: "x")
        lerobot.motors[5].driveMode = 1
        let applied = try lerobot.applied(to: layout, names: names, spans: try spans(), file: "x")
        #expect(applied.gripper.linkage == .linear(closedPulse: 3_500, openPulse: 2_011))
        #expect(try LeRobotCalibration(applied, names: names, file: "x").motors[5].driveMode == 1)
    }

    /// Half a sweep or a collapsed range would be a wrong zero without a word.
    @Test(arguments: [(2, 4_094, "ran over the end of the encoder"), (911, 2_048, "not moved to both ends")])
    func aRangeThatCannotBeTheJointsIsRefused(minimum: Int, maximum: Int, reason: String) throws {
        let (_, layout, names) = try arm()
        var lerobot = try LeRobotCalibration(parsing: Array(Self.text.utf8), file: "x")
        (lerobot.motors[1].rangeMinimum, lerobot.motors[1].rangeMaximum) = (minimum, maximum)
        let error = #expect(throws: JSONFileError.self) {
            try lerobot.applied(to: layout, names: names, spans: try spans(), file: "x")
        }
        #expect(error?.problems.count == 1)
        let problem = try #require(error?.problems.first).description
        #expect(problem.hasPrefix("shoulder_lift.range_min, range_max: found \(minimum), \(maximum)"))
        #expect(problem.contains("the 2276 that the joint can turn") && problem.contains(reason))
    }

    @Test func anOldFormatIsOneProblem() throws {
        let text = """
            {"homing_offset": [2048, 3072, 3072, -1024, -2048, 2048], "drive_mode": [1, 1, 0, 0, 1, 0],
             "start_pos": [2015, 3058, 3061, 1071, 1071, 2035], "end_pos": [-1024, -2048, -2048, 2048, 3072, -1024],
             "calib_mode": ["DEGREE", "DEGREE", "DEGREE", "DEGREE", "DEGREE", "LINEAR"],
             "motor_names": ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper"]}
            """
        let error = #expect(throws: JSONFileError.self) {
            try LeRobotCalibration(parsing: Array(text.utf8), file: "main_follower.json")
        }
        #expect(error?.problems.count == 1)
        let words = try #require(error?.description)
        #expect(
            words.contains("old format") && words.contains("octo-arm calibrate")
                && words.contains("cannot be converted"))
        #expect(words.split(separator: "\n").count == 3)
    }

    @Test func everyProblemIsNamed() throws {
        func problems(_ text: String) -> [JSONProblem] {
            do throws(JSONFileError) {
                _ = try LeRobotCalibration(parsing: Array(text.utf8), file: "x")
                return []
            } catch {
                return error.problems
            }
        }
        #expect(problems("[").count == 1 && problems("[]").count == 1 && problems("{}").count == 1)
        let bad = problems(
            #"{"a": {"id": 300, "drive_mode": 2, "homing_offset": 5000, "range_min": -1, "range_max": 9999}, "b": 3}"#)
        #expect(bad.filter { $0.path.hasPrefix("a.") }.count >= 5 && bad.filter { $0.path.hasPrefix("b.") }.count >= 5)
        #expect(
            problems(#"{"a": {"id": 1, "drive_mode": 0, "homing_offset": 0, "range_min": 9, "range_max": 9}}"#).count
                == 1)
        let (_, layout, names) = try arm()
        let other = LeRobotCalibration(motors: [
            .init(name: "knee", id: 1, driveMode: 0, homingOffset: 0, rangeMinimum: 0, rangeMaximum: 9)
        ])
        let error = #expect(throws: JSONFileError.self) {
            try other.applied(to: layout, names: names, spans: try spans(), file: "x")
        }
        #expect(error?.problems.count == 7)
    }
}

@Suite struct SerialDevicesTests {
    @Test func adaptersAreListedByTheNameThatStays() throws {
        let folder = try TemporaryFolder()
        for name in ["ttyUSB0", "ttyACM0", "ttyS0", "null"] { try folder.write([], to: name) }
        try FileManager.default.createDirectory(atPath: folder.file("serial/by-id"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("serial/by-id/usb-FTDI_42"), withDestinationPath: "../../ttyUSB0")
        let found = SerialDevices.present(in: folder.path)
        #expect(found.devices.map(\.path) == [folder.file("serial/by-id/usb-FTDI_42"), folder.file("ttyACM0")])
        #expect(found.devices[0].device.hasSuffix("/ttyUSB0"))
        try FileManager.default.removeItem(atPath: folder.file("ttyUSB0"))
        #expect(found.missing(in: .present(in: folder.path)).map(\.device) == [found.devices[0].device])
        #expect(SerialDevices.present(in: folder.file("nowhere")).devices.isEmpty)
    }
}

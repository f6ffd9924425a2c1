import ArmDrivers
import Foundation
import JSONTree
import TestSupport
import Testing

/// The "servos" of a calibration file.
@Suite struct ServoLayoutTests {
    private func layout(_ servos: String, joints: Int = 2) throws -> ServoLayout {
        try ServoLayout(
            calibration: Array(#"{"gripper": {"closed_m": 0.01, "open_m": 0.035}, "servos": \#(servos)}"#.utf8),
            file: "arm.json",
            joints: joints)
    }

    private func problems(_ servos: String, joints: Int = 2) throws -> [String] {
        let error = #expect(throws: JSONFileError.self) { try layout(servos, joints: joints) }
        return error?.problems.map(\.description) ?? []
    }

    private let gripper =
        #""gripper": {"id": 9, "lower_pulse": 1000, "upper_pulse": 2000, "linkage": "linear", "#
        + #""closed_pulse": 1100, "open_pulse": 1900}"#

    @Test func everythingIsRead() throws {
        let found = try layout(
            #"""
            {"protocol": "feetech", "joints": [
              {"id": 1, "lower_pulse": 10, "upper_pulse": 4000, "homing_offset_pulse": -100, "direction": -1,
               "zero_pulse": 2000},
              {"id": 4, "shadow_ids": [5, 6], "lower_pulse": 0, "upper_pulse": 4095, "reversed": true}], \#(gripper)}
            """#)
        #expect(found.servoProtocol == .feetech)
        #expect(
            found.joints == [
                .init(id: 1, zeroPulse: 2000, direction: -1, limits: 10...4000, homingOffset: -100),
                .init(id: 4, shadows: [5, 6], limits: 0...4095, isReversed: true),
            ])
        #expect(
            found.gripper == .init(id: 9, linkage: .linear(closedPulse: 1100, openPulse: 1900), limits: 1000...2000))
        #expect(found.ids == [1, 4, 5, 6, 9])
        #expect(found.leaders == [1, 4, 9])
    }

    @Test(arguments: ["widowx-250s", "wx200", "so101"])
    func theFilesThatComeWithTheProjectAreRight(name: String) throws {
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/\(name).json"))
        let layout = try ServoLayout(calibration: text, file: name, joints: name == "widowx-250s" ? 6 : 5)
        #expect(layout.ids == (1...UInt8(layout.ids.count)).map { $0 })
        #expect(layout.gripper.opening(Double(layout.gripper.pulse(0.5))) - 0.5 < 0.01)
        #expect(layout.parts.allSatisfy { $0.id == layout.gripper.id || $0.homingOffset == 0 })
    }

    @Test func whatIsWrongIsNamedAllAtOnce() throws {
        let found = try problems(
            #"""
            {"protocol": "canopen", "speed": 3, "joints": [
              {"id": 300, "lower_pulse": 100, "upper_pulse": 50, "direction": 0, "homing_offset_pulse": 5000},
              {"shadow_ids": [9], "lower_pulse": 0, "upper_pulse": 4095, "reversed": 1}], \#(gripper)}
            """#)
        for words in [
            #"servos.protocol (line 1): found "canopen", expected one of "dynamixel", "feetech""#,
            "servos.speed (line 1): this key is not known", "servos.joints[0].id (line 2): found 300",
            "servos.joints[0].upper_pulse (line 2): found 50, expected more than",
            "servos.joints[0].direction (line 2): found 0",
            "servos.joints[0].homing_offset_pulse (line 2): found 5000",
            "servos.joints[1].id (line 3): it is missing",
            "servos.joints[1].reversed (line 3): found 1, expected true or false", "id 9 is there more than once",
        ] { #expect(found.contains { $0.contains(words) }, "\(words) in \(found)") }
    }

    @Test func missingPartsAreNamed() throws {
        #expect(
            try problems(#"{"protocol": "feetech", "joints": []}"#).contains {
                $0.contains("found 0 entries, expected one for each of 2")
            })
        #expect(
            try problems(#"{"protocol": "feetech", "joints": []}"#).contains("servos.gripper (line 1): it is missing"))
        let none = #expect(throws: JSONFileError.self) {
            try ServoLayout(calibration: Array("{}".utf8), file: "arm.json", joints: 1)
        }
        #expect(none?.description.contains("servos (line 1): it is missing") == true)
        #expect(throws: JSONFileError.self) {
            try ServoLayout(calibration: Array("{".utf8), file: "arm.json", joints: 1)
        }
    }

    /// Anything at all in place of the file ends in an error or a layout, never in a crash.
    @Test func damagedFilesAreRefusedInWords() throws {
        let seed: UInt64 = 20_261_123
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let text = Array(
            try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json")))
        for _ in 0..<2_000 {
            var damaged = text
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = damaged.indices.randomElement(using: &generator) ?? 0
                if Bool.random(using: &generator) {
                    damaged[place] = UInt8.random(in: 32...126, using: &generator)
                } else {
                    damaged.remove(at: place)
                }
            }
            do {
                let layout = try ServoLayout(calibration: damaged, file: "arm.json", joints: 6)
                #expect(layout.joints.count == 6)
            } catch {
                #expect(!error.problems.isEmpty)
            }
        }
    }
}

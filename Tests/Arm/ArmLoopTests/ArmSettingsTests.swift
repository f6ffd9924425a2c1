import ArmDrivers
import ArmLoop
import Kinematics
import Manifests
import Maths
import RealTime
import TestSupport
import Testing

/// A manifest's arm: which servos its driver speaks to, where it stands, which rights it asks for.
@Suite struct ArmSettingsTests {
    private func path(_ arm: String) -> String {
        Fixture.packageRoot.appendingPathComponent("calibration/\(arm).json").path
    }

    private func section(_ keys: String) throws -> Manifest.Arm {
        let text = Array("{\"arm\": {\(keys)}}".utf8)
        return try ArmManifest(parsing: text, path: "robot.json", folder: "/", workingFolder: "/", files: nil).arm
    }

    private func section(driver: String, calibration: String) throws -> Manifest.Arm {
        try section(#""driver": "\#(driver)", "port": "/dev/ttyUSB0", "calibration": "\#(path(calibration))""#)
    }

    @Test(arguments: [("dynamixel", "so101", "feetech"), ("feetech", "widowx-250s", "dynamixel")])
    func servosOfAnotherFamilyThanTheDriverAreRefusedAndBothAreNamed(
        driver: String, calibration: String, found: String
    ) throws {
        let section = try section(driver: driver, calibration: calibration)
        let refusal = ArmSettingsError.otherServos(driver: driver, calibration: path(calibration), found: found)
        #expect(throws: refusal) { try section.readCalibration() }
        let words = "\(refusal)"
        #expect(words.contains("they are \(found) servos, arm.driver is \(driver)"), "\(words)")
        #expect(words.contains("Set arm.driver to \(found)") && words.contains(path(calibration)), "\(words)")
    }

    @Test(arguments: [("dynamixel", "widowx-250s", 6), ("feetech", "so101", 5)])
    func servosOfTheDriversFamilyNarrowTheCalibration(driver: String, calibration: String, joints: Int) throws {
        let section = try section(driver: driver, calibration: calibration)
        let read = try section.readCalibration()
        let whole = try ArmCalibration(contentsOfFile: path(calibration))
        let family = try #require(ServoLayout.ServoProtocolName(rawValue: driver))
        let servos = try section.readServos(family, of: whole)
        #expect(servos.servoProtocol == family && servos.joints.count == joints)
        #expect(read == whole.narrowed(to: servos))
    }

    @Test func aSimulatedArmHasNoServosToAgreeWith() throws {
        for arm in ["so101", "widowx-250s"] {
            let section = try section(#""driver": "simulated", "calibration": "\#(path(arm))""#)
            #expect(try section.readCalibration() == ArmCalibration(contentsOfFile: path(arm)))
        }
    }

    @Test func aSimulatedArmStandsWhereTheManifestSaysOrInTheNeutralPose() throws {
        let arm = try widowX()
        func start(_ keys: String) throws -> JointVector {
            let section = try section(
                #""driver": "simulated", "calibration": "\#(path("widowx-250s"))", "simulated": {\#(keys)}"#)
            guard case .simulated(let simulated) = section.driver else { throw NoSimulation() }
            return try simulated.startPositions(of: arm)
        }
        #expect(try start("") == arm.neutral)
        #expect(try start(#""initial_rad": [0, 0.1, 0.2, 0.3, 0.4, 0.5]"#) == [0, 0.1, 0.2, 0.3, 0.4, 0.5])
        let error = #expect(throws: ArmSettingsError.self) { try start(#""initial_rad": [0, 0.1]"#) }
        #expect(error?.description.contains("initial_rad has 2 numbers") == true)
    }

    private struct NoSimulation: Error {}

    @Test func theRightsAreThoseOfTheManifestAndPriorityZeroAsksForNone() throws {
        let calibration = #""driver": "simulated", "calibration": "\#(path("so101"))""#
        let asked = try section(
            #"\#(calibration), "realtime": {"priority": 60, "lock_memory": false, "cpu": 1, "required": true}"#)
        #expect(RealTimeRights(asked.realTime) == RealTimeRights(fifoPriority: 60, locksMemory: false, cpu: 1))
        #expect(asked.realTime.isRequired)
        let none = try section(#"\#(calibration), "realtime": {"priority": 0}"#)
        #expect(RealTimeRights(none.realTime).fifoPriority == nil)
    }
}

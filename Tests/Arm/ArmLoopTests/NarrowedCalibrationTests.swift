import ArmDrivers
import ArmLoop
import Foundation
import Kinematics
import TestSupport
import Testing

/// The limits of a calibration file, and those of its servos.
@Suite struct NarrowedCalibrationTests {
    private func arm(_ name: String) throws -> (ArmCalibration, ServoLayout) {
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/\(name).json"))
        let calibration = try ArmCalibration(parsing: text, file: name)
        return (calibration, try ServoLayout(calibration: text, file: name, joints: calibration.joints.count))
    }

    @Test(arguments: ["widowx-250s", "wx200", "so101"])
    func everyAllowedAngleIsOneTheServoCanTake(name: String) throws {
        let (calibration, layout) = try arm(name)
        let narrowed = calibration.narrowed(to: layout)
        for (joint, servo) in zip(narrowed.joints, layout.joints) {
            for angle in [joint.lower, joint.upper] {
                let back = servo.radians(Double(servo.pulse(angle)))
                #expect(
                    abs(back - angle) <= 0.5 * 2 * .pi / 4096 + 1e-9, "\(name) \(joint.name): \(angle) becomes \(back)")
            }
        }
        // The files themselves agree with their servos to a tenth of a degree.
        for (joint, wide) in zip(narrowed.joints, calibration.joints) {
            #expect(joint.lower - wide.lower < 0.002 && wide.upper - joint.upper < 0.002, "\(name) \(joint.name)")
        }
    }

    @Test func aSweepThatEndedEarlierNarrowsLimitsAndPoses() throws {
        var (calibration, layout) = try arm("widowx-250s")
        layout.joints[1].limits = 1_000...2_048
        calibration.rest[1] = -1.8
        let narrowed = calibration.narrowed(to: layout)
        #expect(abs(narrowed.joints[1].lower - (1_000 - 2_048) * 2 * .pi / 4096) < 1e-12)
        #expect(narrowed.joints[1].upper == 0)
        #expect(narrowed.rest[1] == narrowed.joints[1].lower)
        // A whole turn ends one pulse before it begins again.
        #expect(narrowed.joints[0].lower == calibration.joints[0].lower)
        #expect(abs(narrowed.joints[0].upper - .pi + 2 * .pi / 4096) < 1e-12)
    }

    @Test func aServoThatTurnsTheOtherWaySwapsTheEnds() {
        let joint = ServoLayout.Joint(id: 1, direction: -1, limits: 1_024...2_560)
        #expect(abs(joint.range.lowerBound + 512 * 2 * .pi / 4096) < 1e-12)
        #expect(abs(joint.range.upperBound - .pi / 2) < 1e-12)
    }
}

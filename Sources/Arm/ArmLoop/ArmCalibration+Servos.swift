import ArmDrivers
import Kinematics
import Maths

extension ArmCalibration {
    /// This arm with no joint allowed further than its servo goes: else setpoints and servos would differ at the ends.
    /// Rest and neutral pose move inside with the limits.
    package func narrowed(to layout: ServoLayout) -> Self {
        var narrowed = self
        for (index, servo) in layout.joints.enumerated() where index < joints.count {
            narrowed.joints[index].lower = max(joints[index].lower, servo.range.lowerBound)
            narrowed.joints[index].upper = min(joints[index].upper, servo.range.upperBound)
        }
        narrowed.rest = narrowed.inside(rest)
        narrowed.neutral = narrowed.inside(neutral)
        return narrowed
    }

    private func inside(_ pose: JointVector) -> JointVector {
        var pose = pose
        for (index, joint) in joints.enumerated() {
            pose[index] = min(max(pose[index], joint.lower), max(joint.lower, joint.upper))
        }
        return pose
    }
}

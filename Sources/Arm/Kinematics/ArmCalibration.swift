import Maths

/// What the control loop knows about one arm: geometry, limits, poses. Read from a file in `calibration/`.
package struct ArmCalibration: Equatable, Sendable {
    /// One joint, from base to wrist.
    package struct Joint: Equatable, Sendable {
        package var name: String
        /// Pose of the joint in the frame of the joint before, at angle 0; metres.
        package var parentFromJoint: Pose
        /// Axis of the joint in its own frame, length 1.
        package var axis: Vector3
        /// Lowest angle, radians.
        package var lower: Double
        /// Highest angle, radians.
        package var upper: Double
        /// Highest speed, radians per second.
        package var velocity: Double
        /// Highest acceleration, radians per second squared.
        package var acceleration: Double
    }
    package struct Gripper: Equatable, Sendable {
        /// Distance of a finger from the centre line at opening 0, metres.
        package var closed: Double
        /// Distance of a finger from the centre line at opening 1, metres.
        package var open: Double
        /// Highest change of the opening, full strokes per second.
        package var speed: Double
    }
    /// An axis-aligned box in base coordinates, for the tool point.
    package struct Workspace: Equatable, Sendable, BitwiseCopyable {
        /// Corner with the smallest coordinates, metres.
        package var lower: Vector3
        /// Corner with the largest coordinates, metres.
        package var upper: Vector3

        /// How far `point` is outside along each axis, metres; 0 inside.
        package func outside(_ point: Vector3) -> Vector3 {
            let below = lower - point
            let above = point - upper
            return Vector3(max(below.x, above.x, 0), max(below.y, above.y, 0), max(below.z, above.z, 0))
        }
    }
    /// The most that one `eef_delta` action may ask for, per axis.
    package struct StepLimits: Equatable, Sendable {
        /// Translation, metres.
        package var translation: Double
        /// Rotation, radians.
        package var rotation: Double
    }

    package var name: String
    package var joints: [Joint]
    /// The end effector in the frame of the last joint, metres.
    package var lastJointFromEEF: Pose
    package var gripper: Gripper
    /// Pose in which the arm is folded and safe to switch off, radians.
    package var rest: JointVector
    /// Pose in which a run begins, radians.
    package var neutral: JointVector
    /// The box in which the commanded tool point stays.
    package var workspace: Workspace
    package var stepLimits: StepLimits

    /// The chain for forward and inverse kinematics.
    package var chain: KinematicChain {
        KinematicChain(
            joints: joints.map { KinematicChain.Joint(parentFromJoint: $0.parentFromJoint, axis: $0.axis) },
            lastJointFromEEF: lastJointFromEEF)
    }
    /// Lowest angles, radians.
    package var lower: JointVector { JointVector(joints.map(\.lower)) }
    /// Highest angles, radians.
    package var upper: JointVector { JointVector(joints.map(\.upper)) }
    /// Highest speeds, radians per second.
    package var velocity: JointVector { JointVector(joints.map(\.velocity)) }
    /// Highest accelerations, radians per second squared.
    package var acceleration: JointVector { JointVector(joints.map(\.acceleration)) }
}

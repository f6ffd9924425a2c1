import Maths

/// A serial arm as a chain of revolute joints, stored in place so that a control loop copies it without allocating.
package struct KinematicChain: Sendable, BitwiseCopyable {
    /// One revolute joint.
    package struct Joint: Sendable, BitwiseCopyable {
        /// Pose of the joint in the frame of the joint before it (the base for the first), at angle 0; metres.
        package var parentFromJoint: Pose
        /// The axis it turns about, in its own frame, length 1.
        package var axis: Vector3

        package init(parentFromJoint: Pose, axis: Vector3) {
            self.parentFromJoint = parentFromJoint
            self.axis = axis
        }
    }

    /// How many joints there are, 1...8.
    package let count: Int
    /// The end effector in the frame of the last joint, metres.
    package let lastJointFromEEF: Pose
    private let joints: InlineArray<8, Joint>

    /// Makes a chain of joints with the end effector behind the last one.
    /// - Parameter joints: the joints from base to wrist, 1...8 of them.
    package init(joints: [Joint], lastJointFromEEF: Pose) {
        precondition((1...JointVector.capacity).contains(joints.count), "a chain has 1 to 8 joints")
        count = joints.count
        self.lastJointFromEEF = lastJointFromEEF
        let unused = Joint(parentFromJoint: .identity, axis: [0, 0, 1])
        self.joints = InlineArray { joints.indices.contains($0) ? joints[$0] : unused }
    }

    /// Forward kinematics.
    ///
    /// Source: the chain product of the URDF joint model; equal to the product of exponentials (Lynch & Park, Modern
    /// Robotics, section 4.1). Real-time safe.
    /// - Parameter positions: joint angles, radians, one for each joint.
    /// - Returns: pose of the end effector in the base frame, metres.
    package func baseFromEEF(_ positions: JointVector) -> Pose {
        precondition(positions.count == count, "as many angles as the chain has joints")
        var pose = Pose.identity
        for joint in 0..<count { pose = pose * step(joint, positions[joint]) }
        return pose * lastJointFromEEF
    }

    /// Places of every part of the arm: the base, each joint, the end effector; metres, base frame. Allocates.
    /// - Parameter positions: joint angles, radians, one for each joint.
    package func points(_ positions: JointVector) -> [Vector3] {
        precondition(positions.count == count, "as many angles as the chain has joints")
        var pose = Pose.identity
        var points = [pose.translation]
        for joint in 0..<count {
            pose = pose * step(joint, positions[joint])
            points.append(pose.translation)
        }
        return points + [(pose * lastJointFromEEF).translation]
    }

    /// The geometric Jacobian in base axes, taken at the end effector: column `j` is the velocity of the tool point
    /// (m/s) and the angular velocity (rad/s) while joint `j` turns at 1 rad/s.
    ///
    /// Source: Lynch & Park, Modern Robotics, section 5.1, moved to the tool point. Real-time safe.
    /// - Parameter positions: joint angles, radians, one for each joint.
    package func jacobian(_ positions: JointVector) -> Jacobian {
        precondition(positions.count == count, "as many angles as the chain has joints")
        var pose = Pose.identity
        var result = Jacobian(count: count)
        for joint in 0..<count {
            pose = pose * step(joint, positions[joint])
            // The joint's own turn leaves its axis where it was, so the pose after the turn serves as well.
            result.columns[joint] = Jacobian.Column(
                linear: pose.translation, angular: pose.rotation * joints[joint].axis)
        }
        pose = pose * lastJointFromEEF
        for joint in 0..<count {
            let axis = result.columns[joint].angular
            result.columns[joint].linear = axis.cross(pose.translation - result.columns[joint].linear)
        }
        result.baseFromEEF = pose
        return result
    }

    private func step(_ joint: Int, _ angle: Double) -> Pose {
        joints[joint].parentFromJoint
            * Pose(rotation: Rotation(radians: angle, about: joints[joint].axis), translation: .zero)
    }
}

/// What each joint does to the end effector; see `KinematicChain.jacobian`.
package struct Jacobian: Sendable, BitwiseCopyable {
    /// The effect of one joint.
    package struct Column: Sendable, BitwiseCopyable {
        /// Motion of the tool point, metres per radian, base axes.
        package var linear: Vector3
        /// Turn of the end effector, radians per radian, base axes.
        package var angular: Vector3
    }

    /// How many columns are in use.
    package let count: Int
    /// The pose the columns belong to.
    package internal(set) var baseFromEEF = Pose.identity
    var columns = InlineArray<8, Column>(repeating: Column(linear: .zero, angular: .zero))

    init(count: Int) { self.count = count }

    package subscript(joint: Int) -> Column { columns[joint] }
}

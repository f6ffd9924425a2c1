import Maths
import Messages
import Time

/// What an operator's session has to know about the arm it moves.
package struct TeleopArm: Equatable, Sendable {
    /// The poses of the calibration that an operator can name.
    package enum Pose: String, CaseIterable, Sendable {
        /// The pose in which a run begins.
        case neutral
        /// The folded pose, safe to switch off in.
        case rest
    }
    /// Names of the joints, from base to wrist.
    package let joints: [String]
    /// Highest speeds, radians per second.
    package let velocity: JointVector
    /// Lowest angles, radians.
    package let lower: JointVector
    /// Highest angles, radians.
    package let upper: JointVector
    /// Joint angles of the neutral pose, radians.
    package let neutral: JointVector
    /// Joint angles of the rest pose, radians.
    package let rest: JointVector
    /// The arm is believed to be gone when its state is older than this.
    package let stateTimeout: Duration

    package init(
        joints: [String], velocity: JointVector, lower: JointVector, upper: JointVector, neutral: JointVector,
        rest: JointVector, stateTimeout: Duration = .seconds(1)
    ) {
        precondition(
            [velocity, lower, upper, neutral, rest].allSatisfy { $0.count == joints.count }, "one number for each joint"
        )
        self.joints = joints
        self.velocity = velocity
        self.lower = lower
        self.upper = upper
        self.neutral = neutral
        self.rest = rest
        self.stateTimeout = stateTimeout
    }

    package subscript(pose: Pose) -> JointVector {
        switch pose {
        case .neutral: neutral
        case .rest: rest
        }
    }

    /// All joints at speed 0.
    var still: JointVector { JointVector(repeating: 0, count: joints.count) }

    /// Name of a joint as `ArmState.blamedJoint` counts: the gripper comes after the last joint.
    package func name(of joint: Int?) -> String? {
        guard let joint, joint >= 0, joint <= joints.count else { return nil }
        return joint < joints.count ? joints[joint] : "gripper"
    }
}

/// Why nobody can move the arm at present.
package enum Hindrance: Equatable, Sendable {
    /// The arm holds, and an operator cannot move it.
    /// - Parameter joint: index of the joint that it is about.
    case hold(HoldReason, joint: Int?)
    case recovering(joint: Int?)
    /// No state of the arm came for too long.
    case silence
    /// The arm is of another number of joints than its calibration says.
    case otherArm

    /// Finds why the arm in this state cannot be moved.
    /// - Returns: nil when an operator may move the arm; a policy that moves it gives way.
    package init?(_ state: ArmState) {
        switch state.mode {
        case .holding(let reason):
            switch reason {
            case .emergencyStop, .stalled, .overloaded, .overheated, .notFollowing, .driverFault, .stopping:
                self = .hold(reason, joint: state.blamedJoint)
            case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .released, .beyondLimits, .awaitingResume:
                return nil
            }
        case .recovering: self = .recovering(joint: state.blamedJoint)
        case .executing, .manual: return nil
        }
    }

    /// Words for what is the matter, with the joint's name.
    package func description(of arm: TeleopArm) -> String {
        func naming(_ joint: Int?) -> String { arm.name(of: joint).map { " (joint \($0))" } ?? "" }
        return switch self {
        case .hold(.emergencyStop, _): "emergency stop"
        case .hold(let reason, let joint): "\(reason)\(naming(joint))"
        case .recovering(let joint): "moving back slowly from beyond a limit\(naming(joint))"
        case .silence: "the arm's state does not come"
        case .otherArm: "the arm's state has another number of joints than the calibration's \(arm.joints.count)"
        }
    }
}

extension HoldReason {
    /// Whether something broke or was in the way: a person says when the arm may go on (`resetEmergencyStop`,
    /// `clearFault`).
    package var isFault: Bool {
        switch self {
        case .driverFault, .stalled, .overloaded, .overheated, .notFollowing: true
        case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .stopping, .emergencyStop, .beyondLimits, .released,
            .awaitingResume:
            false
        }
    }
}

extension ArmState {
    /// The reason for which it holds; nil while it moves.
    package var holdReason: HoldReason? { if case .holding(let reason) = mode { reason } else { nil } }

    /// Whether the setpoint does not move.
    var standsStill: Bool { setpoint.velocities.magnitude == 0 }
}

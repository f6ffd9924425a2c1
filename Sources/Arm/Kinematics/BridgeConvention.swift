import Maths

/// How the Bridge data set writes poses and actions, and so how the checkpoints trained on it speak.
///
/// Base frame: x forward, y left, z up. Orientations are given relative to the gripper pointing straight down, as roll,
/// pitch and yaw about fixed base axes. Source: the robot service of the data set (bridge_data_robot, commit a902e5b).
package enum BridgeConvention {
    /// D: maps the end effector's axes (x along the fingers) to the base while the gripper points straight down,
    /// [[0, 0, 1], [0, 1, 0], [-1, 0, 0]].
    package static var baseFromDownwardEEF: Rotation {
        Rotation(w: 0.5.squareRoot(), x: 0, y: 0.5.squareRoot(), z: 0)
    }

    /// Roll, pitch and yaw of `R Dᵀ`, radians: all zero when the gripper points straight down.
    package static func rollPitchYaw(of baseFromEEF: Rotation) -> Vector3 {
        (baseFromEEF * baseFromDownwardEEF.inverse).rollPitchYaw
    }

    /// The orientation whose `rollPitchYaw(of:)` is the given one, radians.
    package static func baseFromEEF(rollPitchYaw angles: Vector3) -> Rotation {
        Rotation(roll: angles.x, pitch: angles.y, yaw: angles.z) * baseFromDownwardEEF
    }

    /// The pose after one end-effector increment: turned by `rollPitchYaw` about fixed base axes around
    /// `rotationCentre`, then shifted: p' = m + R_d (p - m) + d, R' = R_d R.
    ///
    /// The robot service turns about the *measured* tool point m, so the lag of its arm leaks into the target as a
    /// sideways shift. `ArmController` passes the *commanded* tool point, for which p' = p + d.
    /// - Parameters:
    ///   - translation: shift of the tool point, metres, base axes.
    ///   - rollPitchYaw: turn about fixed base axes, radians.
    ///   - rotationCentre: point about which the pose is turned, metres, base frame.
    package static func accumulated(
        translation: Vector3, rollPitchYaw: Vector3, on commanded: Pose, rotationCentre: Vector3
    ) -> Pose {
        let turn = Rotation(roll: rollPitchYaw.x, pitch: rollPitchYaw.y, yaw: rollPitchYaw.z)
        return Pose(
            rotation: (turn * commanded.rotation).normalized,
            translation: rotationCentre + turn * (commanded.translation - rotationCentre) + translation)
    }
}

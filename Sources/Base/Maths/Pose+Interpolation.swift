extension Rotation {
    /// The rotation a share of the shorter way towards another one, at constant angular speed (slerp).
    /// - Parameter share: share of the way, 0...1.
    package func interpolated(to other: Rotation, share: Double) -> Rotation {
        (self * Rotation(vector: (inverse * other).vector * share)).normalized
    }
}

extension Pose {
    /// The pose a share of the way towards another one: places on the straight line, orientations by slerp.
    /// - Parameter share: share of the way, 0...1.
    package func interpolated(to other: Pose, share: Double) -> Pose {
        Pose(
            rotation: rotation.interpolated(to: other.rotation, share: share),
            translation: translation + (other.translation - translation) * share)
    }
}

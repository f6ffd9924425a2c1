import Messages

/// What a manifest asks of the policy that it cannot do.
package enum UnusablePolicy: Error, Equatable, CustomStringConvertible {
    /// The checkpoint's actions have `dimension` numbers, those of the action space on this arm `needed`.
    case wrongActionSpace(ActionSpace, needed: Int, dimension: Int)
    case noInstructions(precision: String)
    case onlyOptionalCameras([String])

    package var description: String {
        switch self {
        case .wrongActionSpace(let space, let needed, let dimension):
            "fitting the checkpoint to the arm: its actions have \(dimension) numbers, policy.action_space "
                + "'\(space.rawValue)' needs \(needed). Choose the data set or the action space that belongs to this "
                + "arm."
        case .noInstructions(let precision):
            "choosing the network's kernels: policy.precision is '\(precision)', and this CPU has no instructions for "
                + "it. Take 'float32', which would be faster here too."
        case .onlyOptionalCameras(let cameras):
            "fitting the checkpoint to the robot: of its cameras the manifest has \(cameras.joined(separator: ", ")), "
                + "all of them optional in policy.cameras, and the policy must see something. Set optional to false "
                + "for one of them."
        }
    }
}

import Manifests

extension GoalTaking.Preparation {
    /// Makes what `teleop.before_goal` of a manifest says.
    package init(_ section: Manifest.Teleop) {
        let pose: TeleopArm.Pose? =
            switch section.beforeGoal.retreat {
            case .none: nil
            case .neutral: .neutral
            case .rest: .rest
            }
        self.init(opensGripper: section.beforeGoal.opensGripper, pose: pose)
    }
}

import Manifests
import Messages
import OctoModel
import Time

/// A policy's conventions in words: what its numbers mean, and which of that the checkpoint says and which the
/// manifest. Most checkpoints that move an arm wrongly do so because of one of these.
package enum Conventions {
    /// What a checkpoint says by itself, a line for each: a name, and what it is.
    package static func lines(of checkpoint: Checkpoint) -> [(name: String, words: String)] {
        let description = checkpoint.description
        let signed = checkpoint.signedGripperDatasets
        let gripper =
            signed.isEmpty
            ? "0 closed ... 1 open, as the data sets have it"
            : "-1 closed ... 1 open in \(signed.joined(separator: ", ")); the arm is told 0 ... 1"
        let statistics = (checkpoint.normalization ?? .normal).words
        return [
            (
                "pictures",
                "any size, brought to those of the cameras by a Lanczos filter (policy.preprocess: cropped first or "
                    + "not)"
            ),
            (
                "action",
                description.actionDimension == 7
                    ? "7 numbers; policy.action_space says which: eef_delta is Bridge's dx dy dz (m), droll dpitch "
                        + "dyaw (rad), gripper"
                    : "\(description.actionDimension) numbers; policy.action_space says which"
            ),
            ("gripper", gripper),
            ("statistics", "\(statistics); policy.dataset chooses the data set where there are several"),
            (
                "rate",
                "no checkpoint says it: policy.rate_hz is the data's (Bridge 5 Hz), \(description.actionHorizon) "
                    + "actions a chunk"
            ),
        ]
    }

    /// The start line of a policy that runs as `section` says.
    package static func line(
        of policy: LoadedPolicy, _ section: Manifest.Policy, gripper: Manifest.Arm.Gripper
    ) -> String {
        let cameras = policy.configuration.cameras.map { "\($0.name) \($0.width)x\($0.height)" }.joined(separator: ", ")
        let crop = section.preprocessing == .resize ? "whole pictures" : "the middle square of pictures"
        let statistics = policy.statistics
        let dataset = section.dataset ?? policy.checkpoint.description.datasets.first
        return "conventions: \(crop) brought to \(cameras) by Lanczos, window \(policy.configuration.windowSize); "
            + "\(section.actionSpace.words), \(policy.checkpoint.description.actionHorizon) actions of "
            + "\(section.rate.period.inMilliseconds.decimals(0)) ms; "
            + "statistics\(dataset.map { " of \($0)" } ?? ""): \(statistics.normalization.words); gripper "
            + (statistics.hasSignedGripper ? "-1 ... 1 there, told to the arm as 0 ... 1" : "0 closed ... 1 open")
            + ", \(gripper.words)"
    }
}

extension ActionStatistics.Normalization {
    fileprivate var words: String {
        switch self {
        case .normal: "normal (a * std + mean)"
        case .bounds: "bounds (-1...1 are p01...p99)"
        }
    }
}

extension ActionSpace {
    fileprivate var words: String {
        switch self {
        case .eefDelta: "eef_delta: dx dy dz (m, base axes), droll dpitch dyaw (rad)"
        case .eefAbsolute: "eef_absolute: x y z (m, base axes), roll pitch yaw (rad, 0 straight down)"
        case .jointPosition: "joint_position: rad for each joint"
        case .jointDelta: "joint_delta: rad for each joint, added"
        }
    }
}

extension Manifest.Arm.Gripper {
    fileprivate var words: String {
        switch mode {
        case .absolute: "followed as it is"
        case .binary: "open above \(threshold)"
        case .sticky:
            "open above \(threshold), after \(stickySteps) \(stickySteps == 1 ? "step" : "steps") that ask for it"
        }
    }
}

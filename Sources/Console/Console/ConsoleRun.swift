import JSONTree
import Kinematics
import Manifests
import Teleop
import Time

/// The run that pages see, and what is known of its arm.
package struct ConsoleRun: Sendable {
    package let description: RunDescription
    /// The arm; nil where its calibration cannot be read: then nobody moves it from a page.
    package let arm: TeleopArm?
    /// Whether its launcher was alive when it was last looked for.
    package var isLive: Bool

    /// Describes a run to pages.
    /// - Parameter isLive: whether its launcher is alive.
    package init(_ description: RunDescription, isLive: Bool) {
        self.description = description
        self.isLive = isLive
        let section = description.manifest.arm
        do {
            arm = TeleopArm(
                try ArmCalibration(contentsOfFile: section.calibration), stateRate: section.stateRate.hertz)
        } catch {
            // The arm's own process says what is wrong with the file.
            arm = nil
        }
    }

    /// What the page is told of the run.
    var json: JSONNode {
        let manifest = description.manifest
        return .object([
            "name": JSONNode(manifest.name), "run_id": JSONNode(description.runID),
            "folder": JSONNode(description.folder), "started": JSONNode(description.started),
            "manifest_path": JSONNode(description.manifestPath), "state": isLive ? "live" : "ended",
            "cameras": JSONNode(.array(manifest.cameras.map { JSONNode($0.name) })),
            "nodes": JSONNode(.array(manifest.nodes.map { JSONNode($0) })),
            "records": JSONNode(.bool(manifest.record.isEnabled)),
            "require_goal": JSONNode(.bool(manifest.policy.requiresGoal)),
            "simulation": JSONNode(.bool(manifest.simulation != nil)),
            "before_goal": .object([
                "open_gripper": JSONNode(.bool(manifest.teleop.beforeGoal.opensGripper)),
                "pose": JSONNode(manifest.teleop.beforeGoal.retreat.rawValue),
            ]),
            "arm": armJSON,
        ])
    }

    private var armJSON: JSONNode {
        guard let arm else { return nil }
        let section = description.manifest.arm
        func numbers(_ count: Int, _ number: (Int) -> Double) -> JSONNode {
            JSONNode(.array((0..<count).map { JSONNode(number: number($0)) }))
        }
        return .object([
            "joints": JSONNode(.array(arm.joints.map { JSONNode($0) })),
            "lower_rad": numbers(arm.lower.count) { arm.lower[$0] },
            "upper_rad": numbers(arm.upper.count) { arm.upper[$0] },
            "velocity_rad_per_s": numbers(arm.velocity.count) { arm.velocity[$0] },
            "control_rate_hz": JSONNode(number: section.controlRate.hertz),
            "execution_horizon": JSONNode(section.executionHorizon),
            "policy_rate_hz": JSONNode(number: description.manifest.policy.rate.hertz),
        ])
    }
}

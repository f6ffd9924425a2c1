import Messages
import Time

extension PolicyNodeCore {
    /// The policy node's name on the bus and in its messages.
    package static let node = "policy"

    /// What the node says of itself: `ready` while chunks are being made or only the first frames are awaited,
    /// `degraded` when a person should look.
    /// - Parameter model: the checkpoint's name for people, as in `LoadedPolicy.name`.
    package func status(model: String, at now: MonotonicTime) -> NodeStatus {
        let (state, headline) = condition(model: model, at: now)
        return NodeStatus(
            node: Self.node, processID: 0, state: state, headline: headline,
            counters: [
                .init(name: "ticks", value: counters.ticks),
                .init(name: "observations", value: counters.observations),
                .init(name: "invalid_ticks", value: counters.invalidTicks),
                .init(name: "missed_ticks", value: counters.missedTicks),
                .init(name: "chunks", value: counters.chunks),
                .init(name: "overtaken", value: counters.overtaken),
                .init(name: "failed_inferences", value: counters.failedInferences),
                .init(name: "unreadable_frames", value: counters.unreadableFrames),
                .init(name: "mended_frames", value: counters.mendedFrames),
            ],
            latencies: [
                .init(name: "inference", of: inferenceTime),
                .init(name: "frame_to_chunk", of: frameToChunk),
                .init(name: "camera_skew", of: cameraSkew),
            ])
    }

    private func condition(model: String, at now: MonotonicTime) -> (NodeStatus.State, String) {
        if let lastFailure { return (.degraded, "inference fails: \(lastFailure)") }
        if let obstacle {
            switch obstacle {
            // Before the first frame and state there is nothing wrong yet: the policy is ready for them.
            case .noFrameYet, .noArmState(.noneYet): return (.ready, "\(obstacle)")
            case .staleFrame, .unreadableFrame, .noArmState, .noGoal, .unusableGoal, .unfitGoal:
                return (.degraded, "\(obstacle)")
            }
        }
        if isUnconditioned {
            return (.degraded, "unconditioned: no goal is set, the network sees a black image")
        }
        let missing = camerasWithoutGoal
        if !missing.isEmpty {
            return (.degraded, "no goal image for \(missing.joined(separator: ", ")): the network sees a black one")
        }
        if let warning = warning(at: now) { return (.degraded, warning) }
        let remark = ignoresText ? "; of the goal its pictures are used, not its sentence (goal.use)" : ""
        return (.ready, "running \(model)\(remark)")
    }
}

extension PolicyNodeCore.Obstacle: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noFrameYet(let camera): "waiting for the first frame of camera '\(camera)'"
        case .staleFrame(let camera, let age):
            "the newest frame of camera '\(camera)' is \(Int(age.inMilliseconds)) ms old: no chunk is made from it. "
                + "Is the camera connected?"
        case .unreadableFrame(let camera, let problem):
            "a frame of camera '\(camera)' cannot be read: it is \(problem). Check the cable; if it goes on, set "
                + "cameras.\(camera).format to \"yuyv\"."
        case .noArmState(let gap): gap.description
        case .noGoal:
            "unconditioned: no goal is set, and policy.require_goal holds the arm. Take one with 'octo-teleop goal "
                + "NAME', set it with 'octo-goal set NAME', or name one in the manifest's goal."
        case .unusableGoal(let problem), .unfitGoal(let problem): problem
        }
    }
}

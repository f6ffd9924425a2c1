import Maths
import Messages
import Time

extension JogSession {
    /// A few lines that say how the arm is, and what is going on: joints in degrees, tool point in metres.
    package func lines(at now: MonotonicTime) -> [String] {
        guard let state else { return ["waiting for the arm's state", "", activity(at: now)] }
        let joints = arm.joints.indices.map { index in
            let mark = mode == .joint && index == joint ? ">" : ""
            return "\(mark)\(index + 1) \(arm.joints[index]) \(state.measured.positions[index].inDegrees.decimals(1))°"
        }
        let tool = state.baseFromEEF.translation
        let turn = state.baseFromEEF.rotation.rollPitchYaw
        let place = "x \(tool.x.decimals(3)) y \(tool.y.decimals(3)) z \(tool.z.decimals(3)) m"
        let angles =
            "roll \(turn.x.inDegrees.decimals(0)) pitch \(turn.y.inDegrees.decimals(0)) yaw "
            + "\(turn.z.inDegrees.decimals(0))°"
        let second = [
            mode == .joint ? "JOINT mode" : usesToolAxes ? "TOOL mode, its own axes" : "TOOL mode",
            "\(place) \(angles)",
            "gripper \((state.measured.gripper * 100).decimals(0)) %", "speed \((speed * 100).decimals(0)) %",
        ]
        return [joints.joined(separator: "  "), second.joined(separator: " | "), activity(at: now)]
    }

    /// One line: what is held, what the arm does, how to get out of what hinders it.
    package func activity(at now: MonotonicTime) -> String {
        let words = [held, left, message, condition(at: now)].filter { !$0.isEmpty }
        return words.joined(separator: " | ")
    }

    /// Words for what the operator has the arm do; empty when nothing.
    package var held: String {
        switch motion {
        case nil: ""
        case .joint(let joint, let sign): "moving \(arm.joints[joint]) \(sign > 0 ? "+" : "-")"
        case .tool(let axis, let sign): "moving the tool \(axis.name) \(sign > 0 ? "+" : "-")"
        case .gripper(let opening): "gripper to \((opening * 100).decimals(0)) %"
        case .steer(.positions, _): "following the leader"
        case .steer(.joints, nil): "you hold the arm, and it stands still"
        case .steer: "moving as the device says"
        case .pose(let pose, _): "going to the \(pose.rawValue) pose"
        }
    }

    private var left: String {
        guard case .pose(_, let approach) = motion, let left = approach.left else { return "" }
        return "\(left.inDegrees.decimals(1))° left"
    }

    private func condition(at now: MonotonicTime) -> String {
        if let hindrance = hindrance(at: now) {
            // Said once is enough.
            return message.hasPrefix("not moved: ")
                ? "" : "\(hindrance.description(of: arm)): \(Self.remedy(for: hindrance))"
        }
        guard let state else { return "" }
        switch state.mode {
        case .executing:
            return "the policy moves the arm: your keys take it only while they are held, e stops it for good"
        case .holding(.beyondLimits):
            let name = arm.name(of: state.blamedJoint).map { "joint \($0)" } ?? "a joint"
            return "\(name) is beyond its limits: b moves it back slowly, or jog it back"
        case .holding(.awaitingResume): return motion == nil ? "\(HoldReason.awaitingResume): m" : ""
        case .holding: return motion == nil ? "holding" : ""
        case .manual: return motion == nil ? "braking" : ""
        case .recovering: return ""
        }
    }

    /// How to get out of it, by keys.
    static func remedy(for hindrance: Hindrance) -> String {
        switch hindrance {
        case .hold(.emergencyStop, _): "x resets it, and m then lets the policy go on"
        case .hold(.driverFault, _):
            "mend the cause (power, cable, the servo that the arm's status names), then x goes on"
        case .hold(.stopping, _): "the run is ending: quit with q"
        case .hold(.notFollowing, _): "check the joint's cable and power, then x clears the fault"
        case .hold: "free the joint or let it cool, then x clears the fault"
        case .recovering: "wait for it, or e stops it"
        case .silence: "is the arm's process alive? If the arm moves, switch its power off"
        case .otherArm: "give the calibration file of this arm"
        }
    }
}

import Geometry
import Messages
import Time

/// What happens between the wish for a goal and its picture: the arm gets out of the way as the manifest says, the goal node
/// takes the picture, the operator looks at it.
package struct GoalTaking: Sendable {
    /// What the arm does first.
    package struct Preparation: Equatable, Sendable {
        package var opensGripper: Bool
        /// Nil: it stays where it is.
        package var pose: TeleopArm.Pose?

        package init(opensGripper: Bool, pose: TeleopArm.Pose?) {
            self.opensGripper = opensGripper
            self.pose = pose
        }

        package static let none = Preparation(opensGripper: false, pose: nil)
    }
    package enum Phase: Equatable, Sendable {
        /// The operator arranges scene and arm.
        case driving
        case openingGripper(until: MonotonicTime)
        case goingToPose
        /// The goal node takes it; the arm has to stay.
        case taking(since: MonotonicTime)
        /// It lies there for the operator to look at.
        case taken(GoalResult)
        case accepted(GoalResult)
    }
    private static let gripperTime = Duration.seconds(3)
    /// Beyond the goal node's own patience.
    private static let answerTime = Duration.seconds(9)

    package let preparation: Preparation
    package private(set) var phase = Phase.driving
    /// The goal has been taken before: its place may be written again.
    package private(set) var retakes = false

    package init(_ preparation: Preparation) { self.preparation = preparation }

    /// The operator wants the goal taken, or taken again.
    package mutating func begin(_ session: inout TeleopSession, at now: MonotonicTime) {
        switch phase {
        case .driving, .taken: break
        case .openingGripper, .goingToPose, .taking, .accepted: return
        }
        if case .taken = phase { retakes = true }
        if preparation.opensGripper, (session.jog.state?.setpoint.gripper ?? 1) <= 0.5 {
            phase = .openingGripper(until: now + Self.gripperTime)
            session.openGripper(at: now)
        } else {
            goToPose(&session, at: now)
        }
    }

    package mutating func accept(_ session: inout TeleopSession) {
        guard case .taken(let result) = phase else { return session.tell("no goal has been taken yet: p takes it") }
        phase = .accepted(result)
    }

    /// - Returns: true when the goal node has to be asked now, once.
    package mutating func advance(_ session: inout TeleopSession, at now: MonotonicTime) -> Bool {
        switch phase {
        case .driving, .taken, .accepted: return false
        case .openingGripper(let until):
            guard !session.jog.isMoving || now >= until else { return false }
            goToPose(&session, at: now)
            return isTaking
        case .goingToPose:
            guard !session.jog.isMoving else { return false }
            guard session.isNear(preparation.pose) else {
                // Something was in the way, or the operator pressed a key.
                phase = .driving
                return false
            }
            phase = .taking(since: now)
            return true
        case .taking(let since):
            if now - since > Self.answerTime {
                phase = .driving
                session.tell("the goal node does not answer: see 'octo-bus list' whether it is alive")
            }
            return false
        }
    }

    package mutating func receive(_ result: GoalResult, _ session: inout TeleopSession) {
        guard isTaking else { return }
        phase = result.isAccepted ? .taken(result) : .driving
        session.tell(result.isAccepted ? "\(result.message). y accepts it, p takes it again" : "not taken: \(result.message)")
    }

    package var isTaking: Bool { if case .taking = phase { true } else { false } }

    private mutating func goToPose(_ session: inout TeleopSession, at now: MonotonicTime) {
        guard let pose = preparation.pose, !session.isNear(pose) else {
            phase = .taking(since: now)
            return
        }
        session.press(.sign(pose == .neutral ? "h" : "z"), at: now)
        phase = .goingToPose
    }
}

extension TeleopSession {
    /// Within 3° of a pose; nil is everywhere.
    func isNear(_ pose: TeleopArm.Pose?) -> Bool {
        guard let pose, let state = jog.state else { return pose == nil }
        return (jog.arm[pose] - state.measured.positions).magnitude < 3 * .pi / 180
    }
}

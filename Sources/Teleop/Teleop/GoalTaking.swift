import Maths
import Messages
import Time

/// What happens between the wish for a goal and its picture: the arm gets out of the way as the manifest says, the goal
/// node takes the picture, the operator looks at it.
package struct GoalTaking: Sendable {
    /// What the arm does first.
    package struct Preparation: Equatable, Sendable {
        package var opensGripper: Bool
        /// Pose that the arm goes to; nil: it stays where it is.
        package var pose: TeleopArm.Pose?

        package init(opensGripper: Bool, pose: TeleopArm.Pose?) {
            self.opensGripper = opensGripper
            self.pose = pose
        }

        package static let none = Preparation(opensGripper: false, pose: nil)
    }
    /// How far the taking has got.
    package enum Phase: Equatable, Sendable {
        /// The operator arranges scene and arm.
        case driving
        case openingGripper(until: MonotonicTime)
        case goingToPose
        /// The goal node takes it; the arm has to stay.
        case taking(since: MonotonicTime)
        /// The goal lies there for the operator to look at.
        case taken(GoalResult)
        case accepted(GoalResult)
    }
    private static let gripperTime = Duration.seconds(3)
    /// How long the goal node's answer is awaited: longer than its own patience.
    private static let answerTime = Duration.seconds(9)

    package let preparation: Preparation
    package private(set) var phase = Phase.driving
    /// The goal has been taken before: its place may be written again.
    package private(set) var retakes = false
    /// Why the last attempt came to nothing; empty when none did.
    package private(set) var failure = ""

    package init(_ preparation: Preparation) { self.preparation = preparation }

    /// The operator wants the goal taken, or taken again.
    package mutating func begin(_ session: inout TeleopSession, at now: MonotonicTime) {
        switch phase {
        case .driving, .taken: break
        case .openingGripper, .goingToPose, .taking, .accepted: return
        }
        failure = ""
        if case .taken = phase { retakes = true }
        // The hand that held the leader is wanted for the keys, and the arm has to stand still.
        session.stopFollowing(at: now)
        if preparation.opensGripper, (session.jog.state?.setpoint.gripper ?? 1) <= 0.5 {
            phase = .openingGripper(until: now + Self.gripperTime)
            session.openGripper(at: now)
        } else {
            goToPose(&session, at: now)
        }
    }

    /// Accepts the goal that was taken, which the operator has looked at.
    package mutating func accept(_ session: inout TeleopSession) {
        guard case .taken(let result) = phase else { return session.tell("no goal has been taken yet: p takes it") }
        phase = .accepted(result)
    }

    /// Goes on with taking a goal.
    /// - Returns: whether the goal node has to be asked now; true once.
    package mutating func advance(_ session: inout TeleopSession, at now: MonotonicTime) -> Bool {
        switch phase {
        case .driving, .taken, .accepted: return false
        case .openingGripper(let until):
            guard !session.jog.isUnderway || now >= until else { return false }
            goToPose(&session, at: now)
            return isTaking
        case .goingToPose:
            guard !session.jog.isUnderway else { return false }
            guard session.isNear(preparation.pose) else {
                // Something was in the way, or the operator pressed a key.
                fail(
                    "the arm did not get to the \(preparation.pose?.rawValue ?? "") pose: \(session.jog.message)",
                    &session)
                return false
            }
            take(&session, at: now)
            return true
        case .taking(let since):
            if now - since > Self.answerTime {
                fail("the goal node does not answer: see 'octo-bus list' whether it is alive", &session)
            }
            return false
        }
    }

    package mutating func receive(_ result: GoalResult, _ session: inout TeleopSession) {
        guard isTaking else { return }
        guard result.isAccepted else { return fail("not taken: \(result.message)", &session) }
        phase = .taken(result)
        session.tell("\(result.message). y accepts it, p takes it again")
    }

    /// Gives up: what moves brakes, and nothing is taken.
    package mutating func abandon(_ words: String, _ session: inout TeleopSession, at now: MonotonicTime) {
        session.loseDevice(words, at: now)
        fail(words, &session)
    }

    private mutating func fail(_ words: String, _ session: inout TeleopSession) {
        (phase, failure) = (.driving, words)
        session.tell(words)
    }

    /// One word for `phase`.
    package var phaseName: String {
        switch phase {
        case .driving: "driving"
        case .openingGripper, .goingToPose: "preparing"
        case .taking: "taking"
        case .taken: "taken"
        case .accepted: "accepted"
        }
    }

    package var isTaking: Bool { if case .taking = phase { true } else { false } }

    private mutating func take(_ session: inout TeleopSession, at now: MonotonicTime) {
        phase = .taking(since: now)
        session.tell("taking the goal as soon as nothing moves in the pictures")
    }

    private mutating func goToPose(_ session: inout TeleopSession, at now: MonotonicTime) {
        guard let pose = preparation.pose, !session.isNear(pose) else {
            return take(&session, at: now)
        }
        session.press(.sign(pose == .neutral ? "h" : "z"), at: now)
        phase = .goingToPose
    }
}

extension TeleopSession {
    /// Whether the arm is within 3° of a pose; nil is everywhere.
    func isNear(_ pose: TeleopArm.Pose?) -> Bool {
        guard let pose, let state = jog.state else { return pose == nil }
        return (jog.arm[pose] - state.measured.positions).magnitude < 3 * .pi / 180
    }
}

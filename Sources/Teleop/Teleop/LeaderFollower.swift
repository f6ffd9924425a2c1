import Maths
import Messages
import Time

/// An arm that a person moves by hand, and another that goes where it goes.
///
/// The follower starts only when both stand alike, or ramps there slowly where that is asked for: an arm that jumps to
/// the leader's pose hits whatever is between. Where the leader stands as the arm never can, or a whole turn away,
/// nobody is followed: its zero positions are not the arm's.
package struct LeaderFollower: Sendable {
    /// How following begins when the leader is elsewhere than the arm.
    package enum Start: Equatable, Sendable {
        /// Refuses while a joint is farther away than `nearby`.
        case refuse
        /// Goes there slowly first.
        case ramp
    }
    /// What the leader lets the arm do now.
    package enum Verdict: Equatable, Sendable {
        case follow(ManualCommand.Motion, gripper: Double)
        /// The reason in words: which joint is how far away.
        case refused(String)
        /// The leader says nothing any more.
        case silent
    }
    /// Distance of a joint that counts as near, radians: 15°, less than a hand's width at the end of an arm of 0.5 m.
    package static let nearby = 15.0 * .pi / 180
    /// Distance of the joints at which the ramp is over, radians.
    private static let reached = 3.0 * .pi / 180
    /// Shares of the joints' highest speeds.
    private static let rampSpeed = 0.1
    private static let followSpeed = 0.7
    private static let silence = Duration.milliseconds(200)

    private let arm: TeleopArm
    private let start: Start
    private var isFollowing = false
    /// Time at which the way to the leader's pose began.
    private var rampStart: MonotonicTime?
    private var positions: JointVector?
    private var gripper = 0.0
    private var time = MonotonicTime.zero

    package init(arm: TeleopArm, start: Start) {
        self.arm = arm
        self.start = start
    }

    /// The leader's joints, radians as the follower counts, and its handle, 0 closed ... 1 open.
    package mutating func receive(positions: JointVector, gripper: Double, at now: MonotonicTime) {
        guard positions.count == arm.joints.count, positions.isFinite, gripper.isFinite else { return }
        self.positions = positions
        self.gripper = min(max(gripper, 0), 1)
        time = now
    }

    /// The operator let go: the next start is checked anew.
    package mutating func release() {
        isFollowing = false
        rampStart = nil
    }

    /// Decides how the follower moves after the leader.
    /// - Parameter state: state of the follower.
    package mutating func verdict(_ state: ArmState, at now: MonotonicTime) -> Verdict {
        guard let positions, now - time <= Self.silence else {
            release()
            return .silent
        }
        let away = positions - state.setpoint.positions
        if !isFollowing {
            if let words = misplaced(positions, away) { return .refused(words) }
            let worst = (0..<away.count).max { abs(away[$0]) < abs(away[$1]) } ?? 0
            let distance = abs(away[worst])
            if distance > Self.nearby, start == .refuse {
                return .refused(
                    "joint \(arm.name(of: worst) ?? "\(worst + 1)") of the leader is "
                        + "\(distance.inDegrees.decimals(0))° from the arm's, expected at most "
                        + "\(Self.nearby.inDegrees.decimals(0))°: bring it there, or give --ramp"
                )
            }
            if distance > Self.reached, start == .ramp {
                // Faster and faster at first, as any approach: a setpoint that has to catch up exceeds the speed asked
                // for.
                let begun = rampStart ?? now
                rampStart = begun
                let share = PoseApproach.share(after: now - begun)
                return .follow(.positions(positions, speed: Self.rampSpeed * share), gripper: state.setpoint.gripper)
            }
            isFollowing = true
            rampStart = nil
        }
        return .follow(.positions(positions, speed: Self.followSpeed), gripper: gripper)
    }

    /// Tells which joint of the leader stands where the arm's cannot, or where it can only after a whole turn.
    /// - Returns: nil when none does.
    private func misplaced(_ positions: JointVector, _ away: JointVector) -> String? {
        for joint in 0..<positions.count {
            let name = arm.name(of: joint) ?? "\(joint + 1)"
            let (position, range) = (positions[joint], arm.lower[joint]...max(arm.lower[joint], arm.upper[joint]))
            let turns = (away[joint] / (2 * .pi)).rounded()
            if turns != 0, abs(away[joint] - turns * 2 * .pi) <= Self.nearby {
                return
                    "joint \(name) of the leader is a whole turn from the arm's: turn it back by a turn, or calibrate "
                    + "the leader"
            }
            guard position < range.lowerBound - Self.nearby || position > range.upperBound + Self.nearby else {
                continue
            }
            return
                "joint \(name) of the leader stands at \(position.inDegrees.decimals(0))°, expected within the arm's "
                + "limits "
                + "\(range.lowerBound.inDegrees.decimals(0))° ... \(range.upperBound.inDegrees.decimals(0))°: turn it "
                + "inside (back by a turn, where it was turned too far), or calibrate the leader"
        }
        return nil
    }
}

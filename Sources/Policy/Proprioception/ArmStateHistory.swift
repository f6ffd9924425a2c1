import Messages
import Time

/// The arm's last measured states, as far back as the next observation may ask; says where the arm was at a moment, or
/// why that is not known.
package struct ArmStateHistory: Sendable {
    /// What is known of the arm at a moment.
    package struct Sample: Equatable, Sendable {
        package var moment: ArmMoment
        /// Times of the two measured states that the moment lies between; the same for a moment that was itself
        /// measured.
        package var before: MonotonicTime
        package var after: MonotonicTime
    }

    /// Longest time between two states that say something about the time between them: within a tenth of a second an
    /// arm that speeds up by 2 rad/s² is 2.5 mrad beside the straight line. It is also how long an observation waits
    /// for the state after it.
    package static let longestGap = Duration.milliseconds(100)
    /// Most states that are kept: more than come between an observation and the turn of the node that makes it, at a
    /// thousand in a second.
    private static let most = 256

    private let fields: [ProprioField]
    private let joints: Int
    /// States, ascending, with every encoder read that the fields need.
    private var states: [ArmState] = []
    private var newestUnread: JointState?
    private var strange: Int?

    /// Makes an empty history.
    /// - Parameters:
    ///   - fields: fields that will be asked for: states in which their encoders were not read are passed over.
    ///   - joints: number of the arm's joints, without the gripper; states of other arms are passed over.
    package init(fields: [ProprioField], joints: Int) {
        self.fields = fields
        self.joints = joints
    }

    /// Takes a newer state; one that is not newer is passed over.
    /// - Parameter due: the earliest moment that will still be asked for; nil: a moment to come.
    package mutating func receive(_ state: ArmState, due: MonotonicTime?) {
        guard state.measured.positions.count == joints else {
            strange = state.measured.positions.count
            return
        }
        strange = nil
        guard fields.allSatisfy({ $0.isRead(in: state.measured) }) else {
            newestUnread = state.measured
            return
        }
        if let newest = states.last, newest.measured.time >= state.measured.time { return }
        states.append(state)
        if let due {
            if let usable = states.lastIndex(where: { $0.measured.time <= due }) { states.removeFirst(usable) }
        } else {
            states.removeFirst(states.count - 1)
        }
        // The two that the next moment lies between come first.
        if states.count > Self.most { states.remove(at: 2) }
    }

    /// Whether a state that is yet to come can still say where the arm was at `time`.
    package func awaitsState(for time: MonotonicTime) -> Bool { states.last.map { $0.measured.time < time } ?? true }

    /// The arm at `time`, between the two states around it.
    /// - Throws: why that is not known.
    package func sample(at time: MonotonicTime) throws(ArmStateGap) -> Sample {
        if let strange { throw .otherArm(joints: strange, expected: joints) }
        guard let newest = states.last else { throw newestUnread.map(unread) ?? .noneYet }
        guard let next = states.firstIndex(where: { $0.measured.time >= time }) else {
            // A state came, but without what is needed.
            if let newestUnread, newestUnread.time > newest.measured.time { throw unread(newestUnread) }
            throw .silent(age: time - newest.measured.time)
        }
        let after = states[next]
        if after.measured.time == time { return Sample(moment: ArmMoment(after), before: time, after: time) }
        guard next > 0 else { throw .noneYet }
        let before = states[next - 1]
        let gap = after.measured.time - before.measured.time
        guard gap <= Self.longestGap else {
            if let newestUnread, newestUnread.time > before.measured.time { throw unread(newestUnread) }
            throw .apart(gap)
        }
        return Sample(
            moment: ArmMoment(between: before, and: after, at: time), before: before.measured.time,
            after: after.measured.time)
    }

    private func unread(_ state: JointState) -> ArmStateGap { .unread(state.unread, joints: joints) }
}

/// Why it is not known where the arm was at a moment.
package enum ArmStateGap: Error, Equatable, Sendable {
    /// There is no state from before the moment.
    case noneYet
    /// The newest is so much older, and none followed.
    case silent(age: Duration)
    /// The states around the moment are too far apart.
    case apart(Duration)
    /// Encoders did not answer around the moment.
    case unread(JointSet, joints: Int)
    /// The states are those of an arm with another number of joints.
    case otherArm(joints: Int, expected: Int)
}

extension ArmStateGap: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noneYet: "waiting for the arm's first state"
        case .silent(let age):
            "the arm's newest state is \(Int(age.inMilliseconds)) ms older than the observation: no chunk is made "
                + "without the arm's state. Does the arm node run?"
        case .apart(let gap):
            "the arm's states around the observation are \(Int(gap.inMilliseconds)) ms apart, at most "
                + "\(Int(ArmStateHistory.longestGap.inMilliseconds)) ms are bridged: no chunk is made. Raise "
                + "arm.state_rate_hz, or take load off the machine."
        case .unread(let unread, let joints):
            "\(Self.names(unread, joints: joints)) of the arm did not answer at the observation's time: no chunk is "
                + "made from an older position. See the arm's status."
        case .otherArm(let found, let expected):
            "the arm's state has \(found) joints, the calibration that the policy was started with \(expected): no "
                + "chunk is made. Restart the run."
        }
    }

    private static func names(_ unread: JointSet, joints: Int) -> String {
        let numbers = (0..<joints).filter(unread.contains).map { "joint \($0 + 1)" }
        return (numbers + (unread.contains(joints) ? ["the gripper"] : [])).joined(separator: ", ")
    }
}

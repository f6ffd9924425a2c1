import Maths
import Messages
import Teleop
import Time

/// Moves an arm as it was moved in an episode, as an operator who holds the dead-man switch: first slowly to where the
/// motion begins, then along it, and lets go at the end or whenever the arm is not where it should be. Has no clock and
/// no bus.
package struct ArmReplaySession: Sendable {
    /// How fast the motion is replayed.
    package struct Options: Equatable, Sendable {
        /// Playback speed, as a factor of the recorded one.
        package var speed: Double
        /// Speed on the way to the motion's beginning, as a share of the joints' highest speeds.
        package var approachSpeed: Double
        /// Greatest angle between a joint's measured and its intended position, radians.
        package var deviation: Double

        package init(speed: Double = 1, approachSpeed: Double = 0.15, deviation: Double = 10 * .pi / 180) {
            precondition(
                speed > 0 && speed <= 1 && approachSpeed > 0 && approachSpeed <= 1, "speeds are above 0 and at most 1")
            self.speed = speed
            self.approachSpeed = approachSpeed
            self.deviation = deviation
        }
    }
    /// How the session ended.
    package enum Outcome: Equatable, Sendable {
        case finished
        case interrupted
        /// The arm cannot be moved, or does not come to the beginning.
        case gaveUp(PoseApproach.Reason)
        /// A joint was so far, radians, from where the motion had it; so long after the beginning of the motion.
        case deviated(joint: Int, off: Double, at: Duration)
    }
    /// The arm is to see the dead-man switch let go before it is held.
    private static let releaseTime = Duration.milliseconds(200)
    private static let brakeTime = Duration.seconds(2)
    /// How long the switch is said to be let go before a state of the arm counts.
    private static let settleTime = Duration.milliseconds(100)
    /// How far an arm may be behind without being off: its reference is filtered, its state is some ticks old.
    private static let lag = Duration.milliseconds(600)
    /// Time from the last point until the arm is let go: what is behind arrives.
    private static let restTime = Duration.milliseconds(500)

    private enum Phase: Sendable {
        case waiting
        case releasing(until: MonotonicTime)
        case approaching(PoseApproach)
        case playing(since: MonotonicTime)
        case ending(Outcome, since: MonotonicTime)
    }
    package let arm: TeleopArm
    package let motion: RecordedMotion
    package let options: Options
    private var phase = Phase.waiting
    private let start: MonotonicTime
    package private(set) var state: ArmState?
    private var stateTime: MonotonicTime

    package init(arm: TeleopArm, motion: RecordedMotion, options: Options = Options(), at now: MonotonicTime) {
        self.arm = arm
        self.motion = motion
        self.options = options
        start = now
        stateTime = now
    }

    package mutating func receive(_ state: ArmState, at now: MonotonicTime) {
        guard state.measured.positions.count == arm.joints.count, motion.start.positions.count == arm.joints.count
        else {
            return end(.gaveUp(.hindered(.otherArm)), at: now)
        }
        self.state = state
        stateTime = now
        switch phase {
        case .waiting:
            if let hindrance = Hindrance(state) {
                end(.gaveUp(.hindered(hindrance)), at: now)
            } else {
                phase = .releasing(until: now + Self.releaseTime)
            }
        case .approaching(var approach):
            approach.receive(state, at: now)
            phase = .approaching(approach)
        case .playing(let since): check(state, since: since, at: now)
        case .releasing, .ending: break
        }
    }

    private mutating func check(_ state: ArmState, since: MonotonicTime, at now: MonotonicTime) {
        if let hindrance = Hindrance(state) { return end(.gaveUp(.hindered(hindrance)), at: now) }
        guard state.mode == .manual else { return end(.gaveUp(.notObeyed), at: now) }
        let (earliest, latest) = (place(since, at: now - Self.lag), place(since, at: now))
        let off = motion.deviation(of: state.measured.positions, from: earliest...latest)
        let worst = (0..<off.count).max { off[$0] < off[$1] } ?? 0
        if off.count > 0, off[worst] > options.deviation {
            end(.deviated(joint: worst, off: off[worst], at: latest), at: now)
        }
    }

    /// The time in the motion that is reached at `now`; beyond its duration while the arm rests at the end.
    private func place(_ since: MonotonicTime, at now: MonotonicTime) -> Duration {
        .fromSeconds(max(0, (now - since).inSeconds) * options.speed)
    }

    /// Brakes and ends the session, as Ctrl-C asks.
    package mutating func interrupt(at now: MonotonicTime) { end(.interrupted, at: now) }

    /// The command to be sent at once, asked for at 50 Hz or more; nil before the arm's first state.
    package mutating func command(at now: MonotonicTime) -> ManualCommand? {
        switch phase {
        case .waiting:
            if now - start > arm.stateTimeout + .seconds(2) { end(.gaveUp(.hindered(.silence)), at: now) }
            return nil
        case .releasing(let until):
            if now >= until {
                phase = .approaching(
                    PoseApproach(
                        to: motion.start.positions, speed: options.approachSpeed, stateTimeout: arm.stateTimeout,
                        at: now))
            }
        case .approaching(let approach):
            switch approach.verdict(at: now) {
            case .underway: return ManualCommand(time: now, isDeadManHeld: true, motion: approach.motion(at: now))
            case .arrived:
                phase = .playing(since: now)
                return follow(.zero, at: now)
            case .gaveUp(let reason): end(.gaveUp(reason), at: now)
            }
        case .playing(let since):
            if now - stateTime > arm.stateTimeout {
                end(.gaveUp(.hindered(.silence)), at: now)
            } else if place(since, at: now - Self.restTime) >= motion.duration {
                end(.finished, at: now)
            } else {
                return follow(place(since, at: now), at: now)
            }
        case .ending: break
        }
        return ManualCommand(
            time: now, isDeadManHeld: false, motion: .joints(JointVector(repeating: 0, count: arm.joints.count)))
    }

    /// The arm's own limits are the only ones on the way: the motion kept them when it was recorded.
    private func follow(_ place: Duration, at now: MonotonicTime) -> ManualCommand {
        let point = motion.point(at: place)
        return ManualCommand(
            time: now, isDeadManHeld: true, motion: .positions(point.positions, speed: 1), gripper: point.gripper)
    }

    private mutating func end(_ outcome: Outcome, at now: MonotonicTime) {
        if case .ending = phase { return }
        phase = .ending(outcome, since: now)
    }

    /// How it ended, once the arm stands still or has had time to: nil before.
    package func outcome(at now: MonotonicTime) -> Outcome? {
        guard case .ending(let outcome, let since) = phase else { return nil }
        if now - since > Self.brakeTime { return outcome }
        guard let state, stateTime > since + Self.settleTime else { return nil }
        switch state.mode {
        case .executing: return outcome
        case .holding: return state.setpoint.velocities.magnitude == 0 ? outcome : nil
        case .manual, .recovering: return nil
        }
    }

    /// How far the motion has come, 0...1; nil before it began.
    package func progress(at now: MonotonicTime) -> Double? {
        guard case .playing(let since) = phase, motion.duration > .zero else { return nil }
        return min(1, place(since, at: now).inSeconds / motion.duration.inSeconds)
    }
}

extension ArmReplaySession {
    /// Distances of the arm from where the motion begins, joint by joint.
    package static func distances(from state: ArmState, to motion: RecordedMotion, of arm: TeleopArm) -> [String] {
        func degrees(_ radians: Double) -> String { (radians * 180 / .pi).decimals(1) }
        let rows = arm.joints.indices.map { joint -> [String] in
            let (now, then) = (state.measured.positions[joint], motion.start.positions[joint])
            return [arm.joints[joint], degrees(now), degrees(then), degrees(then - now)]
        }
        return table([["JOINT", "STANDS AT, °", "BEGINS AT, °", "WAY, °"]] + rows, rightmost: 3)
    }

    /// What the arm does at present, for people.
    package func words(at now: MonotonicTime) -> String {
        switch phase {
        case .waiting: "waiting for the arm's state"
        case .releasing: "taking the arm"
        case .approaching(let approach):
            "going to where the motion begins" + (approach.left.map { ": \(($0 * 180 / .pi).decimals(1))° left" } ?? "")
        case .playing(let since):
            // It rests at the last point for a moment, and is not beyond it.
            "moving: \(min(place(since, at: now), motion.duration).inSeconds.decimals(1)) of "
                + "\(motion.duration.inSeconds.decimals(1)) s"
        case .ending: "braking"
        }
    }

    /// Words for the end.
    package func summary(of outcome: Outcome) -> String {
        let doing = "replaying the motion: "
        switch outcome {
        case .finished: return "the arm has done the motion again, \(motion.duration.inSeconds.decimals(1)) s of it"
        case .interrupted: return doing + "interrupted, expected to reach its end. The arm holds where it was stopped."
        case .deviated(let joint, let off, let time):
            return doing + "\(time.inSeconds.decimals(1)) s after its beginning joint \(name(of: joint)) was "
                + "\((off * 180 / .pi).decimals(1))° from where it should be, expected at most "
                + "\((options.deviation * 180 / .pi).decimals(1))°. See what is in its way; if the arm only lags, "
                + "give a lower --speed or a higher --deviation."
        case .gaveUp(let reason):
            return doing + "found \(reason.description(of: arm)), expected the arm to follow. "
                + Self.remedy(for: reason)
        }
    }

    private func name(of joint: Int) -> String { joint < arm.joints.count ? arm.joints[joint] : "\(joint + 1)" }

    private static func remedy(for reason: PoseApproach.Reason) -> String {
        switch reason {
        case .hindered(.hold(.emergencyStop, _)): "Run 'octo-arm reset' when the arm may move."
        case .hindered(.hold(.driverFault, _)):
            "Mend the cause (power, cable, the servo that the arm's status names), then run 'octo-arm clear'."
        case .hindered(.hold(.stopping, _)): "The run is ending: start it again."
        case .hindered(.hold(.notFollowing, _)): "Check the joint's cable and power, then run 'octo-arm clear'."
        case .hindered(.hold): "Free the joint or let it cool, then run 'octo-arm clear'."
        case .hindered(.recovering): "Wait for it, then try again."
        case .hindered(.silence):
            "See 'octo-bus list' whether the arm's process is alive. If the arm moves, switch its power off."
        case .hindered(.otherArm): "The episode was recorded with another arm: choose one of this arm."
        case .notObeyed: "Let the other operator go and try again."
        case .noProgress: "See what is in its way, or whether the servo has power and torque."
        }
    }
}

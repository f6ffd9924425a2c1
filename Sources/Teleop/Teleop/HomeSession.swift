import Maths
import Messages
import Time

/// Brings an arm to a named pose, and says when it is there or why not.
package struct HomeSession: Sendable {
    /// How the session ended.
    package enum Outcome: Equatable, Sendable {
        case arrived
        case gaveUp(PoseApproach.Reason)
        case interrupted
    }
    /// The arm is to see the dead-man switch let go before it is held.
    private static let releaseTime = Duration.milliseconds(200)
    /// How long the arm has for braking at the end.
    private static let brakeTime = Duration.seconds(2)
    /// How long the switch is said to be let go before a state of the arm counts: an earlier one may be from before
    /// that was heard.
    private static let settleTime = Duration.milliseconds(100)

    private enum Phase: Sendable {
        case waiting
        case releasing(until: MonotonicTime)
        case approaching(PoseApproach)
        case ending(Outcome, since: MonotonicTime)
    }
    package let arm: TeleopArm
    package let pose: TeleopArm.Pose
    /// Share of the joints' highest speeds, 0...1.
    package let speed: Double
    private var phase = Phase.waiting
    private var start: MonotonicTime
    package private(set) var state: ArmState?
    private var stateTime: MonotonicTime

    package init(arm: TeleopArm, pose: TeleopArm.Pose, speed: Double, at now: MonotonicTime) {
        self.arm = arm
        self.pose = pose
        self.speed = speed
        start = now
        stateTime = now
    }

    package mutating func receive(_ state: ArmState, at now: MonotonicTime) {
        guard state.measured.positions.count == arm.joints.count else {
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
        case .releasing, .ending: break
        }
    }

    /// Brakes and ends the session, as Ctrl-C asks.
    package mutating func interrupt(at now: MonotonicTime) { end(.interrupted, at: now) }

    /// The command to send now; ask at 50 Hz or more, and send it at once.
    package mutating func command(at now: MonotonicTime) -> ManualCommand? {
        switch phase {
        case .waiting:
            if now - start > arm.stateTimeout + .seconds(2) { end(.gaveUp(.hindered(.silence)), at: now) }
            return nil
        case .releasing(let until):
            if now >= until {
                phase = .approaching(
                    PoseApproach(to: arm[pose], speed: speed, stateTimeout: arm.stateTimeout, at: now))
            }
        case .approaching(let approach):
            switch approach.verdict(at: now) {
            case .underway: return ManualCommand(time: now, isDeadManHeld: true, motion: approach.motion(at: now))
            case .arrived: end(.arrived, at: now)
            case .gaveUp(let reason): end(.gaveUp(reason), at: now)
            }
        case .ending: break
        }
        return ManualCommand(time: now, isDeadManHeld: false, motion: .joints(arm.still))
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
        case .holding: return state.standsStill ? outcome : nil
        case .manual, .recovering: return nil
        }
    }

    /// The largest angle that is missing, radians; nil before the first state.
    package var left: Double? { state.map { (arm[pose] - $0.measured.positions).magnitude } }

    /// One line for people.
    package var progress: String {
        switch phase {
        case .waiting: "waiting for the arm's state"
        case .releasing, .approaching:
            "going to the \(pose.rawValue) pose" + (left.map { ": \($0.inDegrees.decimals(1))° left" } ?? "")
        case .ending: "braking"
        }
    }

    /// Words for the end.
    package func summary(of outcome: Outcome) -> String {
        let doing = "going to the \(pose.rawValue) pose: "
        switch outcome {
        case .arrived:
            if case .executing = state?.mode {
                return "arrived at the \(pose.rawValue) pose; the policy has the arm again"
            }
            return "arrived at the \(pose.rawValue) pose" + (left.map { ", within \($0.inDegrees.decimals(1))°" } ?? "")
        case .interrupted:
            return doing + "interrupted, expected to arrive. The arm holds where it was stopped; run it again to go on."
        case .gaveUp(let reason):
            return doing + "found \(reason.description(of: arm)), expected to arrive. " + Self.remedy(for: reason)
        }
    }

    private static func remedy(for reason: PoseApproach.Reason) -> String {
        switch reason {
        case .hindered(.hold(.emergencyStop, _)): "Run 'octo-arm reset' (or x in 'octo-arm jog') when the arm may move."
        case .hindered(.hold(.driverFault, _)):
            "Mend the cause (power, cable, the servo that the arm's status names), then run 'octo-arm clear'."
        case .hindered(.hold(.stopping, _)): "The run is ending: start it again, or give --manifest."
        case .hindered(.hold(.notFollowing, _)): "Check the joint's cable and power, then run 'octo-arm clear'."
        case .hindered(.hold): "Free the joint or let it cool, then run 'octo-arm clear' (or c in 'octo-arm jog')."
        case .hindered(.recovering): "Wait for it, then try again."
        case .hindered(.silence):
            "See 'octo-bus list' whether the arm's process is alive. If the arm moves, switch its power off."
        case .hindered(.otherArm): "Set arm.calibration to this arm's file."
        case .notObeyed: "Let the other operator go, or stop the policy, and try again."
        case .noProgress: "See what is in its way, or whether the servo has power and torque."
        }
    }
}

import Maths
import Messages
import Time

/// Watches an arm on its way to joint positions that an operator named: underway, there, or not getting there.
package struct PoseApproach: Equatable, Sendable {
    /// How far the approach has got.
    package enum Verdict: Equatable, Sendable {
        case underway
        case arrived
        case gaveUp(Reason)
    }
    /// Why the arm does not get there.
    package enum Reason: Equatable, Sendable {
        case hindered(Hindrance)
        /// The arm does not take the operator's commands, and does not say why.
        case notObeyed
        /// The joint that is farthest off, and by how much, radians.
        case noProgress(joint: Int, off: Double)
    }
    /// How far off (radians, 3 degrees) a joint may be measured at the end: servos sag by that much under a load.
    package static let tolerance = 0.05
    /// How far off the setpoint may be at the end, radians.
    private static let setpointTolerance = 1e-3
    /// The way that is left (radians) has to shrink by this much in `progressTime`. A joint at the lowest speed of a
    /// slow arm makes ten times that.
    private static let progress = 0.002
    private static let progressTime = Duration.seconds(3)
    private static let rampTime = Duration.milliseconds(500)
    /// Longest time from the first command until the arm is in the operator's hands.
    private static let obeyTime = Duration.seconds(2)

    /// Joint positions that the arm goes to, radians.
    package let target: JointVector
    /// Share of the joints' highest speeds, 0...1.
    package let speed: Double
    private let start: MonotonicTime
    private let stateTimeout: Duration
    private var lastState: MonotonicTime
    private var state: ArmState?
    private var best = Double.infinity
    private var bestTime: MonotonicTime
    private var isObeyed = false

    package init(to target: JointVector, speed: Double, stateTimeout: Duration, at now: MonotonicTime) {
        precondition(speed > 0 && speed <= 1, "a speed is a share of the highest")
        self.target = target
        self.speed = speed
        self.stateTimeout = stateTimeout
        start = now
        lastState = now
        bestTime = now
    }

    /// The motion to ask for: faster and faster at first. The arm's reference runs ahead at the speed asked for from
    /// its first tick on, and a setpoint that has to catch up with it exceeds that speed.
    package func motion(at now: MonotonicTime) -> ManualCommand.Motion {
        .positions(target, speed: speed * Self.share(after: now - start))
    }

    /// Share of the speed asked for, so long after the beginning.
    static func share(after time: Duration) -> Double { min(max(time.inSeconds / rampTime.inSeconds, 0.02), 1) }

    /// The largest angle that is missing, radians; nil before the first state.
    package var left: Double? { state.map { way(of: $0).magnitude } }

    package mutating func receive(_ state: ArmState, at now: MonotonicTime) {
        guard state.measured.positions.count == target.count, state.setpoint.positions.count == target.count else {
            return
        }
        lastState = now
        self.state = state
        guard state.mode == .manual else { return }
        if !isObeyed { bestTime = now }
        isObeyed = true
        let left = way(of: state).magnitude
        if left < best - Self.progress {
            best = left
            bestTime = now
        }
    }

    package func verdict(at now: MonotonicTime) -> Verdict {
        if now - lastState > stateTimeout { return .gaveUp(.hindered(.silence)) }
        guard let state else { return .underway }
        if let hindrance = Hindrance(state) { return .gaveUp(.hindered(hindrance)) }
        let way = way(of: state)
        guard state.mode == .manual else {
            let isPatient = !isObeyed && now - start <= Self.obeyTime + stateTimeout
            return isPatient ? .underway : .gaveUp(.notObeyed)
        }
        let commanded = state.setpoint.positions - target
        if way.magnitude <= Self.tolerance && commanded.magnitude <= Self.setpointTolerance { return .arrived }
        guard now - bestTime <= Self.progressTime else {
            let worst = (0..<way.count).max { abs(way[$0]) < abs(way[$1]) } ?? 0
            return .gaveUp(.noProgress(joint: worst, off: abs(way[worst])))
        }
        return .underway
    }

    private func way(of state: ArmState) -> JointVector { target - state.measured.positions }
}

extension PoseApproach.Reason {
    /// Words for the finding.
    package func description(of arm: TeleopArm) -> String {
        switch self {
        case .hindered(let hindrance): hindrance.description(of: arm)
        case .notObeyed: "the arm does not follow: another operator or the policy has it"
        case .noProgress(let joint, let off):
            "joint \(arm.name(of: joint) ?? "\(joint + 1)") stays \(off.inDegrees.decimals(1))° off"
        }
    }
}

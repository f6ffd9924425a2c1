import Kinematics
import Maths
import Messages

/// The motion that is sent, one tick after the other: it goes after a reference inside the `SafetyEnvelope` and the
/// workspace box, whoever asks for it. Pure; real-time safe.
struct BoundedMotion: Sendable, BitwiseCopyable {
    let envelope: SafetyEnvelope
    let workspace: ArmCalibration.Workspace
    let inverseKinematics: InverseKinematics
    /// The motion that was sent last.
    private(set) var sent: JointMotion
    /// Place of the reference at the last tick, radians.
    private(set) var reference: JointVector
    /// How far outside the workspace box, by axis, the tool may be: metres.
    private var boxSlack = Vector3.zero

    /// Stands at `positions`, in the box or not.
    init(_ envelope: SafetyEnvelope, _ planner: StepPlanner, at positions: JointVector) {
        self.envelope = envelope
        workspace = planner.workspace
        inverseKinematics = planner.inverseKinematics
        sent = JointMotion(at: positions)
        reference = positions
        admitPresentPlace()
    }

    /// The positions that were sent last, radians.
    var positions: JointVector { sent.positions }

    // MARK: Where the reference is

    /// Puts the reference somewhere else, radians; nothing moves by that.
    mutating func setReference(_ positions: JointVector) { reference = positions }

    /// Puts the reference where what was sent last is.
    mutating func settleReference() { reference = sent.positions }

    /// Stands at once, as when nothing was sent.
    mutating func halt() { sent = JointMotion(at: sent.positions) }

    /// Stands at `positions` from now on, because the arm was found there.
    mutating func restart(at positions: JointVector) {
        sent = JointMotion(at: positions)
        reference = positions
        admitPresentPlace()
    }

    // MARK: One tick

    /// Brakes for one tick.
    mutating func brake() { sent = envelope.braked(from: sent) }

    /// Goes one tick after the reference, which is at `wanted` (radians) now.
    /// - Parameter end: the motion at which the reference ends, with the meaning it has in `SafetyEnvelope.limited`.
    mutating func follow(_ wanted: JointVector, towards end: JointMotion? = nil) {
        let velocity = (wanted - reference) * (1 / envelope.period)
        advance(to: envelope.limited(wanted, movingAt: velocity, from: sent, towards: end))
        reference = wanted
    }

    /// Moves for one tick at these joint velocities (radians per second), as nearly as the limits allow.
    mutating func move(at velocities: JointVector) {
        advance(to: envelope.moved(at: velocities, from: sent))
        reference = sent.positions
    }

    /// Goes one tick towards a configuration (radians), all joints arriving together, none faster than `speed` (radians
    /// per second). A person named the configuration: the workspace box does not stand in its way.
    mutating func approach(_ target: JointVector, atMost speed: JointVector) {
        let way = target - reference
        var excess = 1.0
        for joint in 0..<way.count {
            excess = max(excess, abs(way[joint]) / (speed[joint] * envelope.period))
        }
        let wanted = reference + way * (1 / excess)
        let velocity = (wanted - reference) * (1 / envelope.period)
        sent = envelope.limited(wanted, movingAt: velocity, from: sent)
        reference = wanted
        admitPresentPlace()
    }

    /// Goes one tick of the way back inside the limits, all joints arriving together. Not by way of a reference outside
    /// the limits, which the envelope would take for one at the limit.
    /// - Parameter speed: the fastest joint's, radians per second.
    /// - Returns: whether the arm stands inside.
    mutating func moveBack(atMost speed: Double) -> Bool {
        var inside = sent.positions
        var slowest = Double.infinity
        for joint in 0..<inside.count {
            inside[joint] = min(max(inside[joint], envelope.lower[joint]), envelope.upper[joint])
            slowest = min(slowest, envelope.acceleration[joint])
        }
        let way = inside - sent.positions
        let speed = min(speed, envelope.brakingSpeed(over: way.magnitude, acceleration: slowest))
        if way.magnitude > 0 {
            sent = envelope.moved(at: way * (speed / way.magnitude), from: sent)
        } else {
            brake()
        }
        reference = sent.positions
        admitPresentPlace()
        return sent.isAtRest && way.magnitude < 1e-9
    }

    // MARK: The workspace box

    /// Moves on unless the tool could then no longer stop inside the workspace box: in that case the arm brakes, which
    /// it still can. The targets of all steps are inside; this is for what lies between them.
    private mutating func advance(to next: JointMotion) {
        let chain = inverseKinematics.chain
        let present = workspace.outside(chain.baseFromEEF(sent.positions).translation)
        // Whoever comes in from outside does not go out again, by more than a curve strays.
        let tolerance = ArmController.boxTolerance
        var limit = Vector3(repeating: tolerance)
        for axis in 0..<3 {
            let isInside = present[axis] <= tolerance
            boxSlack[axis] = isInside ? 2 * tolerance : min(boxSlack[axis], present[axis] + 5 * tolerance)
            if !isInside { limit[axis] = boxSlack[axis] }
        }
        var longest = 0.0
        for joint in 0..<next.positions.count {
            longest = max(longest, abs(next.velocities[joint]) / envelope.acceleration[joint])
        }
        // The way to a standstill is not straight, for the joints stop one after the other: looked at in three places.
        for part in 1...3 {
            let point = chain.baseFromEEF(braking(next, for: longest * Double(part) / 3)).translation
            let beyond = workspace.outside(point)
            for axis in 0..<3 where beyond[axis] > limit[axis] && beyond[axis] > present[axis] { return brake() }
        }
        sent = next
    }

    /// Takes the present place for one that is allowed, in the box or not: something to which the box does not apply
    /// has moved the arm.
    private mutating func admitPresentPlace() {
        let tool = inverseKinematics.chain.baseFromEEF(sent.positions).translation
        boxSlack = workspace.outside(tool) + Vector3(repeating: 5 * ArmController.boxTolerance)
    }

    /// Positions of the joints after braking for so many seconds, radians.
    private func braking(_ start: JointMotion, for seconds: Double) -> JointVector {
        var positions = start.positions
        for joint in 0..<positions.count {
            let (speed, deceleration) = (start.velocities[joint], envelope.acceleration[joint])
            let time = min(seconds, abs(speed) / deceleration)
            positions[joint] += speed * time - (speed < 0 ? -1 : 1) * deceleration * time * time / 2
        }
        return positions
    }
}

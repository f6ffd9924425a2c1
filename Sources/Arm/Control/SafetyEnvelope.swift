import Glibc
import Maths

/// Positions and velocities at one control tick.
package struct JointMotion: Equatable, Sendable, BitwiseCopyable {
    /// Joint angles, radians.
    package var positions: JointVector
    /// Joint velocities, radians per second: the change of position over the tick that ended here.
    package var velocities: JointVector

    package init(positions: JointVector, velocities: JointVector) {
        self.positions = positions
        self.velocities = velocities
    }

    /// Stands still at `positions`, radians.
    package init(at positions: JointVector) {
        self.init(positions: positions, velocities: JointVector(repeating: 0, count: positions.count))
    }

    /// Whether no joint moves.
    package var isAtRest: Bool { velocities.magnitude == 0 }
}

/// The last thing between any source of motion and the servos: pure functions of limits, wish and last setpoint.
///
/// All limits hold for the numbers that are sent: with positions q₀ q₁ q₂ … one tick apart, every q is within the joint
/// limits, every (q₁ - q₀) / period within the velocity limit, and every change of that quotient within the
/// acceleration limit times the period. At each tick the joint can still stop before its limit by braking; so the three
/// limits can never contradict each other. Time is counted in nominal ticks: a tick that comes late makes a
/// step no larger. Real-time safe.
package struct SafetyEnvelope: Sendable, BitwiseCopyable {
    /// Lowest angles, radians.
    package let lower: JointVector
    /// Highest angles, radians.
    package let upper: JointVector
    /// Highest speeds, radians per second, positive.
    package let velocity: JointVector
    /// Highest accelerations, radians per second squared, positive.
    package let acceleration: JointVector
    /// Time from tick to tick, seconds.
    package let period: Double

    package init(
        lower: JointVector, upper: JointVector, velocity: JointVector, acceleration: JointVector, period: Double
    ) {
        precondition(period > 0 && period.isFinite, "the control period must be positive and finite")
        self.lower = lower
        self.upper = upper
        self.velocity = velocity
        self.acceleration = acceleration
        self.period = period
    }

    /// Moves one tick towards a moving reference: exactly onto it where the limits allow, else as near as they allow,
    /// and without shooting past it once it stands still. A joint that got ahead of a moving reference waits for it.
    ///
    /// A reference with a NaN or an infinity is refused: the joints brake instead.
    /// - Parameters:
    ///   - wanted: the reference's positions at the new tick, radians.
    ///   - referenceVelocity: the reference's velocity since the tick before, radians per second.
    ///   - last: the motion at the last tick.
    ///   - end: the motion at which the reference ends: position and velocity. A joint that lags behind a reference
    ///     which brakes harder than it can is braked in time to be no faster there: else it would pass it and come
    ///     back.
    package func limited(
        _ wanted: JointVector, movingAt referenceVelocity: JointVector, from last: JointMotion,
        towards end: JointMotion? = nil
    ) -> JointMotion {
        guard wanted.isFinite, referenceVelocity.isFinite else { return braked(from: last) }
        var next = last
        for joint in 0..<wanted.count {
            let goal = min(max(wanted[joint], lower[joint]), upper[joint])
            let speed = goal == wanted[joint] ? referenceVelocity[joint] : 0
            // In the frame that moves with the reference: close the gap, no faster than braking can still undo.
            let gap = goal - speed * period - last.positions[joint]
            let closing = brakingSpeed(over: abs(gap), acceleration: acceleration[joint])
            var wish = speed + (gap < 0 ? -closing : closing)
            // Who got ahead of a reference that goes on waits for it; going back to meet it would be for nothing.
            if speed != 0 && wish * speed < 0 { wish = 0 }
            if let end {
                let room = end.positions[joint] - last.positions[joint]
                let endSpeed = end.velocities[joint] * room > 0 ? abs(end.velocities[joint]) : 0
                // What a stop from the end's own speed takes, in ticks, comes on top.
                let beyond = max(0, endSpeed * (endSpeed / (2 * acceleration[joint]) - period / 2))
                let fastest = brakingSpeed(over: abs(room) + beyond, acceleration: acceleration[joint])
                wish = room < 0 ? max(wish, -fastest) : min(wish, fastest)
            }
            move(&next, joint, at: wish)
        }
        return next
    }

    /// Moves for one tick at these velocities (radians per second), as nearly as the limits allow.
    package func moved(at velocities: JointVector, from last: JointMotion) -> JointMotion {
        guard velocities.isFinite else { return braked(from: last) }
        var next = last
        for joint in 0..<velocities.count { move(&next, joint, at: velocities[joint]) }
        return next
    }

    /// Brakes for one tick, each joint as hard as its acceleration limit allows, until it stands.
    package func braked(from last: JointMotion) -> JointMotion {
        var next = last
        for joint in 0..<last.positions.count { move(&next, joint, at: 0) }
        return next
    }

    /// Moves one joint for one tick at the permitted speed nearest to `speed`.
    private func move(_ motion: inout JointMotion, _ joint: Int, at speed: Double) {
        let present = motion.velocities[joint]
        let position = motion.positions[joint]
        let change = acceleration[joint] * period
        let fastestUp = brakingSpeed(over: max(0, upper[joint] - position), acceleration: acceleration[joint])
        let fastestDown = brakingSpeed(over: max(0, position - lower[joint]), acceleration: acceleration[joint])
        // Applied in order of importance: if a fault elsewhere ever made them contradict, the position limit wins.
        var permitted = min(max(speed, present - change), present + change)
        permitted = min(max(permitted, -velocity[joint]), velocity[joint])
        permitted = min(max(permitted, -fastestDown), fastestUp)
        let next = position + permitted * period
        motion.velocities[joint] = permitted
        // Rounding of the line above must not carry it over a limit; a start outside the limits is not cut short.
        motion.positions[joint] = min(max(next, min(position, lower[joint])), max(position, upper[joint]))
    }

    /// The first joint that is beyond its limits by more than `tolerance`; nil when there is none.
    /// - Parameters:
    ///   - positions: joint angles, radians.
    ///   - tolerance: angle by which a joint may be beyond a limit, radians.
    func firstJointBeyondLimits(at positions: JointVector, by tolerance: Double) -> Int? {
        for joint in 0..<positions.count
        where positions[joint] < lower[joint] - tolerance || positions[joint] > upper[joint] + tolerance {
            return joint
        }
        return nil
    }

    /// The highest speed for the coming tick such that braking in the ticks after it ends within `distance`.
    ///
    /// Moving at u = mδ + r (δ = acceleration × period, 0 ≤ r < δ) and then slower by δ each tick covers
    /// period × (δ m(m+1)/2 + (m+1) r), which is solved for u. The continuous formula √(2 a d) is wrong by up to a
    /// tick's travel, and would not give `distance / period` for what can be done in a single tick.
    func brakingSpeed(over distance: Double, acceleration: Double) -> Double {
        let change = acceleration * period
        let reach = distance / period
        let m = (((1 + 8 * reach / change).squareRoot() - 1) / 2).rounded(.down)
        let rest = (reach - change * m * (m + 1) / 2) / (m + 1)
        return m * change + rest
    }
}

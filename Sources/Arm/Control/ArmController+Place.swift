import Maths
import Messages
import Time

// Where the arm stands, when somebody or something else may have moved it.
extension ArmController {
    /// Seconds without a whole reading after which the setpoint is drawn to where the arm was read to be: a process
    /// that slept, a loop that was late, servos that did not answer. Longer than a servo needs to get to its last goal,
    /// so that the lag of a moving arm is not taken for a move by somebody else; and at least three ticks.
    var longestPause: Double { max(0.04, 3 * configuration.rate.periodSeconds) }

    /// Waits until the arm was read whole at one place twice in a row, and draws the setpoint there.
    /// - Returns: whether that is so.
    mutating func findPlace(at now: MonotonicTime) -> Bool {
        // Nothing is sent: the servos stand on their last goals, or somebody has moved them.
        motion.halt()
        guard place.look(readings.isWhole ? readings.measured : nil) else {
            if !readings.isWhole {
                motion.settleReference()
            } else if let reference = referenceOfPolicy(at: now) {
                motion.setReference(reference)
            }
            return false
        }
        if place.hasMoved { counts.pauses += 1 }
        drawToMeasured()
        return true
    }

    /// Draws the setpoint to where the arm was read to be. The rest of the way, if somebody asks for it, is made at the
    /// joints' own speed.
    private mutating func drawToMeasured() {
        let measured = readings.measured
        let envelope = motion.envelope
        var found = motion.positions
        for joint in 0..<jointCount {
            let reach = envelope.velocity[joint] * envelope.period
            // Onto it, not to within a tick's travel of it: the tick that sends the first goal goes on from here.
            if abs(found[joint] - measured.positions[joint]) > reach { found[joint] = measured.positions[joint] }
        }
        let isGripperElsewhere = gripper.draw(to: measured.gripper, stays: phase.holdReason != nil)
        let isArmElsewhere = found != motion.positions
        if isArmElsewhere { motion.restart(at: found) }
        if isArmElsewhere || isGripperElsewhere { counts.recoveries += 1 }
    }
}

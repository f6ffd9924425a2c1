import Messages

/// The outcome of one control tick.
package struct ArmTick: Equatable, Sendable, BitwiseCopyable {
    /// What the driver is told, and the rest of what the arm is doing.
    package var state: ArmState
    /// What became of a chunk; at most one per tick, the others follow.
    package var report: ChunkReport?
    /// The servos are to let go instead of taking the setpoint.
    package var isLimp = false
    /// Nothing is to be sent: where the arm stands is not certain yet. The servos keep the goals that they have.
    package var isWithheld = false

    package var setpoint: JointSetpoint { state.setpoint }
}
